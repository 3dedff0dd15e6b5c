"""
An MLflow that knows the calls that the steps make, with a real server's answers (test_recorded.py), and an app with
settable answers.
"""

import base64
import itertools
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse


class Listener:
    """An HTTP server on this machine with a handler of its own, until `stop`."""

    # Where it listens; port 0: a free one.
    address = ("127.0.0.1", 0)

    def __init__(self, handler):
        self.http = ThreadingHTTPServer(self.address, handler)
        self.url = f"http://{self.address[0]}:{self.http.server_port}"
        self.stopped = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        # `serve_forever` would look many times a second whether it was told to end.
        while not self.stopped:
            self.http.handle_request()

    def stop(self):
        if self.stopped:
            return
        self.stopped = True
        # It waits for a connection.
        socket.create_connection(self.http.server_address).close()
        self.thread.join()
        self.http.server_close()


class Server(Listener):
    """One whose `answer` a subclass gives."""

    # After so many bytes an artifact breaks off; None: it does not.
    cut_off = None

    def __init__(self):
        outer = self
        # Path and `X-Probe` of each request.
        self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def _any(self):
                outer.asked.append((self.path, self.headers.get("X-Probe")))
                length = int(self.headers.get("Content-Length") or 0)
                status, body = outer.answer(self.command, self.path, self.rfile.read(length))
                if status is None:
                    self.connection.close()
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if "/artifacts/" in self.path and outer.cut_off is not None:
                    body = body[: outer.cut_off]
                    self.close_connection = True
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_DELETE = _any

            def log_message(self, *_):
                pass

        super().__init__(Handler)


class App(Server):
    """`paths` maps a path to (status, text), or to a list of them that is used up to its last."""

    def __init__(self):
        self.paths = {}
        super().__init__()

    def serves(self, version):
        self.paths["/version"] = (200, json.dumps({"model_version": f"1.0.{version}"}))

    def answer(self, _method, path, _body):
        answers = self.paths.get(path, (404, '{"error": "versions.txt not found"}'))
        if isinstance(answers, list):
            answers = answers.pop(0) if len(answers) > 1 else answers[0]
        status, text = answers
        return status, text.encode()


# What MLflow says when SQLite cannot write.
DISK_IS_FULL = {
    "error_code": "TEMPORARILY_UNAVAILABLE",
    "message": "(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT INTO tags (...) VALUES (?, ?, ?)]",
    "sqlstate": "XXM00",
    "error_class": "CLIENT_INTERNAL_ERROR",
}
NOW = 1767225600000  # milliseconds; every time that this MLflow tells


