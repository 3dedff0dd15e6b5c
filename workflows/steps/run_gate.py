"""Runs the gate that GATE names: the module of that name in `gates`, by its `check(version, digest)`."""

import os
import sys
from collections.abc import Callable
from importlib import import_module

from lib import constants, gate_verdicts, inputs, model_registry, outputs, rollout, signing_keys, step
from lib.attestations import Image
from lib.errors import StepFailed, Unavailable
from lib.verdict import Verdict


def main() -> None:
    name = inputs.choice("GATE", gate_verdicts.names())
    judge(name, lambda version, digest: import_module(f"gates.{name}").check(version, digest))


def judge(gate: str, check: Callable[[str, str], Verdict]) -> None:
    """
    Asks a gate. A verdict ends the step with exit code 0, so that the workflow continues and acts on it. A check that
    breaks is inconclusive, which is never a pass. A cluster or an MLflow that is unreachable says nothing of the
    candidate: Unavailable is raised, and the step runs again.
    """
    version, given = inputs.version(), inputs.optional_digest()
    digest = ""
    try:
        digest = given or model_registry.get(version).digest or ""
        verdict = check(version, digest)
    except Unavailable:
        raise
    except Exception as error:
        verdict = Verdict("inconclusive", f"the {gate} check itself broke: {type(error).__name__}: {error}")
    report = verdict.report(gate)
    outputs.write("verdict", verdict.verdict)
    outputs.write("report", report)
    outputs.write("decided", "yes" if verdict.decided else "no")
    app_version = constants.app_version(version)
    print(f"{gate} {verdict.verdict.upper()} for {app_version}: {verdict.reason or 'all as it should be'}")
    print(report, flush=True)
    record(version, gate, report)
    if digest:
        sign(digest, gate, verdict)


def sign(digest: str, gate: str, verdict: Verdict) -> None:
    """
    Signs a verdict on an image. Raises StepFailed or Unavailable where a pass cannot be signed, which promotes nothing;
    what is no pass is acted on all the same.
    """
    image, workflow = Image(rollout.repository(), digest), os.environ.get("WORKFLOW_NAME", "")
    try:
        gate_verdicts.sign(image, gate, verdict, model_registry.now(), workflow, signing_keys.mounted())
    except (StepFailed, Unavailable) as failure:
        if verdict.verdict == "pass":
            raise
        print(f"Not signed: {failure}", file=sys.stderr)


def record(version: str, gate: str, report: str) -> None:
    """Puts a report on the model version. If MLflow does not take it, the verdict stands: act_on_verdict records it."""
    try:
        model_registry.tag(version, **{f"gate.{gate}": report})
    except (StepFailed, Unavailable) as failure:
        print(f"Not recorded in MLflow: {failure}", file=sys.stderr)


if __name__ == "__main__":
    step.run(main)
