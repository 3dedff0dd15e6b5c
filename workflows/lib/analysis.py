"""
Whether the figures of a version in canary are good enough for the next share of the users. Intervals decide, and not
points: a check fails only where its whole interval is beyond the bar, and passes only where none of it is. Each look
judges anew what was counted since the release, so over many looks a check errs more often than one look would.
"""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

from lib.counted import counted

Verdict = Literal["pass", "fail", "inconclusive", "skipped"]
Interval = tuple[float, float]
# Share of the answers that must be within the bar of `p95`.
WITHIN = 0.95


class Bar(NamedTuple):
    """The bar of a check, in its own unit. `dry_run`: it is computed and said, and decides nothing."""

    value: float
    dry_run: bool


class Metric(NamedTuple):
    """
    A metric of a stack's own. `query`: PromQL with `{version}` and `{environment}`. Exactly one of the bars is a
    number. `failure_limit`: measurements in a row that must fail before the check does, 1 or more. `interval`: least
    seconds between two measurements; 0: each look measures. `count`: measurements at a share of the users without which
    the check does not pass, 1 or more.
    """

    name: str
    query: str
    at_least: float | None
    at_most: float | None
    failure_limit: int
    dry_run: bool
    interval: int = 0
    count: int = 1


class Measured(NamedTuple):
    """
    What is kept of a metric from one look to the next. `failures`: measurements in a row that failed. `taken`: those at
    today's share of the users. `at`: when the last one was, in seconds since 1970; 0: never.
    """

    failures: int = 0
    taken: int = 0
    at: int = 0


class Settings(NamedTuple):
    """
    How canary is judged. `confidence_percent`: 80..99.9. `success`: least share of answers that are no 5xx, in percent.
    `p95`: ms. `confidence`: how far the mean may be below production's, 0..1. `classes`: how far the share of a class
    may be from production's, 0..1. `restarts`: how often its containers may end by themselves.
    """

    minimum_requests: int
    confidence_percent: float
    success: Bar
    p95: Bar
    confidence: Bar
    classes: Bar
    metrics: tuple[Metric, ...] = ()
    restarts: Bar = Bar(0, False)


class Counts(NamedTuple):
    """
    What one version answered. `statuses`: answers by HTTP status. `durations` and `confidences`: answers and
    predictions up to each bucket's upper bound, in seconds and 0..1, cumulative, the last bound being infinite.
    `confidence_sum`: of all predictions. `classes`: predictions by class.
    """

    statuses: Mapping[str, float]
    durations: Mapping[float, float]
    confidences: Mapping[float, float]
    confidence_sum: float
    classes: Mapping[str, float]

    @property
    def requests(self) -> float:
        """How many answers were counted."""
        return sum(self.statuses.values())

    @property
    def predictions(self) -> float:
        """How many classes were predicted."""
        return sum(self.classes.values())


class Check(NamedTuple):
    """What one check came to. `said`: the figure and its bar, in words."""

    name: str
    verdict: Verdict
    said: str
    dry_run: bool = False


class Result(NamedTuple):
    """What all checks came to. `too_few`: more requests would let it come to more."""

    verdict: Verdict
    sentence: str
    too_few: bool = False
    checks: tuple[Check, ...] = ()


def settings_of(found: dict[str, Any]) -> Settings:
    """The settings as the stack hands them over; raises KeyError, TypeError or ValueError for anything else."""

    def bar(check: str, key: str) -> Bar:
        return Bar(float(found[check][key]), found[check]["dryRun"])

    metrics = [
        Metric(
            name,
            one["query"],
            one.get("atLeast"),
            one.get("atMost"),
            int(one["failureLimit"]),
            one["dryRun"],
            # A stack of before had neither.
            int(one.get("intervalSeconds", 0)),
            int(one.get("count", 1)),
        )
        for name, one in found["metrics"].items()
    ]
    restarts = bar("restarts", "most") if "restarts" in found else Bar(0, False)
    if not 0 <= found["success"]["minPercent"] < 100:
        raise ValueError("success of 100 % is reached by no number of requests")
    if int(found["minimumRequests"]) < 1 or not 80 <= found["confidencePercent"] <= 99.9:
        raise ValueError("a number is out of its range")
    if restarts.value < 0 or any(metric.interval < 0 or metric.count < 1 for metric in metrics):
        raise ValueError("a number is out of its range")
    if any((metric.at_least is None) == (metric.at_most is None) for metric in metrics):
        raise ValueError("a metric has not exactly one bar")
    return Settings(
        int(found["minimumRequests"]),
        float(found["confidencePercent"]),
        bar("success", "minPercent"),
        bar("p95", "maxMs"),
        bar("confidence", "maxDrop"),
        bar("classes", "maxDifference"),
        tuple(metrics),
        restarts,
    )


