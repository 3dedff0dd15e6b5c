"""GourmetGram: a page to upload a picture of food, and the endpoints that the pipeline's gates ask."""

import logging
import os
import signal
import sys
from pathlib import Path

from flask import Flask, Response, jsonify, render_template, request
from waitress import create_server
from werkzeug.exceptions import HTTPException

from model import ContractError, Model, PictureError

MAX_UPLOAD = 8 * 1024 * 1024
TEST_PICTURE = Path(__file__).with_name("test.jpg").read_bytes()


def create_app(folder: Path) -> Flask:
    """The app on the `food11.onnx` and `versions.txt` of a folder; either may be missing."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_UPLOAD
    weights = folder / "food11.onnx"
    model = Model(weights) if weights.exists() else None

    def classify(picture: bytes) -> tuple[str, float]:
        if model is None:
            raise NoModel
        return model.classify(picture)

    def model_version() -> str | None:
        try:
            return (folder / "versions.txt").read_text().strip()
        except FileNotFoundError:
            return None

    @app.get("/")
    def page() -> str:
        return render_template("index.html", version=model_version())

    @app.post("/predict")
    def predict() -> Response | tuple[Response, int]:
        picture = request.files.get("file")
        if picture is None:
            return jsonify(error="send the picture as the form field `file`"), 400
        name, probability = classify(picture.read())
        return jsonify({"class": name, "probability": round(probability, 4)})

    @app.get("/test")
    def test() -> tuple[str, int, dict[str, str]]:
        name, _ = classify(TEST_PICTURE)
        return name, 200, {"Content-Type": "text/plain; charset=utf-8"}

    @app.get("/version")
    def version() -> Response | tuple[Response, int]:
        found = model_version()
        if found is None:
            return jsonify(error="versions.txt not found"), 404
        return jsonify(model_version=found)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    app.register_error_handler(NoModel, lambda _: (jsonify(error="no model has been released here yet"), 503))
    app.register_error_handler(ContractError, lambda error: (jsonify(error=str(error)), 500))
    app.register_error_handler(PictureError, lambda error: (jsonify(error=str(error)), 400))
    app.register_error_handler(HTTPException, lambda error: (jsonify(error=error.description), error.code))
    return app


class NoModel(Exception):
    """The image carries no model: an environment before its first release."""


def main() -> None:
    host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8000"))
    # Waiting for one's turn is no news: under load it would be a line a request.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    # Process 1 of a container ignores a signal that it has no handler for, and would be killed half a minute later.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = create_server(create_app(Path.cwd()), host=host, port=port, threads=8, connection_limit=200, ident=None)
    print(f"listening on {host}:{port}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
