"""
Measures what the steps ask of MLflow, each of which `history.py` has filled.

    growth.py ROUNDS NAME=URL ...    prints the seconds of each step at each MLflow, as JSON

The steps are the pipeline's own: PYTHONPATH has the folder `workflows`. What they ask of the cluster and the registry
is answered at once: only the time between a request to MLflow and its answer counts.
"""

import contextlib
import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable

import cluster
from history import has_passed, reports
from images import digest
from lib import app_image, constants, http_client, last_release, model_registry, restoration, rollout
from lib.last_release import Served
from lib.verdict import Verdict
from steps import act_on_verdict, revert, run_gate


class Clock:
    """Seconds in which somebody waits for MLflow."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._request = http_client.request

    def request(self, *args: object, **more: object) -> tuple[int, str]:
        """As `http_client.request`."""
        begun = time.monotonic()
        try:
            return self._request(*args, **more)
        finally:
            self.seconds += time.monotonic() - begun


def measure(rounds: int, servers: dict[str, str]) -> dict[str, dict[str, list[float]]]:
    """Seconds that each step waits for MLflow, at each server in turn."""
    clock = Clock()
    http_client.request = clock.request
    found: dict[str, dict[str, list[float]]] = {step: {name: [] for name in servers} for step in STEPS}
    for number in range(rounds + 1):
        for step, run in STEPS.items():
            for name, url in servers.items():
                os.environ["MLFLOW_TRACKING_URI"] = url
                cluster.begin_step()
                before = clock.seconds
                with contextlib.redirect_stdout(sys.stderr):
                    run()
                if number > 0:  # The first of each fills the server's caches.
                    found[step][name].append(clock.seconds - before)
    return found


def newest() -> model_registry.ModelVersion:
    """The version that production serves. It is asked for in the first round, which does not count."""
    return _newest_at(model_registry.tracking_uri())


@functools.cache
def _newest_at(_server: str) -> model_registry.ModelVersion:
    return model_registry.get(model_registry.alias("production"))


def gate() -> None:
    """The load gate of a version, and what acts on its verdict."""
    version = newest()
    os.environ |= {"MODEL_VERSION": version.number, "DIGEST": ""}
    verdict = Verdict("pass", "every pod is ready", p95Ms=time.time())
    run_gate.judge("load", lambda _version, _digest: verdict)
    others = [report for report in reports() if report["gate"] != "load"]
    report = json.loads(verdict.report("load"))
    act_on_verdict.record(model_registry.get(version.number), version.digest, [*others, report])


def revert_failed() -> None:
    """Staging runs a version that failed, and goes back to the last that passed."""
    failed = next(number for number in range(int(newest().number), 0, -1) if not has_passed(number))
    rollout.application = lambda _: cluster.application(digest(failed))
    revert.revert(str(failed), "load: 95 % of the requests took up to 2345 ms")


def keep() -> None:
    """The schedule finds staging on what passed."""
    rollout.application = lambda _: cluster.application(newest().digest)
    revert.revert(None, "")


def restore() -> None:
    """The schedule finds production on its last release."""
    model = newest()
    rollout.application = lambda _: cluster.application(
        model.digest, Served(constants.app_version(model.number), model.digest)
    )
    restoration.put_right("production")


STEPS: dict[str, Callable[[], None]] = {"gate": gate, "revert": revert_failed, "keep": keep, "restore": restore}


def answer_at_once() -> None:
    """What the steps ask of the cluster and the registry."""
    app_image.ensure = lambda _environment, _release: None
    last_release.hold = lambda _environment, _serves: None
    rollout.base_digest = lambda: digest(0)
    rollout.image_override = lambda image: f"gourmetgram-app=registry/gourmetgram-app@{image}"
    rollout.release = lambda *_: None
    rollout.retry_failed_sync = lambda _: None
    restoration.events.warn = lambda *_: None


def main() -> None:
    rounds, *servers = sys.argv[1:]
    answer_at_once()
    with tempfile.TemporaryDirectory() as outputs:
        os.environ["OUTPUT_DIR"] = outputs
        print(json.dumps(measure(int(rounds), dict(server.split("=", 1) for server in servers))))


if __name__ == "__main__":
    main()
