"""What kubectl and crane say when they are refused, and when the API server or the registry is away or in trouble."""

import http.client
import json
import re
import socket
import struct
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from recording import BIN, KUBECONFIG, NOBODY, SPACE, create, good, keep, kubectl, say, until

STATUS = {  # trouble that the API server tells of itself: its status, reason and message
    "unavailable": (503, "ServiceUnavailable", "the server is currently unable to handle the request"),
    "timeout": (504, "Timeout", "Timeout: request did not complete within the allotted timeout"),
    "server-timeout": (500, "ServerTimeout", "The operation could not be completed at this time, please try again."),
    "too-many": (429, "TooManyRequests", "Too many requests, please try again later."),
    "etcd": (500, "", "etcdserver: request timed out"),
    "internal-error": (500, "InternalError", "Internal error occurred"),
    "webhook": (
        500,
        "InternalError",
        'Internal error occurred: failed calling webhook "x": failed to call webhook: context deadline exceeded',
    ),
    "conflict": (
        409,
        "Conflict",
        'Operation cannot be fulfilled on pods "nothing": the object has been modified; please apply your changes to '
        "the latest version and try again",
    ),
    "expired": (410, "Expired", "The resourceVersion for the provided list is too old."),
}
ERRORS = {  # what the registry says of itself: its status and message. crane tells its code alone
    "TOOMANYREQUESTS": (429, "too many requests"),
    "DENIED": (403, "requested access to the resource is denied"),
    # What it has lost of a push that it was restarted in.
    "MANIFEST_BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "BLOB_UPLOAD_UNKNOWN": (404, "blob upload unknown to registry"),
    "UNKNOWN": (500, "unknown error"),
}
# What a registry adds to UNKNOWN whose volume is full.
FULL = {"DriverName": "filesystem", "Enclosed": {"Op": "write", "Path": "/var/lib/registry/docker", "Err": 28}}
CUT = ("reset", "closed", "cut-short", "stopping")  # trouble on the way


def record():
    get = ("get", "pods", "nothing", "--namespace", SPACE, "--output", "json")
    workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "x", "namespace": SPACE}}
    workflow["spec"] = {"workflowTemplateRef": {"name": "nothing"}}
    calls = {
        "not-found": kubectl("get", "workflows.argoproj.io", "nothing", "--namespace", SPACE, "--output", "json"),
        "created": create(workflow),
        "already-exists": create(workflow),
        "forbidden": kubectl("--as", f"system:serviceaccount:{SPACE}:default", *get),
        "refused": kubectl("--server", f"https://{NOBODY}", *get),
        "create-refused": create(workflow, "--server", f"https://{NOBODY}"),
        "no-such-host": kubectl("--server", "https://api.invalid", *get),
    }
    for trouble in (*CUT, *STATUS):
        with troubled(trouble) as server:
            calls[trouble] = kubectl("--server", f"http://{server}", *get)
    for trouble in ("reset", "closed"):
        with troubled(trouble) as server:
            calls[f"create-{trouble}"] = create(workflow, "--server", f"http://{server}")
    keep("kubectl.json", calls)
    keep("crane.json", crane_calls())
    keep("hey/unusable.txt", say("hey", "-n", "5", "-c", "10", f"http://{NOBODY}/test")["stderr"])


def crane_calls():
    with tempfile.TemporaryDirectory() as folder, registry(folder) as real, registry(folder, auth=True) as closed:
        layer = Path(folder, "layer.tar")
        with tarfile.open(layer, "w") as tar:
            tar.addfile(tarfile.TarInfo("app/food11.onnx"))
        append, unknown = ("append", "--new_layer", str(layer), "--new_tag"), f"@sha256:{'1' * 64}"
        base = good(say("crane", *append, f"{real}/base:base", "--oci-empty-base")).strip()
        calls = {
            "append": say("crane", *append, f"{real}/app:staging-1.0.7", "--base", base),
            "tag": say("crane", "tag", base, "canary-1.0.7"),
            "append-unknown": say("crane", *append, f"{real}/app:staging-1.0.7", "--base", f"{real}/base{unknown}"),
            "append-refused": say("crane", *append, f"{NOBODY}/app:staging-1.0.7", "--base", f"{NOBODY}/base{unknown}"),
            "append-unauthorized": say("crane", *append, f"{closed}/app:staging-1.0.7", "--base", base),
            "unknown": say("crane", "tag", f"{real}/app{unknown}", "canary-1.0.7"),
            "refused": say("crane", "tag", f"{NOBODY}/app{unknown}", "canary-1.0.7"),
            "no-such-host": say("crane", "tag", f"registry.invalid:5000/app{unknown}", "canary-1.0.7"),
        }
        for trouble in ("reset", "closed", "408", "429", "500", "502", "503", "504", *ERRORS):
            with troubled(trouble) as server:
                calls[trouble] = say("crane", "tag", f"{server}/app{unknown}", "canary-1.0.7")
    return {name: call | {"call": call["call"].replace(folder, "/tmp")} for name, call in calls.items()}


@contextmanager
def registry(folder, auth=False):
    """Debian's registry, on any free port; with `auth` it knows nobody."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": folder}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    config |= {"auth": {"htpasswd": {"realm": "recording", "path": f"{folder}/users"}}} if auth else {}
    file = Path(folder, f"{port}.json")
    file.write_text(json.dumps(config))
    process = subprocess.Popen(["docker-registry", "serve", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: say("crane", "catalog", f"127.0.0.1:{port}")["stderr"].find("refused") < 0, "the registry")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def troubled(trouble):
    """
    A server in this kind of trouble: whatever asks for a pod, a Workflow or an image sees it. What leads there works,
    the API server's discovery and schemas or the registry's `/v2/`.
    """
    proxy = subprocess.Popen(
        [BIN / "kubectl", "--kubeconfig", KUBECONFIG, "proxy", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    upstream = re.search(r"[\d.]+:\d+", proxy.stdout.readline()).group()
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (Troubled,), {"trouble": trouble, "upstream": upstream})
    )
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        proxy.terminate()
        proxy.wait()


class Troubled(BaseHTTPRequestHandler):
    def any(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if "/namespaces/" in self.path or "/manifests/" in self.path:
            self.fail()
        elif self.path == "/v2/":
            self.reply(200, b"{}")
        else:
            way = http.client.HTTPConnection(self.upstream)
            way.request("GET", self.path, headers={"Accept": self.headers["Accept"] or "*/*"})
            answer = way.getresponse()
            self.reply(answer.status, answer.read(), answer.headers["Content-Type"])

    do_GET = do_POST = do_HEAD = any

    def fail(self):
        if self.trouble in STATUS:
            code, reason, message = STATUS[self.trouble]
            status = {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "message": message,
                "reason": reason,
                "code": code,
            }
            return self.reply(code, json.dumps(status).encode())
        if self.trouble in ERRORS:
            code, message = ERRORS[self.trouble]
            error = {"code": self.trouble, "message": message}
            error |= {"detail": FULL} if self.trouble == "UNKNOWN" else {}
            return self.reply(code, json.dumps({"errors": [error]}).encode())
        if self.trouble.isdigit():
            return self.reply(int(self.trouble), b"trouble", "text/plain")
        if self.trouble == "cut-short":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        if self.trouble == "stopping":
            self.server.socket.close()
        if self.trouble in ("reset", "stopping"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def reply(self, code, body, kind="application/json"):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
