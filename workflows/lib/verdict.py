"""The judgement of one gate, with its reason and figures."""

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from lib import outputs

VERDICTS = ("pass", "fail", "inconclusive", "skipped")


class GateReport(TypedDict):
    """What is kept of a gate in MLflow, under the tag `gate.<name>`."""

    gate: str
    verdict: str
    reason: str
    metrics: dict[str, Any]


class Verdict:
    """
    One of VERDICTS. `reached` is False when the candidate could not be asked at all: then the gate that follows still
    runs, since it may tell why. `metrics` are the figures for the record, and `bars` what some of them must come up to.
    """

    def __init__(
        self,
        verdict: str,
        reason: str = "",
        reached: bool = True,
        bars: Mapping[str, float] | None = None,
        **metrics: object,
    ) -> None:
        assert verdict in VERDICTS, verdict
        self.verdict, self.reason, self.reached, self.metrics = verdict, outputs.clean(reason), reached, metrics
        self.bars = dict(bars or {})

    @property
    def decided(self) -> bool:
        """Whether no other gate needs to be asked."""
        return self.verdict != "pass" and self.reached

    def report(self, gate: str) -> str:
        """A GateReport as compact JSON."""
        record: GateReport = {"gate": gate, "verdict": self.verdict, "reason": self.reason, "metrics": self.metrics}
        return json.dumps(record, separators=(",", ":"))


def fail(reason: str, reached: bool = True, bars: Mapping[str, float] | None = None, **metrics: object) -> Verdict:
    """The candidate does not do what it must."""
    return Verdict("fail", reason, reached, bars, **metrics)
