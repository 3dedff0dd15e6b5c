"""An MLflow that knows the calls the scripts make, with a real server's answers, and an app with settable answers."""

import json
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
        super().__init__()

    def add(self, version, **tags):
        self.versions[str(version)] = {key.replace("__", "."): value for key, value in tags.items()}

    def answer(self, method, path, body):
        if self.away > 0:
            self.away -= 1
            return 503, b"starting"
        url = urlparse(path)
        fields = {key: values[0] for key, values in parse_qs(url.query).items()} or json.loads(body or b"{}")
        place = url.path.removeprefix("/api/2.0/")
        if method == "GET" and place.startswith("mlflow-artifacts/artifacts/"):
            content = self.files.get(place.removeprefix("mlflow-artifacts/artifacts/"))
            return (200, content) if content is not None else (404, b"{}")
        assert fields.get("name", self.MODEL) == self.MODEL, fields
        handler = getattr(self, f"{method}_{place.removeprefix('mlflow/')}".replace("/", "_").replace("-", "_"), None)
        if handler is None:
            self.refused.append(f"{method} {path}")
            return 404, b'{"error_code": "ENDPOINT_NOT_FOUND"}'
        if method != "GET":
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
