"""The newest answers to people's pictures: what was predicted and measured. No picture is kept, and nothing on disk."""

import random
import re
import threading
import time
from collections import deque

from flask import Flask, Response, jsonify, request

from model import Prediction
from sample import Sample

# The gateway names a request so, and its copy to canary the same.
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def kept_answers(text: str | None) -> int:
    """How many answers are kept: 0 to 10,000; 0 if nobody says. Raises ValueError for anything else."""
    if text is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 10_000:
        raise ValueError(f"ANSWERS_KEPT is {text!r}: write a number from 0 to 10000, as in 1000")
    return int(text)


class Answers:
    """
    The newest answers of one process, and a sample of those to people; at most `bar` of each, and with 0 none.
    """

    def __init__(self, version: str, environment: str, bar: int) -> None:
        self._here = {"model_version": version, "environment": environment}
        self._kept: deque[dict[str, object]] = deque(maxlen=bar)
        self._sample: Sample[dict[str, object]] = Sample(bar, random.Random())
        self._lock = threading.Lock()
        self.is_on = bar > 0

    def keep(self, prediction: Prediction, request_id: str, is_copy: bool) -> None:
        """Keeps an answer, if it keeps any. `request_id` is what the request says, which may be anything."""
        if not self.is_on:
            return
        at = round(time.time(), 3)
        answer = {
            "at": at,
            "request": request_id if REQUEST_ID.fullmatch(request_id) else "",
            "copy": is_copy,
            "class": prediction.name,
            "confidence": round(prediction.probability, 4),
            "features": prediction.features,
        }
        with self._lock:
            self._kept.append(answer)
            if not is_copy:
                self._sample.add(at, answer)

    def add_to(self, app: Flask) -> None:
        """
        Lets an app answer `/answers`: version, environment, and the newest answers, oldest first; with `?sample=yes`
        the sample of those to people.
        """

        @app.get("/answers")
        def answers() -> Response:
            with self._lock:
                kept = self._sample.items() if request.args.get("sample") == "yes" else list(self._kept)
            return jsonify({**self._here, "answers": kept})