def critical(confidence_percent: float, comparisons: int = 1) -> float:
    """
    The normal deviate of a two-sided interval. Over several comparisons each gets its part of the error, so that all
    of them together keep the confidence: C. E. Bonferroni, Teoria statistica delle classi e calcolo delle
    probabilita, 1936; O. J. Dunn, Multiple comparisons among means, 1961.
    """
    error = (1 - confidence_percent / 100) / comparisons
    return NormalDist().inv_cdf(1 - error / 2)


def wilson(successes: float, total: float, z: float) -> Interval:
    """
    The score interval of a share, 0..1; all of it where nothing was counted. It holds near 0 and 1 and for small
    counts, where the textbook's has no width: E. B. Wilson, Probable inference, the law of succession, and statistical
    inference, 1927.
    """
    if not total > 0:
        return 0.0, 1.0
    # After a restart, the samples of two counters need not be of the same life of the container.
    share = min(1.0, successes / total)
    scale = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def share_difference(one: Interval, other: Interval, difference: float) -> Interval:
    """
    The interval of a difference of two shares, from the score interval of each around its share: R. G. Newcombe,
    Interval estimation for the difference between independent proportions, 1998, method 10. Each interval is given as
    its distances from the share, below and above.
    """
    below, above = math.hypot(one[0], other[1]), math.hypot(one[1], other[0])
    return difference - below, difference + above


def mean_and_variance(confidences: Mapping[float, float], total: float) -> tuple[float, float]:
    """
    The mean of what a histogram counted, and the largest variance that its buckets allow: all of a bucket is at that of
    its bounds which is farther from the mean. So what the buckets hide makes the interval wider, and never narrower.
    """
    bounds = sorted(bound for bound in confidences if bound <= 1)
    count = confidences[math.inf]
    mean = total / count
    squares, earlier, low = 0.0, 0.0, 0.0
    for bound in bounds:
        squares += max(0.0, confidences[bound] - earlier) * max(abs(mean - low), abs(bound - mean)) ** 2
        earlier, low = confidences[bound], bound
    return mean, squares / max(1.0, count - 1)


def mean_difference(canary: tuple[float, float, float], production: tuple[float, float, float], z: float) -> Interval:
    """
    The interval of a difference of means, each given as mean, variance and count: B. L. Welch, The generalization of
    Student's problem when several different population variances are involved, 1947, with the normal deviate in place
    of Student's, since each count is a hundred or so.
    """
    half = z * math.sqrt(canary[1] / canary[2] + production[1] / production[2])
    return canary[0] - production[0] - half, canary[0] - production[0] + half


def needed(settings: Settings) -> int:
    """
    Requests without which there is no verdict: those of the setting, and as many as let good answers alone reach each
    bar, where Wilson's lower bound is total / (total + z * z).
    """
    z = critical(settings.confidence_percent)
    shares = [settings.success.value / 100, WITHIN]
    return max(settings.minimum_requests, *(math.ceil(z * z * share / (1 - share)) for share in shares))


def judge(settings: Settings, canary: Counts, production: Counts | None, own: tuple[Check, ...] = ()) -> Result:
    """
    The verdict on canary. `production`: None where it serves no model. `own`: what the stack's own metrics came to.
    Too few requests are inconclusive, whatever else is known.
    """
    least = needed(settings)
    if not are_figures(canary) or not (production is None or are_figures(production)):
        return Result("inconclusive", "inconclusive: Prometheus answers with figures that are no counts")
    if canary.requests < least:
        return Result("inconclusive", f"inconclusive: {canary.requests:.0f} of {least} requests: no verdict yet", True)
    comparisons = compare(settings, canary, production)
    checks = (success(settings, canary), p95(settings, canary), *comparisons, *own)
    lacks = canary.predictions < least or (production is not None and production.predictions < least)
    return summed_up(checks, canary.requests, lacks)


def answers(canary: Counts, production: Counts | None) -> int | None:
    """How many answers there are for each check at least; None where Prometheus answers with what is no count."""
    both = [canary, *([production] if production else [])]
    if not all(are_figures(counts) for counts in both):
        return None
    return int(min(canary.requests, *(counts.predictions for counts in both)))


