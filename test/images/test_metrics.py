"""What the app tells Prometheus, and the version on its answers: a real process, asked over real sockets."""

import http.client
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from conftest import App, onnx_model, refusal
from hostile_pictures import HOSTILE
from listener import IDLE_SECONDS
from metrics import environment_of
from model import CLASSES, WAITING_BAR
from test_app import picture
from test_limits import PEAK_BAR, heavy_model, idle


class Scrape:
    """One scrape, as Prometheus's own parser reads it."""

    def __init__(self, app: App) -> None:
        status, headers, body = app.scrape()
        assert status == 200
        assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = list(text_string_to_metric_families(body.decode()))
        self.kinds = {family.name: family.type for family in families}
        self.samples = [sample for family in families for sample in family.samples]

    def values(self, name: str, *kept: str, **wanted: str) -> dict[tuple[str, ...], float]:
        """Values of the samples of a name that have the wanted labels, by their labels `kept`."""
        found: dict[tuple[str, ...], float] = {}
        for sample in self.samples:
            if sample.name == name and wanted.items() <= sample.labels.items():
                key = tuple(sample.labels[label] for label in kept)
                assert key not in found, f"two samples of {name} have the labels {key}"
                found[key] = sample.value
        return found

    def value(self, name: str, **wanted: str) -> float:
        """The one value of a name with the wanted labels."""
        (value,) = self.values(name, **wanted).values()
        return value


@pytest.fixture
def app(serve, tmp_path) -> App:
    """Version 1.0.7 in staging. What is all red is bread, by a probability of some 20 %."""
    onnx_model(tmp_path / "food11.onnx")
    (tmp_path / "versions.txt").write_text("1.0.7\n")
    return serve(ENVIRONMENT="staging")


def test_it_counts_what_it_answered_and_predicted(app):
    data = picture((255, 0, 0))
    assert [app.predict(data)[0] for _ in range(3)] == [200] * 3
    assert app.predict(b"no picture")[0] == 400
    assert [app.get("/")[0], app.get("/version")[0], app.get("/nowhere")[0]] == [200, 200, 404]
    assert app.get("/predict")[0] == 405
    found = Scrape(app)
    process = {name for name in found.kinds if name.startswith("process_")}
    assert process >= {"process_start_time_seconds", "process_resident_memory_bytes"}
    assert {name: kind for name, kind in found.kinds.items() if name not in process} == {
        "http_requests": "counter",
        "http_request_duration_seconds": "histogram",
        "prediction_confidence": "histogram",
        "predicted_class": "counter",
        "model_info": "gauge",
    }
    here = {"model_version": "1.0.7", "environment": "staging", "probe": "false"}
    assert found.values("http_requests_total", "path", "status", **here) == {
        ("/predict", "200"): 3,
        ("/predict", "400"): 1,
        ("/predict", "405"): 1,
        ("/", "200"): 1,
        ("/version", "200"): 1,
        ("other", "404"): 1,
    }
    assert sum(found.values("http_requests_total", "path", "status", "probe").values()) == 8
    assert found.value("http_request_duration_seconds_count", path="/predict", **here) == 5
    assert found.values("predicted_class_total", "class_name", **here) == {(CLASSES[0],): 3}
    assert found.value("prediction_confidence_count", **here) == 3
    assert found.value("model_info", model_version="1.0.7", environment="staging") == 1


def test_the_buckets_fit_confidences_and_the_bars_of_the_load_gate(app):
    probability = app.predict(picture((255, 0, 0)))[1]["probability"]
    found = Scrape(app)
    below = found.values("prediction_confidence_bucket", "le")
    assert [bound for (bound,) in below] == [
        "0.1",
        "0.2",
        "0.3",
        "0.4",
        "0.5",
        "0.6",
        "0.7",
        "0.8",
        "0.9",
        "1.0",
        "+Inf",
    ]
    assert {float(bound): count for (bound,), count in below.items()} == {
        float(bound): probability <= float(bound) for (bound,) in below
    }
    assert found.value("prediction_confidence_sum") == pytest.approx(probability, abs=1e-4)
    bounds = {float(bound) for (bound,) in found.values("http_request_duration_seconds_bucket", "le")}
    assert {0.5, 1, 1.5, 2, 3} < bounds


