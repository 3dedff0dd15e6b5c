"""From counts to a verdict: intervals decide, and too few requests never do."""

import math

import pytest

from lib import analysis
from lib.analysis import Bar, Check, Counts, Measured, Metric, Settings

SETTINGS = Settings(100, 95, Bar(95, False), Bar(2000, False), Bar(0.15, False), Bar(0.2, False))
Z = analysis.critical(95)
EVEN = {"Bread": 1.0, "Egg": 1.0, "Rice": 1.0, "Soup": 1.0}


def counts(requests=400, errors=0, slow=0, confidence=0.8, classes=None):
    """A version of which so many requests failed and were slow; all predictions have about one confidence."""
    shares = classes or EVEN
    total = sum(shares.values())
    bounds = [tenth / 10 for tenth in range(1, 11)]
    return Counts(
        {"200": requests - errors, "503": errors},
        {1.0: requests - slow, 2.0: requests - slow, math.inf: requests},
        {**{bound: requests if confidence <= bound else 0 for bound in bounds}, math.inf: requests},
        confidence * requests,
        {name: requests * share / total for name, share in shares.items()},
    )


def judged(canary, production=None, settings=SETTINGS, own=()):
    return analysis.judge(settings, canary, counts() if production is None else production, own)


def of(result, name):
    return next(check for check in result.checks if check.name == name)


def test_a_good_version_passes_and_the_sentence_has_its_figures():
    result = judged(counts(431))
    assert result.verdict == "pass"
    assert result.sentence.startswith("pass, 431 requests, success 100 %, p95 < 2 s, confidence 0.80 beside 0.80")


@pytest.mark.parametrize("requests", [0, 1, 17, 99])
@pytest.mark.parametrize("errors", ["none", "all"])
def test_too_few_requests_are_no_verdict(requests, errors):
    result = judged(counts(requests, errors=requests if errors == "all" else 0))
    assert (result.verdict, result.too_few) == ("inconclusive", True)
    assert result.sentence == f"inconclusive: {requests} of 100 requests: no verdict yet"


@pytest.mark.parametrize(
    ("requests", "errors", "wanted"),
    [(100, 0, "pass"), (100, 1, "inconclusive"), (100, 5, "inconclusive"), (100, 12, "fail"), (10_000, 450, "pass")],
)
def test_the_interval_of_success_decides_and_not_its_point(requests, errors, wanted):
    assert of(judged(counts(requests, errors=errors)), "success").verdict == wanted


@pytest.mark.parametrize(("slow", "wanted"), [(0, "pass"), (20, "inconclusive"), (60, "fail")])
def test_95_percent_of_the_answers_are_within_the_bar(slow, wanted):
    assert of(judged(counts(slow=slow)), "p95").verdict == wanted


def test_a_bar_without_a_bucket_is_no_verdict():
    settings = SETTINGS._replace(p95=Bar(1234, False))
    result = judged(counts(), settings=settings)
    assert (result.verdict, of(result, "p95").said) == ("inconclusive", "the app counts no answers within 1.234 s")


@pytest.mark.parametrize(("mean", "wanted"), [(0.95, "pass"), (0.8, "pass"), (0.65, "inconclusive"), (0.5, "fail")])
def test_confidence_may_be_a_little_below_productions(mean, wanted):
    assert of(judged(counts(confidence=mean)), "confidence").verdict == wanted


@pytest.mark.parametrize(
    ("shares", "wanted"),
    [
        (EVEN, "pass"),
        ({"Bread": 9.0, "Egg": 4.0, "Rice": 4.0, "Soup": 3.0}, "inconclusive"),
        ({"Egg": 1.0}, "fail"),
        ({"Meat": 1.0}, "fail"),
    ],
)
def test_the_share_of_each_class_stays_near_productions(shares, wanted):
    assert of(judged(counts(classes=shares)), "classes").verdict == wanted


def test_all_of_one_class_in_both_is_no_difference():
    same = counts(classes={"Egg": 1.0})
    assert judged(same, same).verdict == "pass"


def test_production_without_a_model_is_compared_with_nothing():
    result = analysis.judge(SETTINGS, counts(), None)
    assert result.verdict == "pass" and "production serves no model" in result.sentence
    assert [of(result, name).verdict for name in ("confidence", "classes")] == ["skipped", "skipped"]


def test_too_few_predictions_of_production_are_no_verdict():
    result = judged(counts(), counts(17))
    assert (result.verdict, result.too_few) == ("inconclusive", True)
    assert "17 of 100 predictions of production" in result.sentence