def are_figures(counts: Counts) -> bool:
    """Whether all counts are finite and none is negative."""
    groups = (counts.statuses, counts.durations, counts.confidences, counts.classes)
    values = [value for group in groups for value in group.values()]
    return all(math.isfinite(value) and value >= 0 for value in (*values, counts.confidence_sum))


def summed_up(checks: tuple[Check, ...], requests: float, too_few: bool) -> Result:
    """One verdict for all checks: the worst of those that decide, and its sentence."""
    deciding = [check for check in checks if not check.dry_run]
    verdict: Verdict = "pass"
    named = [check for check in deciding if check.verdict in ("pass", "skipped")]
    for worse in ("inconclusive", "fail"):
        found = [check for check in deciding if check.verdict == worse]
        if found:
            verdict, named = worse, found
    dry = "".join(f"; {dry_run_words(check)}" for check in checks if check.dry_run)
    said = [check.said for check in named]
    if verdict == "pass":
        sentence = ", ".join(("pass", counted(round(requests), "request"), *said))
    else:
        sentence = f"{verdict}: {'; '.join(said)}"
    return Result(verdict, f"{sentence}{dry}", too_few and verdict == "inconclusive", checks)


def dry_run_words(check: Check) -> str:
    """What a check that decides nothing came to."""
    return f"dry run of {check.name}: {check.verdict}, {check.said}"


def _at_least(interval: Interval, bar: float) -> Verdict:
    if interval[1] < bar:
        return "fail"
    return "pass" if interval[0] >= bar else "inconclusive"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def _share(name: str, good: float, total: float, bar: float, settings: Settings) -> tuple[Verdict, str]:
    interval = wilson(good, total, critical(settings.confidence_percent))
    verdict = _at_least(interval, bar)
    if verdict == "pass":
        return verdict, f"{name} {_percent(good / total)}"
    shown = f"{_percent(good / total)} of {total:.0f}" if total else "nothing counted"
    range_ = f"between {_percent(interval[0])} and {_percent(interval[1])}"
    return verdict, f"{name} {shown}, {range_}, the bar is {_percent(bar)}"


def success(settings: Settings, canary: Counts) -> Check:
    """The share of answers that are no 5xx."""
    errors = sum(count for status, count in canary.statuses.items() if status.startswith("5"))
    bar = settings.success
    found = _share("success", canary.requests - errors, canary.requests, bar.value / 100, settings)
    return Check("success", *found, bar.dry_run)


def p95(settings: Settings, canary: Counts) -> Check:
    """The share of answers within the bar, which is the upper bound of a bucket of the app's histogram."""
    bar = settings.p95
    seconds = f"{bar.value / 1000:g} s"
    within, total = canary.durations.get(bar.value / 1000), canary.durations.get(math.inf, 0.0)
    if within is None:
        return Check("p95", "inconclusive", f"the app counts no answers within {seconds}", bar.dry_run)
    verdict, said = _share(f"within {seconds}", within, total, WITHIN, settings)
    return Check("p95", verdict, f"p95 < {seconds}" if verdict == "pass" else said, bar.dry_run)


def compare(settings: Settings, canary: Counts, production: Counts | None) -> tuple[Check, Check]:
    """The two checks that compare with production."""
    if production is None:
        return _both(settings, "skipped", "no {} to compare: production serves no model")
    for where, counts in (("canary", canary), ("production", production)):
        if min(counts.predictions, counts.confidences.get(math.inf, 0.0)) < needed(settings):
            few = f"{counts.predictions:.0f} of {needed(settings)} predictions of {where}"
            return _both(settings, "inconclusive", f"{{}}: {few}: no verdict yet")
    return confidence(settings, canary, production), classes(settings, canary, production)


def _both(settings: Settings, verdict: Verdict, said: str) -> tuple[Check, Check]:
    return (
        Check("confidence", verdict, said.format("confidence"), settings.confidence.dry_run),
        Check("classes", verdict, said.format("classes"), settings.classes.dry_run),
    )


def confidence(settings: Settings, canary: Counts, production: Counts) -> Check:
    """How far canary's mean confidence is below production's."""
    bar = settings.confidence
    means = [
        (*mean_and_variance(counts.confidences, counts.confidence_sum), counts.confidences[math.inf])
        for counts in (canary, production)
    ]
    interval = mean_difference(means[0], means[1], critical(settings.confidence_percent))
    verdict = _at_least(interval, -bar.value)
    said = f"confidence {means[0][0]:.2f} beside {means[1][0]:.2f}"
    if verdict != "pass":
        said += f", between {interval[0]:+.2f} and {interval[1]:+.2f}, the bar is {-bar.value:+g}"
    return Check("confidence", verdict, said, bar.dry_run)


