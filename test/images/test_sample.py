"""The sample of answers: bounded, fair, and spread over ten minutes however many come."""

import random
from collections import Counter

import pytest

from sample import Sample


def filled(bar: int, per_second: float, seconds: int, seed: int = 1) -> list[float]:
    """The times that a sample keeps of items that come at a steady rate."""
    sample: Sample[float] = Sample(bar, random.Random(seed))
    for number in range(int(per_second * seconds)):
        sample.add(number / per_second, number / per_second)
    return sample.items()


@pytest.mark.parametrize("bar", [60, 100, 1000])
@pytest.mark.parametrize("per_second", [5, 50])
def test_under_load_it_goes_back_for_about_ten_minutes(bar, per_second):
    kept = filled(bar, per_second, 3600)
    assert 0.9 * bar <= len(kept) <= bar
    assert 450 < 3600 - min(kept) <= 1200


def test_it_is_spread_evenly_over_that_time():
    minutes = Counter(int(time // 60) for time in filled(1000, 50, 3600))
    assert max(minutes.values()) <= 6 * 17 and min(list(minutes.values())[1:]) >= 6 * 16


def test_each_that_comes_in_ten_seconds_stays_with_the_same_chance():
    stayed = Counter(int(time) for seed in range(2000) for time in filled(60, 1, 10, seed))
    assert len(stayed) == 10 and sum(stayed.values()) == 2000
    # Three standard deviations of a share of a tenth, and a little more.
    assert all(abs(count - 200) < 45 for count in stayed.values())


def test_where_less_comes_it_keeps_all_of_it_for_longer():
    assert len(filled(1000, 0.1, 9000)) == 900


@pytest.mark.parametrize("bar", [1, 3, 59, 61])
def test_it_never_keeps_more_than_its_bar(bar):
    sample: Sample[int] = Sample(bar, random.Random(1))
    for second in range(2000):
        sample.add(second / 3, second)
        assert 0 < len(sample.items()) <= bar


def test_a_clock_that_went_back_loses_nothing():
    sample: Sample[str] = Sample(120, random.Random(1))
    for at, item in ((1000, "a"), (10, "b"), (1001, "c")):
        sample.add(at, item)
    assert len(sample.items()) == 2, "two have room in ten seconds"
    sample.add(1010, "d")
    assert sample.items()[-1] == "d"