def test_the_time_is_that_of_the_app_and_not_of_the_upload(serve, tmp_path):
    heavy_model(tmp_path / "food11.onnx", blocks=24)
    app = serve()
    begun = time.monotonic()
    app.get("/test")
    took = time.monotonic() - begun
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as slow:
        slow.sendall(b"GET /version HTTP/1.1\r\n")
        time.sleep(1)
        slow.sendall(b"Host: a\r\n\r\n")
        assert slow.recv(100).startswith(b"HTTP/1.1 404")
    found = Scrape(app)
    assert found.value("http_request_duration_seconds_sum", path="/version") < 1
    assert took / 2 < found.value("http_request_duration_seconds_sum", path="/test") <= took


def test_what_the_gates_ask_and_what_the_gateway_copies_is_marked(app):
    app.get("/test", X_Probe="gate")
    app.get("/test", X_Probe="anything else")
    app.get("/test", X_Probe="")
    app.get("/test")
    app.get("/test", Host="gourmetgram.example.org-shadow:8088")
    app.get("/test", Host="-shadow")
    app.get("/test", Host="x-shadow.example.org")
    app.get("/test", Host="x-shadow", X_Probe="gate")
    found = Scrape(app)
    for name in ("http_requests_total", "prediction_confidence_count", "predicted_class_total"):
        assert found.values(name, "probe") == {("true",): 3, ("copy",): 2, ("false",): 3}
    assert found.values("http_request_duration_seconds_count", "probe") == {("true",): 3, ("copy",): 2, ("false",): 3}


def test_the_probes_of_the_kubelet_are_not_counted(app):
    assert [app.get("/healthz")[0] for _ in range(3)] == [200] * 3
    assert Scrape(app).values("http_requests_total", "path") == {}


HOSTILE_PATHS = [
    "/nowhere",
    "/predict/",
    "/%0a",
    '/"}',
    "/static/x",
    "/test%00",
    "/" + "a" * 9000,
    "/metrics",
    "/../test",
]


def test_no_text_of_a_client_becomes_a_label(app):
    for path in HOSTILE_PATHS:
        app.get(path, X_Probe='"} 1')
    for number in range(50):
        app.get(f"/user-{number}?mail=a@b", X_Probe=f"user-{number}")
    app.get("/", method="MOVE-IT")
    app.get("//version")
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.0 400")
    found = Scrape(app)
    assert {path for path, _ in found.values("http_requests_total", "path", "status", probe="true")} == {"other"}
    assert found.values("http_requests_total", "path", "status", probe="false") == {
        ("/", "405"): 1,
        ("/version", "200"): 1,
        ("other", "400"): 1,
    }
    assert sum(found.values("http_requests_total", "path", "status", "probe").values()) == len(HOSTILE_PATHS) + 53
    assert {label: value for sample in found.samples for label, value in sample.labels.items() if "user" in value} == {}


def test_each_kind_of_answer_says_the_version(app):
    answers = {
        "page": app.get("/"),
        "class": app.get("/test"),
        "version": app.get("/version"),
        "healthz": app.get("/healthz"),
        "not found": app.get("/nowhere"),
        "not allowed": app.get("/predict"),
        "head": app.get("/", method="HEAD"),
        "no picture": app.get("/predict", method="POST"),
        "too long a header": app.get("/", X=20_000 * "x"),
        "metrics": app.scrape(),
        "nothing on the metrics' port": app.scrape("/predict"),
    }
    assert {name: headers.get("x-model-version") for name, (_, headers, _) in answers.items()} == dict.fromkeys(
        answers, "1.0.7"
    )
    assert [status for status, _, _ in answers.values()] == [200, 200, 200, 200, 404, 405, 200, 400, 431, 200, 404]


@pytest.mark.parametrize("length", [b"Content-Length: 734003200", b"Content-Length: nonsense"])
def test_a_refusal_says_the_version_and_is_counted(app, length: bytes):
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.getheader("X-Model-Version") == "1.0.7"
    assert Scrape(app).values("http_requests_total", "path", "status") == {("/predict", str(answer.status)): 1}


