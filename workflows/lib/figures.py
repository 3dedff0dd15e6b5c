"""The look at canary's figures between two steps, and the pictures that the pipeline sends where users send too few."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from lib import analysis, constants, disagreement, events, http_client, inputs, outputs, prometheus
from lib.analysis import Check, Counts, Measured, Metric, Result
from lib.counted import counted
from lib.inputs import Traffic
from lib.last_release import Served
from lib.traffic import Split

# The text is kept in the route's annotation.
TEXT_LIMIT = 600
UNKNOWN = "inconclusive: no figures: "
PICTURES = Path(__file__).parents[1] / "pictures"
_BOUNDARY = "gourmetgram-analysis"


def look(
    settings: Traffic, split: Split, released: int, production: Served, now: int, restarts: Check | None = None
) -> tuple[Split, Result | None]:
    """
    What canary's figures since its release came to, and the split that says so; None in a stack without monitoring.
    `released`: in seconds since 1970. `restarts`: what came of its containers that ended. A Prometheus that gives no
    figures is no verdict, and an Event says so once.
    """
    url = inputs.prometheus_url()
    if url is None or settings.analysis is None:
        ends = (analysis.dry_run_words(restarts) if restarts.dry_run else restarts.said) if restarts else ""
        sentence = "; ".join(filter(None, (ends, disagreement.words(split))))
        return split._replace(analysis=outputs.clean(sentence, TEXT_LIMIT)), None
    try:
        split, result = _judged(url, settings, split, released, production, now, restarts)
    except prometheus.NoFigures as reason:
        result = Result("inconclusive", f"{UNKNOWN}{reason}")
        if not split.analysis.startswith(UNKNOWN):
            sentence = f"the share of {split.version} stays at {split.percent} %: {reason}"
            events.warn(settings.canary.environment, "AnalysisWithoutFigures", sentence)
    sentence = "; ".join(filter(None, (result.sentence, disagreement.words(split))))
    return split._replace(analysis=outputs.clean(sentence, TEXT_LIMIT)), result


def _judged(
    url: str, settings: Traffic, split: Split, released: int, production: Served, now: int, restarts: Check | None
) -> tuple[Split, Result]:
    wanted = settings.analysis
    assert wanted
    canary, other = _counted(url, settings, split, now - released, production)
    own, kept = [restarts] if restarts else [], measurements(split)
    for metric in wanted.metrics:
        earlier = analysis.at_share(kept.get(metric.name, Measured()), split.since)
        if analysis.is_due(metric, earlier, now):
            value = _value(url, metric, split.version, settings.canary.environment)
            check, kept[metric.name] = analysis.own_check(metric, value, earlier, now)
        else:
            check = analysis.kept_check(metric, earlier, now)
        own.append(check)
    split = with_answers(split, analysis.answers(canary, other))
    return with_measurements(split, kept), analysis.judge(wanted, canary, other, tuple(own))


def with_answers(split: Split, answers: int | None) -> Split:
    """
    The split after its figures have counted so many answers; None where Prometheus gives no count. Where they are fewer
    than before, a release began anew or Prometheus has lost some. Then probes are sent anew: those of before count no
    more.
    """
    if answers is None:
        return split
    # A scrape may come later than the probes, and what is extrapolated between two scrapes goes up and down.
    if answers + len(pictures()) < split.counted:
        return split._replace(probes=0, counted=answers)
    return split._replace(counted=max(answers, split.counted))


def measurements(split: Split) -> dict[str, Measured]:
    """What is kept of the stack's own metrics, by name."""
    failures, taken, at = dict(split.failures), dict(split.measured), dict(split.measured_at)
    return {name: Measured(failures.get(name, 0), taken.get(name, 0), at.get(name, 0)) for name in {**failures, **at}}


def with_measurements(split: Split, kept: Mapping[str, Measured]) -> Split:
    """The split that keeps them."""
    return split._replace(
        failures=tuple((name, one.failures) for name, one in kept.items() if one.failures),
        measured=tuple((name, one.taken) for name, one in kept.items() if one.at),
        measured_at=tuple((name, one.at) for name, one in kept.items() if one.at),
    )


def _counted(
    url: str, settings: Traffic, split: Split, seconds: int, production: Served
) -> tuple[Counts, Counts | None]:
    """
    What canary and production answered; None where production serves no model. Like is compared with like: users'
    pictures where both got enough of them, else the pipeline's, which both got alike. A mixture would differ by who
    asked.
    """
    assert settings.analysis
    least = analysis.needed(settings.analysis)
    served = [(split.version, settings.canary.environment)]
    if production.number is None:
        return prometheus.counts(url, *served[0], seconds), None
    served.append((production.app_version, settings.production.environment))
    canary, other = (prometheus.counts(url, *one, seconds, prometheus.USERS) for one in served)
    if min(canary.predictions, other.predictions) < least:
        canary, other = (prometheus.counts(url, *one, seconds, prometheus.PIPELINE) for one in served)
    return canary, other


def _value(url: str, metric: Metric, version: str, environment: str) -> float | str | None:
    """
    What a metric is now; None where its query gives no number, and Prometheus' complaint where it refuses the query: a
    mistake in it must not hide the other figures.
    """
    try:
        return prometheus.value(url, query_of(metric, version, environment))
    except prometheus.NoFigures as reason:
        print(f"{metric.name} has no figure: {reason}", file=sys.stderr)
        return str(reason)


def query_of(metric: Metric, version: str, environment: str) -> str:
    """The query of a metric, for a version in an environment."""
    return metric.query.replace("{version}", version).replace("{environment}", environment)


def probe(settings: Traffic, split: Split, production: Served) -> Split:
    """
    The split after a round of marked pictures to canary and production, the same ones, one at a time; to canary alone
    where production serves no model. It sends none once there were as many as requests are needed, for each share.
    """
    if settings.analysis is None:
        return split
    left = analysis.needed(settings.analysis) * len(split.percents) - split.probes
    differing, paired = Counter(dict(split.differing)), split.paired
    sent = pictures()[: max(0, left)]
    for picture in sent:
        found = predicted(settings.canary.environment, picture.read_bytes())
        if production.number is None:
            continue
        other = predicted(settings.production.environment, picture.read_bytes())
        paired += bool(found and other)
        if found and other and found != other:
            differing[found] += 1
    differing_classes = tuple(sorted(differing.items()))
    probed = split._replace(probes=split.probes + len(sent), differing=differing_classes, paired=paired)
    if sent:
        both = f"{settings.canary.environment} and {settings.production.environment}"
        print(f"{counted(len(sent), 'picture')} sent to {both}", flush=True)
        print(disagreement.words(probed) or "None of them got a class from both", flush=True)
    return probed


def pictures() -> list[Path]:
    """The pictures of one round."""
    return sorted(PICTURES.glob("*.jpg"))


def predicted(environment: str, picture: bytes) -> str:
    """The class that an environment gives a picture; an empty string where it gives none: its metrics count that."""
    head = 'Content-Disposition: form-data; name="file"; filename="dish.jpg"\r\nContent-Type: image/jpeg'
    body = f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode() + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()
    headers = {**constants.ANALYSIS_PROBE, "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    try:
        status, answer = http_client.request(f"{inputs.service_url(environment)}/predict", "POST", body, headers)
        found = json.loads(answer)["class"] if status == 200 else ""
    except (http_client.Unreachable, ValueError, KeyError, TypeError) as error:
        print(f"{environment} gives a picture no class: {error}", file=sys.stderr)
        return ""
    return found if found in constants.FOOD_11 else ""