def classes(settings: Settings, canary: Counts, production: Counts) -> Check:
    """How far the share of each class is from production's: the worst of them decides."""
    bar = settings.classes
    names = sorted({*canary.classes, *production.classes})
    z = critical(settings.confidence_percent, len(names))
    found: dict[Verdict, list[str]] = {"fail": [], "inconclusive": [], "pass": []}
    largest = 0.0
    for name in names:
        shares, around = [], []
        for counts in (canary, production):
            share = counts.classes.get(name, 0.0) / counts.predictions
            low, high = wilson(counts.classes.get(name, 0.0), counts.predictions, z)
            shares.append(share)
            around.append((share - low, high - share))
        difference = shares[0] - shares[1]
        largest = max(largest, abs(difference))
        low, high = share_difference(around[0], around[1], difference)
        verdicts = {_at_least((low, high), -bar.value), _at_least((-high, -low), -bar.value)}
        verdict: Verdict = next(word for word in found if word in verdicts)
        found[verdict].append(f"{name} {_percent(shares[0])} beside {_percent(shares[1])}")
    verdict = next(word for word in found if found[word])
    if verdict == "pass":
        return Check("classes", verdict, f"classes differ by at most {_percent(largest)}", bar.dry_run)
    shown = f"{', '.join(found[verdict][:3])}, the bar is a difference of {_percent(bar.value)}"
    return Check("classes", verdict, f"share of the predictions: {shown}", bar.dry_run)


def restarts(settings: Settings | None, times: int, why: str) -> Check | None:
    """
    What the ends of a version's containers came to, of which there are so many; None without one. `why`: how the last
    one ended. `settings`: None allows none.
    """
    if times == 0:
        return None
    bar = settings.restarts if settings else Bar(0, False)
    said = f"{why}, the bar is {counted(round(bar.value), 'end')}" if bar.value else why
    return Check("restarts", "fail" if times > bar.value else "pass", said, bar.dry_run)


def is_due(metric: Metric, earlier: Measured, now: int) -> bool:
    """Whether a look measures a metric again. `now`: in seconds since 1970."""
    return now - earlier.at >= metric.interval


def at_share(earlier: Measured, since: int) -> Measured:
    """What was measured, as it counts at a share of the users that has lasted since then, in seconds since 1970."""
    # The look that leads more users to a version has measured it before that.
    return earlier if earlier.at > since else earlier._replace(taken=0)


def own_check(metric: Metric, value: float | str | None, earlier: Measured, now: int) -> tuple[Check, Measured]:
    """
    What a measurement of a metric of the stack's own came to, and what is kept of it. `value`: None where the query
    gave none, or why it could not be asked: that is no measurement, and the next look tries again.
    """
    if isinstance(value, str) or value is None or math.isnan(value):
        said = f"{metric.name}: {value if isinstance(value, str) else 'its query gives no single number'}"
        return Check(metric.name, "inconclusive", said, metric.dry_run), earlier
    if metric.at_least is not None:
        is_good, bar = value >= metric.at_least, f"at least {metric.at_least:g}"
    else:
        is_good, bar = value <= (metric.at_most or 0.0), f"at most {metric.at_most:g}"
    failures = 0 if is_good else min(earlier.failures + 1, metric.failure_limit)
    measured = Measured(failures, min(earlier.taken + 1, metric.count), now)
    said = f"{metric.name} {value:g}" if is_good else f"{metric.name} {value:g}, the bar is {bar}"
    # What is kept is written to the route: no time that nobody asks for.
    is_timed = metric.interval > 0 or metric.count > 1
    return _own_verdict(metric, measured, said), measured if is_timed else Measured(failures)


def kept_check(metric: Metric, earlier: Measured, now: int) -> Check:
    """What the last measurement of a metric came to, at a look that does not measure it."""
    came_to = "was beyond its bar" if earlier.failures else "was good"
    return _own_verdict(metric, earlier, f"{metric.name} {came_to} {now - earlier.at} s ago")


def _own_verdict(metric: Metric, measured: Measured, said: str) -> Check:
    verdict: Verdict = "pass"
    if measured.failures:
        verdict = "fail"
        if measured.failures < metric.failure_limit:
            verdict = "inconclusive"
            said += f", {measured.failures} of {counted(metric.failure_limit, 'look')} in a row"
    elif measured.taken < metric.count:
        verdict = "inconclusive"
        said += f", measured {measured.taken} of {counted(metric.count, 'time')} at this share"
    return Check(metric.name, verdict, said, metric.dry_run)