class Mlflow(Server):
    MODEL = "GourmetGramFood11Model"

    def __init__(self):
        self.versions, self.aliases, self.files, self.refused, self.writes, self.away = {}, {}, {}, [], [], 0
        self.runs, self.experiments, self.deleted, self.broken = {}, {"gourmetgram-train": "0"}, set(), None
        self.refusing, self.refusing_once, self.losing = None, None, None
        self.places = {}  # of the files of a run, where they are not in a folder of its own
        self.registered, self.sources = {}, {}  # by version, where they differ from those of every other one
        self.page_size = None  # of a search of runs, if it is smaller than what is asked for
        self.full = False  # whether its volume is: it then answers what a real one answers
        self.changed, self.descriptions, self.counter, self.pages = {}, {}, itertools.count(), 0
        self.elsewhere = None  # where the artifacts are, if MLflow serves them not itself
        super().__init__()

    def add(self, version, **tags):
        self.versions[str(version)] = {key.replace("__", "."): value for key, value in tags.items()}
        self.change(str(version))
        self._add_run(f"run{version}", "0", "train", {"data_sha256": f"data{version}"}, "FINISHED")

    def change(self, version, at=NOW):
        """A version was changed, but for its tags."""
        self.changed[version] = (at, next(self.counter))

    def add_training(self, run, at, status):
        """A training that began and ended at a time, with no version."""
        self._add_run(run, "0", "train", {}, status)
        self.runs[run] |= {"started": at, "ended": at}

    def deleted_runs(self):
        return [number for number, run in self.runs.items() if "deleted" in run]

    def open_release(self, number, **tags):
        """A release record that was opened before."""
        self.experiments["gourmetgram-releases"] = "1"
        self._add_run(number, "1", f"{tags['action']} {tags['environment']}", tags)

    def _add_run(self, number, experiment, name, tags, status="RUNNING"):
        self.runs[number] = {
            "experiment": experiment,
            "name": name,
            "tags": {**tags, "mlflow.runName": name},
            "status": status,
            "metrics": {},
            "started": NOW,
            "ended": NOW,
        }

    def served(self, environment, version, digest, ended=NOW):
        """A release that came to its end: what the environment serves since then."""
        self.experiments["gourmetgram-releases"] = "1"
        number = f"served{len(self.runs)}"
        tags = {"environment": environment, "serves_version": version, "serves_digest": digest}
        self._add_run(number, "1", f"promote {environment}", tags, "FINISHED")
        self.runs[number]["ended"] = ended

    def record(self, action, environment, version, at, about=None):
        """A release that came to its end. `about`: the version that it was about, if not the one that serves then."""
        known = "base" if version == "base" else f"1.0.{version}"
        image = "sha256:" + ("b" if version == "base" else str(version)) * 64
        self.served(environment, known, image[:71], at)
        tags = {"action": action, "app_version": f"1.0.{about or version}"}
        self.runs[f"served{len(self.runs) - 1}"]["tags"] |= tags

    def fail_on(self, part):
        """From now on calls with `part` in their path or filter find MLflow away; None: it is back."""
        self.broken = part

    def refuse(self, part):
        """From now on MLflow refuses calls whose path has `part` in it, for good."""
        self.refusing = part

    def refuse_once(self, part):
        """MLflow refuses the next call whose path has `part` in it."""
        self.refusing_once = part

    def lose_on(self, part):
        """The next call whose path has `part` in it finds its version deleted."""
        self.losing = part

    def releases(self, **wanted):
        """Tags, with status and metrics, of the release records, oldest first; those that have all of `wanted`."""
        records = [
            {**run["tags"], "status": run["status"], "metrics": run["metrics"]}
            for run in self.runs.values()
            if "action" in run["tags"]
        ]
        return [record for record in records if wanted.items() <= record.items()]

    def answer(self, method, path, body):
        url = urlparse(path)
        fields = {key: values[0] for key, values in parse_qs(url.query).items()} or json.loads(body or b"{}")
        if self.away > 0 or (self.broken and self.broken in f"{path} {fields.get('filter')}"):
            self.away = max(0, self.away - 1)
            return 503, b"starting"
        if self.full and method == "POST" and not path.endswith("search"):
            return 503, json.dumps(DISK_IS_FULL).encode()
        is_refused_once = self.refusing_once and self.refusing_once in path
        if is_refused_once:
            self.refusing_once = None
        if is_refused_once or (self.refusing and self.refusing in path):
            status, answer = _error(400, "INVALID_STATE", "INVALID_STATE", "The store is read-only.")
            return status, json.dumps(answer).encode()
        if self.losing and self.losing in path:
            del self.versions[json.loads(body)["version"]]
            self.losing = None
        place = url.path.removeprefix("/api/2.0/")
        if place.startswith("mlflow-artifacts/artifacts/"):
            file = place.removeprefix("mlflow-artifacts/artifacts/")
            if method == "DELETE":
                return self._delete_artifacts(file)
            return self._artifact(file)
        assert fields.get("name", self.MODEL) == self.MODEL or "experiments" in place, fields
        handler = getattr(self, f"{method}_{place.removeprefix('mlflow/')}".replace("/", "_").replace("-", "_"), None)
        if handler is None:
            self.refused.append(f"{method} {path}")
            return 404, b'{"error_code": "ENDPOINT_NOT_FOUND"}'
        if method != "GET" and not place.startswith(("mlflow/runs/", "mlflow/experiments/")):
            self.writes.append((method, fields))
        status, answer = handler(fields)
        return status, json.dumps(answer).encode()

    def _artifact(self, file):
        if file in self.files:
            return 200, self.files[file]
        status, answer = _missing(f"No such artifact: '{file}'")
        return status, json.dumps(answer).encode()

    def _delete_artifacts(self, place):
        """Deletes a file, or all of a folder; a real MLflow says the same of what is not there."""
        self.files = {
            file: content
            for file, content in self.files.items()
            if file != place and not file.startswith(f"{place.rstrip('/')}/")
        }
        return 200, b"{}"

    def _of_version(self, fields, answer=dict):
        """What `answer` gives, where the version is there."""
        if fields["version"] in self.versions:
            return 200, answer()
        return _missing(f"Model Version (name={self.MODEL}, version={fields['version']}) not found")

    def _version(self, number, aliases=True):
        known = {
            "name": self.MODEL,
            "version": number,
            "creation_timestamp": self.registered.get(number, NOW),
            "last_updated_timestamp": self.changed[number][0],
            "current_stage": "None",
            "description": self.descriptions.get(number, ""),
            "source": self.sources.get(number, _artifacts("0", f"run{number}")),
            "run_id": f"run{number}",
            "status": "READY",
            "run_link": "",
        }
        named = sorted(alias for alias, version in self.aliases.items() if aliases and version == number)
        return known | _present(tags=_pairs(self.versions[number]), aliases=named)

    def GET_model_versions_get(self, fields):
        return self._of_version(fields, lambda: {"model_version": self._version(fields["version"])})

    def GET_model_versions_get_download_uri(self, fields):
        place = self.elsewhere or _artifacts("0", f"run{fields['version']}")
        return self._of_version(fields, lambda: {"artifact_uri": place})

    def GET_model_versions_search(self, fields):
        """Knows the name and at most one condition with `=` on a tag, the last changed version first, and pages."""
        name, key, value = re.fullmatch(r"name='(\S+)'(?: and tags\.`(\S+)`='([^']*)')?", fields["filter"]).groups()
        assert (name, fields["order_by"]) == (self.MODEL, "last_updated_timestamp DESC"), fields
        self.pages += 1
        found = [number for number, tags in self.versions.items() if key is None or tags.get(key) == value]
        found = sorted(found, key=self.changed.get, reverse=True)
        begin = json.loads(base64.b64decode(fields.get("page_token", "")) or '{"offset": 0}')["offset"]
        end = begin + int(fields["max_results"])
        page = _present(model_versions=[self._version(number, aliases=False) for number in found[begin:end]])
        return 200, page | (_next_page(end) if len(found) > end else {})

    def PATCH_model_versions_update(self, fields):
        def update():
            self.descriptions[fields["version"]] = fields["description"]
            self.change(fields["version"])
            return {"model_version": self._version(fields["version"])}

        return self._of_version(fields, update)

    def POST_model_versions_set_tag(self, fields):
        return self._of_version(
            fields, lambda: self.versions[fields["version"]].update({fields["key"]: fields["value"]}) or {}
        )

    def GET_registered_models_get(self, fields):
        if not self.versions:
            return _missing(f"Registered Model with name={self.MODEL} not found")
        aliases = [{"alias": alias, "version": self.aliases[alias]} for alias in sorted(self.aliases)]
        newest = self._version(list(self.versions)[-1], aliases=False)
        known = {"name": self.MODEL, "creation_timestamp": NOW, "last_updated_timestamp": NOW}
        return 200, {"registered_model": known | {"latest_versions": [newest]} | _present(aliases=aliases)}

    def GET_registered_models_alias(self, fields):
        if not self.versions:
            return _missing(f"Registered Model with name={self.MODEL} not found")
        if self.aliases.get(fields["alias"]) not in self.versions:  # an alias goes with its version
            return _error(
                400,
                "INVALID_PARAMETER_VALUE",
                "INVALID_PARAMETER_VALUE",
                f"Registered model alias {fields['alias']} not found.",
            )
        return 200, {"model_version": self._version(self.aliases[fields["alias"]])}

    def POST_registered_models_alias(self, fields):
        return self._of_version(fields, lambda: self.aliases.update({fields["alias"]: fields["version"]}) or {})

    def DELETE_registered_models_alias(self, fields):
        self.aliases.pop(fields["alias"], None)
        return 200, {}

    def GET_experiments_get_by_name(self, fields):
        name = fields["experiment_name"]
        if name not in self.experiments:
            return _missing(f"Could not find experiment with name '{name}'")
        number = self.experiments[name]
        known = {
            "experiment_id": number,
            "name": name,
            "artifact_location": f"mlflow-artifacts:/{number}",
            "workspace": "default",
        }
        stage = "deleted" if number in self.deleted else "active"
        return 200, {"experiment": {**known, "lifecycle_stage": stage, "last_update_time": NOW, "creation_time": NOW}}

    def POST_experiments_create(self, fields):
        self.experiments[fields["name"]] = str(len(self.experiments.keys() - {"gourmetgram-train"}) + 1)
        return 200, {"experiment_id": self.experiments[fields["name"]]}

    def POST_experiments_restore(self, fields):
        self.deleted.discard(fields["experiment_id"])
        return 200, {}

    def _run(self, number):
        run = self.runs[number]
        info = {
            "run_uuid": number,
            "run_id": number,
            "experiment_id": run["experiment"],
            "run_name": run["name"],
            "user_id": "",
            "status": run["status"],
            "start_time": run["started"],
            "artifact_uri": self.places.get(number, _artifacts(run["experiment"], number)),
            "lifecycle_stage": "active",
        }
        ended = {} if run["status"] == "RUNNING" else {"end_time": run["ended"]}
        metrics = [{"key": key, "value": value, "timestamp": NOW, "step": 0} for key, value in run["metrics"].items()]
        return {"info": info | ended, "data": _present(tags=_pairs(run["tags"]), metrics=metrics), "inputs": {}}

    def GET_runs_get(self, fields):
        if fields["run_id"] not in self.runs:
            return _missing(f"Run with id={fields['run_id']} not found")
        return 200, {"run": self._run(fields["run_id"]) | {"outputs": {}}}

    def POST_runs_create(self, fields):
        assert fields["experiment_id"] in self.experiments.values() and fields["start_time"] > 1e12, fields
        if fields["experiment_id"] in self.deleted:
            return _error(
                400,
                "INVALID_STATE",
                "INVALID_STATE",
                f"The experiment {fields['experiment_id']} must be in the 'active' state.",
            )
        number = f"release{len(self.runs)}"
        self._add_run(
            number, fields["experiment_id"], fields["run_name"], {tag["key"]: tag["value"] for tag in fields["tags"]}
        )
        self.runs[number]["started"] = fields["start_time"]
        return 200, {"run": self._run(number)}

    def POST_runs_delete(self, fields):
        """A real MLflow says the same of one that is deleted already."""
        self.runs[fields["run_id"]]["deleted"] = True
        return 200, {}

    def POST_runs_log_batch(self, fields):
        run = self.runs[fields["run_id"]]
        run["tags"] |= {tag["key"]: tag["value"] for tag in fields.get("tags", [])}
        run["metrics"] |= {metric["key"]: metric["value"] for metric in fields.get("metrics", [])}
        return 200, {}

    def POST_runs_update(self, fields):
        assert fields["end_time"] > 1e12, fields
        self.runs[fields["run_id"]] |= {"status": fields["status"], "ended": fields["end_time"]}
        return 200, {"run_info": self._run(fields["run_id"])["info"]}

    def POST_runs_search(self, fields):
        """Knows conditions with `=`, `!=` and `LIKE 'start%'`, joined by `and`, and the newest end first."""
        assert fields.get("order_by", ["attributes.end_time DESC"]) == ["attributes.end_time DESC"], fields
        conditions = fields.get("filter", "").split(" and ") if fields.get("filter") else []
        wanted = [re.fullmatch(r"(\S+) (=|!=|LIKE) '([^']*)'", part).groups() for part in conditions]
        found = []
        for number, run in self.runs.items():
            known = {f"tags.{key}": value for key, value in run["tags"].items()} | {"attributes.status": run["status"]}
            is_there = run["experiment"] in fields["experiment_ids"] and "deleted" not in run
            if is_there and all(_holds(known, *one) for one in wanted):
                found.append(number)
        found.reverse()  # the newest first
        if "order_by" in fields:
            found = sorted(found, key=lambda number: -self.runs[number]["ended"])
        begin = json.loads(base64.b64decode(fields["page_token"]))["offset"] if "page_token" in fields else 0
        size = min(fields["max_results"], self.page_size or fields["max_results"])
        page = found[begin : begin + size]
        runs = _present(runs=[self._run(number) | {"outputs": {}} for number in page])
        if len(page) < size:
            return 200, runs
        return 200, runs | _next_page(begin + len(page))


def _holds(known, key, operator, value):
    if key not in known:
        return False
    if operator == "LIKE":
        return known[key].startswith(value.removesuffix("%"))
    return (known[key] == value) == (operator == "=")


def _next_page(offset):
    return {"next_page_token": base64.b64encode(json.dumps({"offset": offset}).encode()).decode()}


def _present(**lists):
    """MLflow leaves out a list that is empty."""
    return {key: value for key, value in lists.items() if value}


def _pairs(values):
    return [{"key": key, "value": value} for key, value in values.items()]


def _artifacts(experiment, run):
    return f"mlflow-artifacts:/{experiment}/{run}/artifacts"


def _error(status, code, kind, message):
    return status, {"error_code": code, "message": message, "sqlstate": "KAM00", "error_class": kind}


def _missing(message):
    return _error(404, "RESOURCE_DOES_NOT_EXIST", "RESOURCE_NOT_FOUND", message)
