"""Prometheus' HTTP API: what a version of the app answered since some time, and the value of a query."""

import json
import math
from urllib.parse import urlencode

from lib import constants, http_client
from lib.analysis import Counts

# Seconds between two scrapes of a pod.
SCRAPE_INTERVAL = 10
TIMEOUT = 5.0
# Seconds before a time in which a sample still tells what a series had counted when it began.
LOOK_BACK = 300
# Who asked, by the label `probe`: everybody; users, of whose requests canary may have copies; or the pipeline.
EVERYBODY, USERS, PIPELINE = ".*", "false|copy", "true"


class NoFigures(Exception):
    """Prometheus gave no answer to a query, or another one than was asked for."""


def query(url: str, text: str) -> list[tuple[dict[str, str], float]]:
    """
    The series of an instant query, each with its labels and value; a scalar is one without labels. Raises NoFigures.
    """
    try:
        status, answer = http_client.request(f"{url}/api/v1/query?{urlencode({'query': text})}", timeout=TIMEOUT)
    except http_client.Unreachable as error:
        raise NoFigures(f"Prometheus gives no answer: {error}") from error
    try:
        said = json.loads(answer)
        if status != 200 or said["status"] != "success":
            raise NoFigures(f"Prometheus refuses a query with status {status}: {said.get('error', '')}")
        kind, result = said["data"]["resultType"], said["data"]["result"]
        if kind == "scalar":
            return [({}, float(result[1]))]
        if kind != "vector":
            raise NoFigures(f"Prometheus answers a query with a {kind}: write one that gives one number")
        return [(dict(series["metric"]), float(series["value"][1])) for series in result]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise NoFigures(f"Prometheus answers with status {status} and no result of a query") from error


def value(url: str, text: str) -> float | None:
    """The one number of a query; None where it gives none or several. Raises NoFigures."""
    found = query(url, text)
    return found[0][1] if len(found) == 1 and math.isfinite(found[0][1]) else None


def selector(version: str, environment: str, asked_by: str, more: str = "") -> str:
    """Which series of the app's belong to a version in an environment, by who asked. `more`: other conditions."""
    return f'{{environment="{environment}",model_version="{version}",probe=~"{asked_by}"{more}}}'


def counted(metric: str, labels: str, window: int) -> str:
    """
    PromQL of what each series of a counter gained in so many seconds. Each pod has a series of its own: one that is
    gone keeps what it gained. `increase()` would lose the first sample of a series, and a pod that is new has most of
    its answers there: a series that had no sample when the time began counts from 0. Where Prometheus
    has lost the beginning of an older pod, the series that it found there count from their least: what came before the
    time must not count.

    A container that begins again in its pod goes on with the series, from 0. `increase()` adds up what each of its
    lives gained, to within what comes between two scrapes.
    """
    series = f"{metric}{labels}[{window}s]"
    # A pod that once gave no figures has no sample at that moment.
    at_first = f"last_over_time({metric}{labels}[{LOOK_BACK}s] offset {window}s)"
    most, least = f"max_over_time({series})", f"min_over_time({series})"
    began_again = f"(resets({series}) > 0 or {at_first} > {least})"
    found_later = f"({least} and ({_samples(series)} >= on (environment, pod) group_left () ({_lost_pods(window)})))"
    of_one_life = f"{most} - ({at_first} or {found_later} or {most} * 0)"
    of_all_lives = f"increase({series}) + ({least} unless {at_first} or {most} * 0)"
    return f"({of_one_life} unless {began_again} or {of_all_lives})"


def _samples(series: str) -> str:
    return f"count_over_time({series})"


def _lost_pods(window: int) -> str:
    """
    PromQL of the pods that are older than so many seconds, and of which Prometheus has nothing of before, with the
    number of their scrapes since. A series of theirs with fewer samples is of something that they had not counted yet.
    """
    began = "process_start_time_seconds"
    scrapes = f"max by (environment, pod) ({_samples(f'{began}[{window}s]')})"
    # A pod begins before its release has come to its end, and is scraped a little later.
    are_older = f"min_over_time({began}[{window}s]) < time() - {window + LOOK_BACK}"
    were_scraped = f"last_over_time({began}[{LOOK_BACK}s] offset {window}s)"
    return f"{scrapes} and on (environment, pod) ({are_older}) unless on (environment, pod) {were_scraped}"


def counts(url: str, version: str, environment: str, seconds: int, asked_by: str = EVERYBODY) -> Counts:
    """
    What a version answered in an environment in the last `seconds`, where it was asked for a prediction: to everybody,
    and what it predicted, to those that `asked_by` names. Raises NoFigures.
    """
    window = max(seconds, SCRAPE_INTERVAL)

    def by(label: str, metric: str, labels: str) -> dict[str, float]:
        found = query(url, f"sum by ({label}) ({counted(metric, labels, window)})")
        return {series.get(label, ""): number for series, number in found}

    def buckets(metric: str, labels: str) -> dict[float, float]:
        return {float(bound): number for bound, number in by("le", f"{metric}_bucket", labels).items()}

    # Of answers alone the path is known. A page or `/version` is quick and good whatever the model is.
    answers = selector(version, environment, EVERYBODY, f',path=~"{constants.PREDICTION_PATHS}"')
    predictions = selector(version, environment, asked_by)
    total = counted("prediction_confidence_sum", predictions, window)
    return Counts(
        by("status", "http_requests_total", answers),
        buckets("http_request_duration_seconds", answers),
        buckets("prediction_confidence", predictions),
        sum(number for _, number in query(url, f"sum ({total})")),
        by("class_name", "predicted_class_total", predictions),
    )
