"""What the gates share: a verdict with its reason and figures, written where Argo and MLflow keep it."""

import json
import sys

import inputs
import models
import names
import outputs

VERDICTS = ("pass", "fail", "inconclusive", "skipped")


class Verdict:
    """
    The judgement of one gate. `reached` is False when the candidate could not be asked at all:
    then the gate that follows still runs, since it may tell why.
    """

    def __init__(self, verdict, reason="", reached=True, **metrics):
        assert verdict in VERDICTS, verdict
        self.verdict, self.reason, self.reached, self.metrics = verdict, outputs.clean(reason), reached, metrics

    @property
    def decided(self):
        """Whether no other gate needs to be asked."""
        return self.verdict != "pass" and self.reached

    def report(self, gate):
        """Compact JSON: gate, verdict, reason, metrics."""
        record = {"gate": gate, "verdict": self.verdict, "reason": self.reason, "metrics": self.metrics}
        return json.dumps(record, separators=(",", ":"))


def fail(reason, **more):
    """The candidate does not do what it must."""
    return Verdict("fail", reason, **more)


def judge(gate, check):
    """
    Asks a gate: `check(version, digest)` returns a Verdict. A verdict ends the step with exit code 0, so that the
    workflow goes on to act on it; a check that breaks is inconclusive, which is never a pass. A cluster or an MLflow that
    is away says nothing of the candidate: the step runs again.
    """
    version, given = inputs.version(), inputs.optional_digest()
    try:
        verdict = check(version, given or models.get(version).digest)
    except inputs.Unavailable:
        raise
    except Exception as error:
        verdict = Verdict("inconclusive", f"the {gate} check itself broke: {type(error).__name__}: {error}")
    outputs.write("verdict", verdict.verdict)
    outputs.write("report", verdict.report(gate))
    outputs.write("decided", "yes" if verdict.decided else "no")
    print(f"{gate} {verdict.verdict.upper()} for {names.app_version(version)}: {verdict.reason or 'all as it should be'}")
    print(verdict.report(gate), flush=True)
    record(version, gate, verdict.report(gate))


def record(version, gate, report):
    """Puts a report on the model version in MLflow; without MLflow the verdict still stands, and the last step records it."""
    try:
        models.tag(version, **{f"gate.{gate}": report})
    except (inputs.StepFailed, inputs.Unavailable) as failure:
        print(f"Not recorded in MLflow: {failure}", file=sys.stderr)
