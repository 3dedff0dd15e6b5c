"""
Whether people send other pictures than a model learnt from. Each feature of the app's answers is compared with that of
the training by the Kolmogorov-Smirnov distance of two samples, 0..1. With many answers any difference is significant,
and with few any is large: a window is over the bar only where the distance is, and chance alone hardly ever makes it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# Windows that are kept, and how many of them, the latest among them, are over the bar in a drift.
KEPT, ENOUGH = 5, 2
# How often chance alone may put a window over the bar, over all features together.
CHANCE = 0.01

Samples = Mapping[str, Sequence[float]]


class Difference(NamedTuple):
    """How far the samples of a feature are apart (0..1), and how likely chance alone makes that (0..1)."""

    distance: float
    p: float


class Window(NamedTuple):
    """
    What the answers between two looks came to. `at`: of the newest one, in seconds since 1970. `feature`: the one that
    is farthest from the training.
    """

    at: float
    answers: int
    feature: str
    distance: float
    over: bool


class State(NamedTuple):
    """
    `version`: the model version of the windows. `seen`: when the newest answer was given that a look has taken, in
    seconds since 1970. `trained`: when a drift last started a training; 0: never.
    """

    version: str = ""
    windows: tuple[Window, ...] = ()
    seen: float = 0.0
    trained: int = 0


def parse(text: str, now: int) -> State:
    """
    A state as `write` left it, and an empty one for no text. Any other text hides when the last training was started:
    then the time until the next one begins at `now`, in seconds since 1970. No time of the state is later than that, so
    that a clock which was wrong for a while does not end the watch.
    """
    if not text:
        return State()
    try:
        found = json.loads(text)
        windows = [
            Window(float(one[0]), int(one[1]), str(one[2]), float(one[3]), bool(one[4])) for one in found["windows"]
        ]
        seen, trained = float(found["seen"]), int(found["trained"])
        if math.isnan(seen):
            raise ValueError("no time")
        return State(str(found["version"]), tuple(windows[-KEPT:]), min(seen, now), min(trained, now))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        return State(trained=now)


def write(state: State) -> str:
    """A state as text for a ConfigMap."""
    return json.dumps(state._asdict(), separators=(",", ":"))


def compare(learnt: Samples, seen: Samples) -> dict[str, Difference]:
    """How far each feature is from the training; no sample may be empty."""
    from scipy.stats import ks_2samp  # takes a second, which no other step needs

    found = {name: ks_2samp(learnt[name], seen[name]) for name in learnt}
    return {name: Difference(float(one.statistic), float(one.pvalue)) for name, one in found.items()}


def judge(differences: Mapping[str, Difference], bar: float, at: float, answers: int) -> Window:
    """The window of these differences: over the bar where one feature is, beyond chance (Bonferroni)."""
    chance = CHANCE / len(differences)
    over = {name: one for name, one in differences.items() if one.distance > bar and one.p < chance}
    feature = max(over or differences, key=lambda name: differences[name].distance)
    return Window(at, answers, feature, round(differences[feature].distance, 3), bool(over))


def is_drift(windows: Sequence[Window]) -> bool:
    """Whether the latest window is over the bar, and enough of the last ones are."""
    last = windows[-KEPT:]
    return bool(last) and last[-1].over and sum(window.over for window in last) >= ENOUGH


def new_answers(found: Sequence[Any], since: float, now: float) -> list[dict[str, Any]]:
    """
    The answers to people that came after one time and until another, with whole features; others are left out. What a
    pod dates later than `now` counts when that time has come: as the newest answer, it would hide all the others.
    """
    return [
        one
        for one in found
        if isinstance(one, dict)
        and isinstance(one.get("at"), int | float)
        and since < one["at"] <= now
        and not one.get("copy")
        and isinstance(one.get("features"), dict)
        and all(isinstance(value, int | float) and math.isfinite(value) for value in one["features"].values())
    ]


def samples(answers: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[float]]:
    """The values of each feature; answers that lack one are left out."""
    whole = [one["features"] for one in answers if all(name in one["features"] for name in names)]
    return {name: [one[name] for one in whole] for name in names}


def sentence(window: Window, bar: float) -> str:
    """A window in words, with value and bar."""
    word = "over" if window.over else "within"
    return f"{window.feature} is {window.distance:g} from the training in {window.answers} answers, {word} {bar:g}"