def test_a_failure_is_more_than_too_few_predictions_of_production():
    result = judged(counts(errors=400), counts(17))
    assert (result.verdict, result.too_few) == ("fail", False)
    assert result.sentence.startswith("fail: success 0 % of 400, between 0 % and ")
    assert result.sentence.endswith("the bar is 95 %")


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_what_is_no_count_is_no_verdict(value):
    broken = counts()._replace(confidence_sum=value)
    for result in (judged(broken), judged(counts(), broken)):
        assert result.verdict == "inconclusive" and not result.too_few


@pytest.mark.parametrize("name", ["success", "p95", "confidence", "classes"])
def test_a_dry_run_is_said_and_decides_nothing(name):
    bad = counts(errors=400, slow=400, confidence=0.1, classes={"Egg": 1.0})
    assert of(judged(bad), name).verdict == "fail"
    dry = {key: getattr(SETTINGS, key)._replace(dry_run=True) for key in ("success", "p95", "confidence", "classes")}
    result = judged(bad, settings=SETTINGS._replace(**dry))
    assert result.verdict == "pass" and f"dry run of {name}: fail" in result.sentence
    dry[name] = getattr(SETTINGS, name)
    assert judged(bad, settings=SETTINGS._replace(**dry)).verdict == "fail"


@pytest.mark.parametrize(("percent", "bar"), [(80, 50), (95, 95), (95, 99.9), (99.9, 95), (99.9, 99)])
def test_so_many_good_answers_are_needed_as_reach_the_bars(percent, bar):
    settings = SETTINGS._replace(minimum_requests=1, confidence_percent=percent, success=Bar(bar, False))
    needed = analysis.needed(settings)
    assert analysis.judge(settings, counts(needed), None).verdict == "pass"
    assert analysis.judge(settings, counts(needed - 1), None).too_few


METRIC = Metric("memory", "q", None, 200.0, 3, False)


def test_a_metric_of_the_stacks_own_fails_after_so_many_failures_in_a_row():
    kept, verdicts = Measured(), []
    for value in (300, 300, 100, 300, None, 300, math.nan, 300, 300):
        check, kept = analysis.own_check(METRIC, value, kept, 100)
        verdicts.append(check.verdict)
    assert verdicts == ["inconclusive"] * 2 + ["pass"] + ["inconclusive"] * 4 + ["fail", "fail"]


@pytest.mark.parametrize(("at_least", "at_most", "good", "bad"), [(0.9, None, 0.9, 0.89), (None, 0, 0, 0.1)])
def test_a_bar_is_reached_by_its_own_value(at_least, at_most, good, bad):
    metric = METRIC._replace(at_least=at_least, at_most=at_most, failure_limit=1)
    assert analysis.own_check(metric, good, Measured(), 100)[0].verdict == "pass"
    assert analysis.own_check(metric, bad, Measured(), 100)[0].verdict == "fail"


def test_a_metric_passes_once_it_was_measured_as_often_as_it_must_be():
    kept, said = Measured(), []
    for value in (150, None, 160, 170, 180):
        check, kept = analysis.own_check(METRIC._replace(count=3), value, kept, 100)
        said.append((check.verdict, check.said))
    assert said == [
        ("inconclusive", "memory 150, measured 1 of 3 times at this share"),
        ("inconclusive", "memory: its query gives no single number"),
        ("inconclusive", "memory 160, measured 2 of 3 times at this share"),
        ("pass", "memory 170"),
        ("pass", "memory 180"),
    ]


def test_nothing_is_kept_of_a_metric_that_each_look_measures_and_that_one_look_is_enough_for():
    assert analysis.own_check(METRIC, 100, Measured(), 100)[1] == Measured()
    assert analysis.own_check(METRIC, 300, Measured(), 100)[1] == Measured(1)
    assert analysis.own_check(METRIC._replace(interval=60), 100, Measured(), 100)[1] == Measured(0, 1, 100)


def test_its_failure_limit_decides_before_that():
    metric = METRIC._replace(count=50, failure_limit=1)
    assert analysis.own_check(metric, 300, Measured(), 100)[0].verdict == "fail"


def test_what_was_measured_at_an_earlier_share_counts_no_more_but_its_failures_do():
    kept = Measured(2, 5, 100)
    assert analysis.at_share(kept, 99) == kept
    assert analysis.at_share(kept, 100) == Measured(2, 0, 100), "the look that leads more users has measured before"


def test_a_metric_is_measured_again_when_its_interval_is_over():
    slow = METRIC._replace(interval=60)
    due = [analysis.is_due(slow, Measured(at=1000), now) for now in (1000, 1059, 1060)]
    assert due == [False, False, True] and analysis.is_due(slow, Measured(), 1000)
    assert analysis.is_due(METRIC, Measured(at=1000), 1000), "without one, at each look"