def test_a_model_that_breaks_the_contract_says_its_version_with_its_500(serve, tmp_path):
    onnx_model(tmp_path / "food11.onnx", weights=np.full((3, 11), np.nan, np.float32))
    (tmp_path / "versions.txt").write_text("1.0.8\n")
    app = serve(ENVIRONMENT="canary")
    status, headers, _ = app.get("/test")
    assert (status, headers["x-model-version"]) == (500, "1.0.8")
    found = Scrape(app)
    assert found.values("http_requests_total", "path", "status", environment="canary") == {("/test", "500"): 1}
    assert found.values("predicted_class_total", "class_name") == {}


def test_before_the_first_release_there_is_no_version(serve):
    app = serve()
    status, headers, _ = app.get("/test")
    assert (status, headers["x-model-version"]) == (503, "none")
    assert Scrape(app).value("model_info", model_version="none", environment="unknown") == 1


@pytest.mark.parametrize("name", ["Staging", "a b", "", "a" * 31, 'x"} 1', "staging\n", "-a", "1"])
def test_what_is_no_name_of_an_environment_is_refused(name: str):
    with pytest.raises(ValueError, match=r"^ENVIRONMENT is .*: write up to 30 lower-case letters, digits and dashes"):
        environment_of(name)


def test_it_does_not_start_in_what_is_no_environment(tmp_path):
    said = "ENVIRONMENT is 'Staging': write up to 30 lower-case letters, digits and dashes, as in staging\n"
    assert refusal(tmp_path, ENVIRONMENT="Staging") == (1, said)


def test_a_scrape_does_not_wait_for_the_pictures_in_line(serve, tmp_path):
    # Each takes tenths of a second.
    heavy_model(tmp_path / "food11.onnx", blocks=48)
    (tmp_path / "versions.txt").write_text("1.0.9\n")
    app = serve()
    ask = b"GET /test HTTP/1.1\r\nHost: a\r\n\r\n"
    connections = list(idle(app.port, WAITING_BAR + 20, ask))
    while (busy := app.get("/test"))[0] != 503:
        connections += idle(app.port, 20, ask)
    found = Scrape(app)
    answered, _, _ = select.select(connections, [], [], 0)
    assert len(connections) - len(answered) > WAITING_BAR // 2
    assert busy[1]["x-model-version"] == "1.0.9"
    assert found.value("http_requests_total", path="/test", status="503") >= 1
    for connection in connections:
        connection.close()
    # It would finish the line first.
    app.process.kill()
    app.process.wait()


def test_who_fills_the_port_of_the_metrics_keeps_neither_port_from_others(app):
    connections = [socket.create_connection(("127.0.0.1", app.metrics_port), timeout=10) for _ in range(60)]
    for connection in connections[::2]:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n")
    stop = threading.Event()

    def scrape_all_the_time() -> None:
        while not stop.is_set():
            Scrape(app)

    with ThreadPoolExecutor(4) as many:
        scraping = [many.submit(scrape_all_the_time) for _ in range(4)]
        try:
            begun = time.monotonic()
            assert app.get("/test")[0] == 200
            assert app.get("/healthz")[0] == 200
            Scrape(app)
            # None of them waited until the others had been idle for too long.
            assert time.monotonic() - begun < IDLE_SECONDS
            assert sum(leads_to.startswith("socket:") for _, leads_to in app.open_files()) < 40
        finally:
            stop.set()
        for each in scraping:
            each.result()
    for connection in connections:
        connection.close()


def test_a_large_request_to_the_port_of_the_metrics_is_refused_at_its_header(app):
    with socket.create_connection(("127.0.0.1", app.metrics_port), timeout=10) as connection:
        connection.sendall(b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413


@pytest.mark.load
def test_the_metrics_stay_within_the_memory_of_the_pod(serve, tmp_path):
    heavy_model(tmp_path / "food11.onnx")
    app = serve(ENVIRONMENT="staging")
    data = HOSTILE["png: ok, 16 MP"]()
    for _ in range(5):
        assert app.predict(data)[0] == 200
        for number in range(200):
            app.get(f"/{number}", X_Probe="gate" if number % 2 else "")
            Scrape(app)
    print(f"\n{app.peak() / 2**20:.0f} MiB")
    assert app.peak() < PEAK_BAR
