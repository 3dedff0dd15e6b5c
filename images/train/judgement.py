"""Judges a new model beside the one that production serves: by its answers to the same held-out pictures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

# A slice has too few pictures for the margin alone: two equally good models differ by more than that by chance. So it
# must also be worse by three standard errors, which chance alone makes of one slice in a thousand.
STANDARD_ERRORS = 3
KINDS = ("overall", "class", "slice")
# What a share of right answers is rounded to: 0.95 - 0.93 is a little more than 0.02 for a computer.
DIGITS = 9


@dataclass(frozen=True)
class Bars:
    """What a model must reach. Shares, 0..1."""

    margin: float  # by which production may be better, over all pictures and in each slice
    class_bar: float  # least share of right answers in each class


@dataclass(frozen=True)
class Comparison:
    """Shares of right answers, 0..1, in one group of the pictures. `production` is None without a model to compare."""

    kind: str  # one of KINDS
    name: str
    pictures: int
    candidate: float
    production: float | None
    # Standard error of the difference between the two, from the pictures that only one of the models got right.
    error: float

    @property
    def shortfall(self) -> float:
        """By how much production is better; 0 without a model to compare."""
        return 0.0 if self.production is None else round(self.production - self.candidate, DIGITS)


@dataclass(frozen=True)
class Judgement:
    """Why a model should not be registered, one clause a reason. Without one it passed."""

    worse_than_production: list[str]
    below_class_bar: list[str]

    @property
    def reasons(self) -> list[str]:
        return self.worse_than_production + self.below_class_bar

    @property
    def outcome(self) -> str:
        """The tag `outcome` of a run whose model is turned away."""
        return "worse-than-production" if self.worse_than_production else "below-class-bar"


def compare(
    labels: np.ndarray,
    class_names: list[str],
    slices: Mapping[str, np.ndarray],
    candidate: np.ndarray,
    production: np.ndarray | None,
) -> list[Comparison]:
    """Compares the answers [N] of both models with the labels [N]: overall, by class, and by slice (masks [N])."""

    def groups() -> Iterator[tuple[str, str, np.ndarray]]:
        yield "overall", "", np.ones(len(labels), bool)
        for label, name in enumerate(class_names):
            yield "class", name, labels == label
        for name, mask in slices.items():
            yield "slice", name, mask

    def comparison(kind: str, name: str, mask: np.ndarray) -> Comparison:
        ours = (candidate == labels)[mask]
        if production is None:
            return Comparison(kind, name, len(ours), float(ours.mean()), None, 0.0)
        theirs = (production == labels)[mask]
        error = float(np.std(theirs.astype(int) - ours) / len(ours) ** 0.5)
        return Comparison(kind, name, len(ours), float(ours.mean()), float(theirs.mean()), error)

    return [comparison(*group) for group in groups() if group[2].any()]


def judge(comparisons: list[Comparison], bars: Bars, production: str) -> Judgement:
    """Holds the comparisons against the bars. `production` is the name of the version that was compared with."""
    return Judgement(
        [
            _below_production(group, bar, production)
            for group in comparisons
            if (bar := _bar(group, bars.margin)) is not None and group.shortfall > bar
        ],
        [
            f"{_accuracy(group)} is below the bar of {percent(bars.class_bar)} for each class"
            for group in comparisons
            if group.kind == "class" and group.candidate < bars.class_bar
        ],
    )


def _below_production(group: Comparison, bar: float, production: str) -> str:
    if group.kind == "slice":  # in few words, so that a step's outcome has room for every slice
        theirs = f"production's {percent(group.production)}"
        return f"{_accuracy(group)} ({theirs}, bar {points(bar)} points)"
    return (
        f"{_accuracy(group)} is {points(group.shortfall)} points below production's {production} "
        f"({percent(group.production)}), and the bar is {points(bar)} points"
    )


def _bar(group: Comparison, margin: float) -> float | None:
    """By how much production may be better in a group; None where that is not judged."""
    return {"overall": margin, "slice": max(margin, STANDARD_ERRORS * group.error)}.get(group.kind)


def metrics(comparisons: list[Comparison]) -> dict[str, float]:
    """Both models' accuracy in each group, by the name of a metric."""
    values = {}
    for group in comparisons:
        where = "" if group.kind == "overall" else f".{group.kind}.{group.name}"
        values[f"accuracy{where}"] = group.candidate
        if group.production is not None:
            values[f"production_accuracy{where}"] = group.production
    return values


def summary(comparisons: list[Comparison], kind: str) -> str:
    """The groups of a kind in a line, production's accuracy in brackets: `dark 96.2 % (95.8 %), ...`."""
    return ", ".join(
        " ".join(
            [
                *([group.name] if group.name else []),
                percent(group.candidate),
                *([] if group.production is None else [f"({percent(group.production)})"]),
            ]
        )
        for group in comparisons
        if group.kind == kind
    )


def _accuracy(group: Comparison) -> str:
    of = {"overall": "", "class": f" of {group.name}", "slice": f" on {group.name} pictures"}[group.kind]
    return f"accuracy{of} {percent(group.candidate)}"


def percent(share: float) -> str:
    """A share, 0..1, in percent."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares in percentage points, without a decimal that is 0."""
    return f"{100 * share:.1f}".removesuffix(".0")