@pytest.mark.parametrize(
    ("kept", "wanted", "said"),
    [
        (Measured(0, 2, 960), "pass", "memory was good 40 s ago"),
        (Measured(0, 1, 960), "inconclusive", "memory was good 40 s ago, measured 1 of 2 times at this share"),
        (Measured(1, 2, 960), "inconclusive", "memory was beyond its bar 40 s ago, 1 of 3 looks in a row"),
        (Measured(3, 2, 960), "fail", "memory was beyond its bar 40 s ago"),
    ],
    ids=["good", "good, and too few", "bad", "bad too often"],
)
def test_until_then_its_last_measurement_counts(kept, wanted, said):
    check = analysis.kept_check(METRIC._replace(count=2), kept, 1000)
    assert (check.verdict, check.said) == (wanted, said)


WHY = "OOMKilled: the model needs more"


@pytest.mark.parametrize(
    ("most", "times", "wanted", "said"),
    [
        (0, 1, "fail", WHY),
        (2, 1, "pass", f"{WHY}, the bar is 2 ends"),
        (2, 2, "pass", f"{WHY}, the bar is 2 ends"),
        (2, 3, "fail", f"{WHY}, the bar is 2 ends"),
        (1, 2, "fail", f"{WHY}, the bar is 1 end"),
    ],
)
def test_containers_may_end_as_often_as_the_stack_allows(most, times, wanted, said):
    check = analysis.restarts(SETTINGS._replace(restarts=Bar(most, False)), times, WHY)
    assert check == Check("restarts", wanted, said)


def test_none_that_ended_is_no_check_and_a_stack_of_before_allows_none():
    assert analysis.restarts(SETTINGS, 0, "") is None
    assert analysis.restarts(None, 1, WHY) == Check("restarts", "fail", WHY)


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_the_worst_check_decides(verdict):
    assert judged(counts(), own=(Check("memory", verdict, "memory 300"),)).verdict == verdict


def test_no_requests_leave_everything_possible():
    assert analysis.wilson(0, 0, Z) == (0, 1)
    assert analysis.wilson(4, 1, Z) == analysis.wilson(1, 1, Z)  # as of counters around a restart


@pytest.mark.parametrize("good", [0, 0.01, 0.3, 0.5, 0.95, 1])
def test_more_requests_never_widen_an_interval(good):
    widths = []
    for total in (1, 2, 5, 17, 100, 1000, 10_000):
        low, high = analysis.wilson(good * total, total, Z)
        assert 0 <= low <= good <= high <= 1
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def test_more_predictions_never_widen_the_interval_of_the_means():
    widths = []
    for total in (2, 10, 100, 1000):
        one = counts(total)
        mean = (*analysis.mean_and_variance(one.confidences, one.confidence_sum), total)
        low, high = analysis.mean_difference(mean, mean, Z)
        assert low < 0 < high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def test_more_confidence_never_narrows_an_interval():
    found = [analysis.wilson(95, 100, analysis.critical(percent)) for percent in (80, 90, 95, 99.9)]
    widths = [high - low for low, high in found]
    assert widths == sorted(widths)
    assert analysis.critical(95, 11) > analysis.critical(95)


def test_the_published_examples_come_out():
    assert analysis.wilson(81, 263, Z) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, part one
    shares = [(56, 70), (48, 80)]  # Newcombe 1998, part two, example a
    around = [(k / n - analysis.wilson(k, n, Z)[0], analysis.wilson(k, n, Z)[1] - k / n) for k, n in shares]
    found = analysis.share_difference(around[0], around[1], 56 / 70 - 48 / 80)
    assert found == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_a_bucket_that_counts_less_than_the_one_below_makes_no_variance():
    assert analysis.mean_and_variance({0.5: 10.0, 1.0: 4.0, math.inf: 10.0}, 3.0)[1] >= 0


def test_buckets_make_the_variance_no_smaller_than_it_is():
    values = [0.05, 0.31, 0.38, 0.5, 0.99, 1.0, 0.77]
    bounds = [tenth / 10 for tenth in range(1, 11)]
    histogram = {bound: float(sum(value <= bound for value in values)) for bound in bounds}
    mean, variance = analysis.mean_and_variance({**histogram, math.inf: 7.0}, sum(values))
    assert mean == pytest.approx(sum(values) / 7)
    assert variance >= sum((value - mean) ** 2 for value in values) / 6
