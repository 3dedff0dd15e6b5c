"""What the app tells Prometheus: its answers, how long they took, and what it predicted.

The values of every label are bounded: no text of a client becomes one.
"""

import re
from collections.abc import Collection

from flask import Flask, Response
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

# Seconds. The load gate's bar is 2 by default, and has a bucket of its own, as have bars near it.
DURATIONS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
CONFIDENCES = tuple(tenth / 10 for tenth in range(1, 11))
# Asked by the kubelet all the time: it would drown what people ask.
UNCOUNTED = "/healthz"
# The gateway adds this to the host of a copy of a user's request.
COPY_SUFFIX = "-shadow"
# The names that a stack file accepts: `environmentForm` in config/fields.ts.
ENVIRONMENT = re.compile(r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?")


def environment_of(name: str | None) -> str:
    """The environment that the app runs in; `unknown` if nobody says. Raises ValueError for what is no name of one."""
    if name is None:
        return "unknown"
    if not ENVIRONMENT.fullmatch(name):
        raise ValueError(
            f"ENVIRONMENT is {name!r}: write up to 30 lower-case letters, digits and dashes, as in staging"
        )
    return name


def asker(probe: str | None, host: str) -> str:
    """Who asks, by `X-Probe` and `Host`: the pipeline (`true`), a user (`false`), or the gateway (`copy`).

    The gateway sends copies of users' requests to canary, and throws the answers away.
    """
    if probe:
        return "true"
    return "copy" if host.partition(":")[0].endswith(COPY_SUFFIX) else "false"


class Metrics:
    """The counts of one process. `routes` are the paths that a label may name; every other one is `other`."""

    def __init__(self, version: str, environment: str) -> None:
        # They would double the lines, and say only when a label was seen first.
        disable_created_metrics()
        self.registry = CollectorRegistry()
        # When the process began, so that a restart can be told, and its memory.
        ProcessCollector(registry=self.registry)
        self.routes: Collection[str] = ()
        self._here = here = {"model_version": version, "environment": environment}
        common = [*here, "probe"]
        self._requests = Counter(
            "http_requests_total", "Answers, by route and status.", ["path", "status", *common], registry=self.registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time from a whole request to its answer.",
            ["path", *common],
            buckets=DURATIONS,
            registry=self.registry,
        )
        self._confidence = Histogram(
            "prediction_confidence",
            "Probability of the predicted class.",
            common,
            buckets=CONFIDENCES,
            registry=self.registry,
        )
        self._classes = Counter(
            "predicted_class_total", "Predictions, by class.", ["class_name", *common], registry=self.registry
        )
        info = Gauge("model_info", "1: the model that is served.", [*here], registry=self.registry)
        info.labels(**here).set(1)

    def count_answer(self, path: str, status: int, seconds: float, probe: str | None, host: str) -> None:
        """Counts an answer. `probe` and `host`: what the request says in `X-Probe`, if it does, and in `Host`."""
        if path == UNCOUNTED:
            return
        path = path if path in self.routes else "other"
        labels = {**self._here, "probe": asker(probe, host)}
        self._requests.labels(path=path, status=str(status), **labels).inc()
        self._seconds.labels(path=path, **labels).observe(seconds)

    def count_prediction(self, name: str, confidence: float, asked_by: str) -> None:
        """Counts a class that was predicted with a confidence of 0 to 1. `asked_by`: as `asker` says it."""
        labels = {**self._here, "probe": asked_by}
        self._classes.labels(class_name=name, **labels).inc()
        self._confidence.labels(**labels).observe(confidence)

    def add_to(self, app: Flask) -> None:
        """Lets an app answer `/metrics`."""

        @app.get("/metrics")
        def metrics() -> Response:
            return Response(generate_latest(self.registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
