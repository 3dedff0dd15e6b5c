"""GourmetGram: a page to upload a picture of food, and the endpoints that the pipeline's gates ask."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, copy_current_request_context, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from answers import Answers, kept_answers
from decode import PictureError
from listener import Listener, allow_open_files, return_freed_memory
from metrics import Metrics, asker, environment_of
from model import WAITING_BAR, BusyError, ContractError, Model, Prediction

# Bytes of a whole request.
MAX_UPLOAD = 8 * 1024 * 1024
# Seconds after which one picture at work is taken for one that never ends: `/healthz` then says so.
STUCK_SECONDS = 60
# Seconds for which the app takes new requests after it is told to end: the Service forgets it meanwhile.
DRAIN_SECONDS = 5
# Seconds in which what is at work then may end. Both together are within the pod's terminationGracePeriodSeconds.
FINISH_SECONDS = 20
# Open connections of the metrics' port, and bytes of a request there.
METRICS_CONNECTIONS = 16
METRICS_BODY = 1024
TEST_PICTURE = Path(__file__).with_name("test.jpg").read_bytes()


def version_in(folder: Path) -> str | None:
    """The version of the model of a folder, as in 1.0.7; None before the first release."""
    try:
        return (folder / "versions.txt").read_text().strip()
    except FileNotFoundError:
        return None


def model_in(folder: Path, answers: Answers) -> Model | None:
    """The model of a folder; None before the first release."""
    weights = folder / "food11.onnx"
    return Model(weights, measures=answers.is_on) if weights.exists() else None


def is_stuck(model: Model | None) -> bool:
    """Whether one picture has been at work for so long that its model is taken to hang."""
    return model is not None and model.seconds_at_work() > STUCK_SECONDS


def create_app(folder: Path, model: Model | None, metrics: Metrics, answers: Answers) -> Flask:
    """The app on the model and the `versions.txt` of a folder; either may be missing."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_UPLOAD
    model_version = version_in(folder)

    def classify(read_picture: Callable[[], bytes]) -> Prediction:
        if model is None:
            raise NoModel
        prediction = model.classify(read_picture)
        asked_by = asker(request.headers.get("X-Probe"), request.headers.get("Host", ""))
        metrics.count_prediction(prediction.name, prediction.probability, asked_by)
        if asked_by != "true":
            answers.keep(prediction, request.headers.get("X-Request-Id", ""), asked_by == "copy")
        return prediction

    @app.get("/")
    def page() -> str:
        return render_template("index.html", version=model_version)

    @app.post("/predict")
    def predict() -> Response:
        @copy_current_request_context
        def read_picture() -> bytes:
            picture = request.files.get("file")
            if picture is None:
                raise PictureError("send the picture as the form field `file`")
            return picture.read()

        prediction = classify(read_picture)
        return jsonify({"class": prediction.name, "probability": round(prediction.probability, 4)})

    @app.get("/test")
    def test() -> ResponseReturnValue:
        return classify(lambda: TEST_PICTURE).name, 200, {"Content-Type": "text/plain; charset=utf-8"}

    @app.get("/version")
    def version() -> ResponseReturnValue:
        if model_version is None:
            return jsonify(error="versions.txt not found"), 404
        return jsonify(model_version=model_version)

    # What Kubernetes asks: it must not wait for a picture.
    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        if is_stuck(model):
            return jsonify(error=f"one picture has been at work for more than {STUCK_SECONDS} seconds"), 503
        return jsonify(status="ok")

    def busy(_: BusyError) -> ResponseReturnValue:
        sentence = f"{WAITING_BAR} pictures are waiting already: try again in a second"
        return jsonify(error=sentence), 503, {"Retry-After": "1"}

    app.register_error_handler(BusyError, busy)
    app.register_error_handler(NoModel, lambda _: (jsonify(error="no model has been released here yet"), 503))
    app.register_error_handler(ContractError, lambda error: (jsonify(error=str(error)), 500))
    app.register_error_handler(PictureError, lambda error: (jsonify(error=str(error)), 400))
    app.register_error_handler(HTTPException, lambda error: (jsonify(error=error.description), error.code))
    metrics.routes = {rule.rule for rule in app.url_map.iter_rules() if not rule.arguments}
    return app


class NoModel(Exception):
    """The image carries no model: an environment before its first release."""


def main() -> None:
    """Serves until SIGTERM, and then for as long as someone may still send requests or wait for an answer."""
    return_freed_memory()
    allow_open_files()
    host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8000"))
    metrics_port = int(os.environ.get("METRICS_PORT", "9100"))
    try:
        environment = environment_of(os.environ.get("ENVIRONMENT"))
        answers_bar = kept_answers(os.environ.get("ANSWERS_KEPT"))
    except ValueError as error:
        raise SystemExit(str(error)) from None
    drain_seconds = float(os.environ.get("DRAIN_SECONDS", DRAIN_SECONDS))
    # Waiting for one's turn is no news: under load it would be a line a request.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    told_to_end = threading.Event()
    # Process 1 of a container ignores a signal that it has no handler for, and would be killed half a minute later.
    signal.signal(signal.SIGTERM, lambda *_: told_to_end.set())
    version = version_in(Path.cwd()) or "none"
    metrics, answers = Metrics(version, environment), Answers(version, environment, answers_bar)
    figures = Flask("figures", static_folder=None)
    metrics.add_to(figures)
    answers.add_to(figures)
    headers = [("X-Model-Version", version)]
    # Threads beyond those that may wait answer what is quickly said: that the app is healthy or busy, its version, its
    # page.
    model = model_in(Path.cwd(), answers)
    listener = Listener(
        create_app(Path.cwd(), model, metrics, answers),
        host,
        port,
        threads=WAITING_BAR + 8,
        body_bar=MAX_UPLOAD,
        headers=headers,
        watcher=metrics.count_answer,
    )
    # Of its own thread and connections, so that neither port waits for the other.
    metrics_listener = Listener(
        figures,
        host,
        metrics_port,
        threads=1,
        body_bar=METRICS_BODY,
        connections_bar=METRICS_CONNECTIONS,
        headers=headers,
    )
    threading.Thread(target=metrics_listener.run, name="metrics", daemon=True).start()
    serving = threading.Thread(target=listener.run, name="listener", daemon=True)
    serving.start()
    print(f"listening on {host}:{port}", flush=True)
    while serving.is_alive() and not told_to_end.wait(1):
        pass
    ended = told_to_end.is_set()
    if ended:
        listener.ending = True
        time.sleep(drain_seconds)
        last = time.monotonic() + FINISH_SECONDS
        while not listener.quiet() and time.monotonic() < last:
            time.sleep(0.05)
    # Not sys.exit, which waits for a prediction that never ends. With 0, the end of an app whose model hangs would look
    # as if somebody had asked for it.
    os._exit(0 if ended and not is_stuck(model) else 1)


if __name__ == "__main__":
    main()
