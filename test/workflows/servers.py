"""An MLflow that knows the calls the scripts make, with a real server's answers, and an app with settable answers."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse


class _Server:
    def __init__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self):
                length = int(self.headers.get("Content-Length") or 0)
                status, body = outer.answer(self.command, self.path, self.rfile.read(length))
                if status is None:
                    self.connection.close()
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = _any

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.005,), daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


class App(_Server):
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


class Mlflow(_Server):
    MODEL = "GourmetGramFood11Model"

    def __init__(self):
        self.versions, self.aliases, self.files, self.refused, self.writes, self.away = {}, {}, {}, [], [], 0
        self.runs, self.experiments, self.broken = {}, {}, None
        super().__init__()

    def add(self, version, **tags):
        self.versions[str(version)] = {key.replace("__", "."): value for key, value in tags.items()}
        self.runs[f"run{version}"] = {"status": "FINISHED", "tags": {"data_sha256": f"data{version}"}, "metrics": {}, "name": "train"}

    def fail_on(self, part):
        """From now on calls whose path has `part` in it find MLflow away; None: it is back."""
        self.broken = part

    def releases(self, **wanted):
        """Tags, with status and metrics, of the release records, oldest first; those that have all of `wanted`."""
        records = [{**run["tags"], "status": run["status"], "metrics": run["metrics"]} for run in self.runs.values() if "action" in run["tags"]]
        return [record for record in records if wanted.items() <= record.items()]

    def answer(self, method, path, body):
        if self.away > 0 or (self.broken and self.broken in path):
            self.away = max(0, self.away - 1)
            return 503, b"starting"
        url = urlparse(path)
        fields = {key: values[0] for key, values in parse_qs(url.query).items()} or json.loads(body or b"{}")
        place = url.path.removeprefix("/api/2.0/")
        if method == "GET" and place.startswith("mlflow-artifacts/artifacts/"):
            content = self.files.get(place.removeprefix("mlflow-artifacts/artifacts/"))
            return (200, content) if content is not None else (404, b"{}")
        assert fields.get("name", self.MODEL) == self.MODEL or "experiments" in place, fields
        handler = getattr(self, f"{method}_{place.removeprefix('mlflow/')}".replace("/", "_").replace("-", "_"), None)
        if handler is None:
            self.refused.append(f"{method} {path}")
            return 404, b'{"error_code": "ENDPOINT_NOT_FOUND"}'
        if method != "GET" and not place.startswith(("mlflow/runs/", "mlflow/experiments/")):
            self.writes.append((method, fields))
        status, answer = handler(fields)
        return status, json.dumps(answer).encode()

    def _version(self, number):
        tags = [{"key": key, "value": value} for key, value in self.versions[number].items()]
        return {"name": self.MODEL, "version": number, "run_id": f"run{number}", "tags": tags}

    def _known(self, fields):
        missing = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Model Version (name={self.MODEL}, version={fields['version']}) not found"}
        return (200, None) if fields["version"] in self.versions else (404, missing)

    def GET_model_versions_get(self, fields):
        status, error = self._known(fields)
        return status, error or {"model_version": self._version(fields["version"])}

    def GET_model_versions_get_download_uri(self, fields):
        status, error = self._known(fields)
        return status, error or {"artifact_uri": f"mlflow-artifacts:/0/run{fields['version']}/artifacts"}

    def GET_model_versions_search(self, fields):
        assert fields["filter"] == f"name='{self.MODEL}'", fields
        return 200, {"model_versions": [self._version(number) for number in self.versions]}

    def POST_model_versions_set_tag(self, fields):
        self.versions[fields["version"]][fields["key"]] = fields["value"]
        return 200, {}

    def GET_registered_models_alias(self, fields):
        number = self.aliases.get(fields["alias"])
        if number is None:
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": f"Registered model alias {fields['alias']} not found."}
        return 200, {"model_version": self._version(number)}

    def POST_registered_models_alias(self, fields):
        self.aliases[fields["alias"]] = fields["version"]
        return 200, {}

    def DELETE_registered_models_alias(self, fields):
        del self.aliases[fields["alias"]]
        return 200, {}

    def GET_experiments_get_by_name(self, fields):
        number = self.experiments.get(fields["experiment_name"])
        if number is None:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Could not find experiment with name '{fields['experiment_name']}'"}
        return 200, {"experiment": {"experiment_id": number, "name": fields["experiment_name"]}}

    def POST_experiments_create(self, fields):
        self.experiments[fields["name"]] = str(len(self.experiments) + 1)
        return 200, {"experiment_id": self.experiments[fields["name"]]}

    def _run(self, number):
        run = self.runs[number]
        tags = [{"key": key, "value": value} for key, value in run["tags"].items()]
        metrics = [{"key": key, "value": value} for key, value in run["metrics"].items()]
        return {"info": {"run_id": number, "run_name": run["name"], "status": run["status"]}, "data": {"tags": tags, "metrics": metrics}}

    def GET_runs_get(self, fields):
        if fields["run_id"] not in self.runs:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Run with id={fields['run_id']} not found"}
        return 200, {"run": self._run(fields["run_id"])}

    def POST_runs_create(self, fields):
        assert fields["experiment_id"] in self.experiments.values() and fields["start_time"] > 1e12, fields
        number = f"release{len(self.runs)}"
        self.runs[number] = {"status": "RUNNING", "tags": {tag["key"]: tag["value"] for tag in fields["tags"]}, "metrics": {}, "name": fields["run_name"]}
        return 200, {"run": self._run(number)}

    def POST_runs_log_batch(self, fields):
        run = self.runs[fields["run_id"]]
        run["tags"] |= {tag["key"]: tag["value"] for tag in fields.get("tags", [])}
        run["metrics"] |= {metric["key"]: metric["value"] for metric in fields.get("metrics", [])}
        return 200, {}

    def POST_runs_update(self, fields):
        assert fields["end_time"] > 1e12, fields
        self.runs[fields["run_id"]]["status"] = fields["status"]
        return 200, {"run_info": self._run(fields["run_id"])["info"]}

    def POST_runs_search(self, fields):
        """Knows conditions of the form `tags.key = 'value'` and `attributes.status = 'VALUE'`, joined by `and`."""
        found = []
        for number, run in self.runs.items():
            known = {f"tags.{key}": value for key, value in run["tags"].items()} | {"attributes.status": run["status"]}
            wanted = dict(re.fullmatch(r"(\S+) = '([^']*)'", part).groups() for part in fields["filter"].split(" and "))
            if run["name"] != "train" and wanted.items() <= known.items():
                found.append(self._run(number))
        return 200, {"runs": found} if found else {}
