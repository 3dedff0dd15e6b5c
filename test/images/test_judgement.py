"""The judgement of a new model beside production's: a pure function of their answers to the same pictures."""

import re

import numpy as np
import pytest

from judgement import Bars, compare, judge, metrics, summary
from pictures import SLICES

BARS = Bars(margin=0.02, class_bar=0.5)
NAMES = ["Bread", "Soup"]
# A thousand pictures, the two classes in turn.
LABELS = np.arange(1000) % 2


def answers(wrong, begin=0):
    """The right answers but for so many wrong ones, half of each class."""
    given = LABELS.copy()
    given[begin : begin + wrong] = 1 - given[begin : begin + wrong]
    return given


def first(pictures):
    return np.arange(len(LABELS)) < pictures


def judged(candidate, production=None, slices=None, bars=BARS):
    return judge(compare(LABELS, NAMES, slices or {}, candidate, production), bars, "1.0.3")


def test_a_model_as_good_as_production_passes():
    assert judged(answers(50), answers(50, begin=500)).reasons == []


def test_a_model_that_is_worse_by_more_than_the_margin_is_turned_away_with_value_and_bar():
    verdict = judged(answers(176), answers(52))
    assert verdict.reasons == [
        "accuracy 82.4 % is 12.4 points below production's 1.0.3 (94.8 %), and the bar is 2 points"
    ]
    assert verdict.outcome == "worse-than-production"


@pytest.mark.parametrize("wrong, passes", [(70, True), (71, False)])
def test_the_margin_itself_still_passes(wrong, passes):
    # 0.95 - 0.93 is a little more than 0.02 for a computer.
    assert (judged(answers(wrong), answers(50)).reasons == []) is passes


def test_the_margin_is_the_settings():
    assert judged(answers(176), answers(52), bars=Bars(margin=0.2, class_bar=0.5)).reasons == []
    assert judged(answers(51), answers(50), bars=Bars(margin=0, class_bar=0.5)).reasons == [
        "accuracy 94.9 % is 0.1 points below production's 1.0.3 (95.0 %), and the bar is 0 points"
    ]


def test_a_class_below_its_bar_turns_a_model_away_also_without_a_model_to_compare():
    given = np.where((LABELS == 1) & first(510), 0, LABELS)
    verdict = judged(given)
    assert verdict.reasons == ["accuracy of Soup 49.0 % is below the bar of 50.0 % for each class"]
    assert verdict.outcome == "below-class-bar"
    assert judged(given, bars=Bars(margin=0.02, class_bar=0.49)).reasons == []


def test_every_reason_is_given_and_that_of_all_pictures_first():
    slices = {"dark": first(400), "grainy": first(200)}
    verdict = judged(np.where(LABELS == 1, 0, LABELS), LABELS, slices)
    assert [re.split(r" is | \(", reason)[0] for reason in verdict.reasons] == [
        "accuracy 50.0 %",
        "accuracy on dark pictures 50.0 %",
        "accuracy on grainy pictures 50.0 %",
        "accuracy of Soup 0.0 %",
    ]


@pytest.mark.parametrize(
    "wrong, pictures, said",
    [
        # Of so many pictures, chance alone explains this much and no more.
        (
            15,
            100,
            "85.0 % (production's 100.0 %, bar 10.7 points)",
        ),
        (8, 100, None),
        # The margin is the bar where it is more than chance explains.
        (
            21,
            1000,
            "97.9 % (production's 100.0 %, bar 2 points)",
        ),
        (20, 1000, None),
    ],
)
def test_a_slice_is_worse_by_more_than_the_margin_and_than_chance_explains(wrong, pictures, said):
    reasons = judged(answers(wrong), LABELS, {"dark": first(pictures)}).reasons
    assert [each for each in reasons if "dark" in each] == ([f"accuracy on dark pictures {said}"] if said else [])


def test_wrong_answers_to_the_same_pictures_are_no_chance():
    grainy = compare(LABELS, NAMES, {"grainy": first(100)}, answers(30), answers(30))[-1]
    assert (grainy.shortfall, grainy.error) == (0, 0)


def test_without_a_model_to_compare_nothing_is_worse():
    assert judged(answers(400)).reasons == []


def test_a_model_that_is_worse_in_every_slice_has_room_for_its_reasons_in_the_outcome_of_a_step():
    slices = {name: first(100) for name in SLICES}
    # The limit of `clean` in workflows/lib/outputs.py.
    assert len(f"[ 100.0 s] not registered: {'; '.join(judged(answers(100), LABELS, slices).reasons)}") < 500


def test_a_group_without_pictures_is_left_out():
    kinds = [(each.kind, each.name) for each in compare(LABELS, [*NAMES, "Rice"], {"dark": first(0)}, LABELS, None)]
    assert kinds == [("overall", ""), ("class", "Bread"), ("class", "Soup")]


def test_it_is_recorded_for_both_models():
    compared = compare(LABELS, NAMES, {"dark": first(400)}, answers(100), answers(50))
    assert metrics(compared) == {
        "accuracy": 0.9,
        "production_accuracy": 0.95,
        "accuracy.class.Bread": 0.9,
        "production_accuracy.class.Bread": 0.95,
        "accuracy.class.Soup": 0.9,
        "production_accuracy.class.Soup": 0.95,
        "accuracy.slice.dark": 0.75,
        "production_accuracy.slice.dark": 0.875,
    }
    assert summary(compared, "overall") == "90.0 % (95.0 %)"
    assert summary(compared, "class") == "Bread 90.0 % (95.0 %), Soup 90.0 % (95.0 %)"
    alone = compare(LABELS, NAMES, {}, answers(100), None)
    assert list(metrics(alone)) == ["accuracy", "accuracy.class.Bread", "accuracy.class.Soup"]
    assert summary(alone, "class") == "Bread 90.0 %, Soup 90.0 %"
