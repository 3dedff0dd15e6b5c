"""Acts on the gates: records the verdict, then starts promote-model or revert-staging and waits for it."""

import json
from typing import Any

from lib import child_workflows, constants, inputs, model_registry, outputs, step
from lib.errors import StepFailed
from lib.model_registry import ModelVersion
from lib.verdict import VERDICTS, GateReport


def main() -> None:
    version, digest = inputs.version(), inputs.optional_digest()
    action = inputs.choice("ACTION", ("promote", "revert"))
    reports = read_reports()
    try:
        child_workflows.require_lock()
        if action == "promote":
            promote(version, digest, reports)
        else:
            revert(version, digest, reports)
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise


def read_reports() -> list[GateReport]:
    """
    The report of every gate, the one that decided first, from GATES: name, phase and output parameters of each step.
    What cannot be read is inconclusive, and a list that cannot be read is no list.
    """
    try:
        ranked = [read_report(*gate) for gate in json.loads(inputs.raw("GATES"))]
    except (ValueError, TypeError):
        return []
    return [report for _, report in sorted(ranked, key=lambda pair: pair[0])]


def read_report(name: str, phase: str, given: dict[str, Any]) -> tuple[int, GateReport]:
    """The report of one gate, with its rank among those that did not pass."""
    if phase == "Skipped":
        return 3, {"gate": name, "verdict": "skipped", "reason": "an earlier gate failed", "metrics": {}}
    try:
        report = json.loads(given["report"])
        if report["gate"] == name and report["verdict"] == given["verdict"] and given["verdict"] in VERDICTS:
            return (1 if given["decided"] == "yes" else 2), report
    except (ValueError, KeyError, TypeError):
        pass
    return 0, {"gate": name, "verdict": "inconclusive", "reason": "the gate left no report", "metrics": {}}


def decide(reports: list[GateReport]) -> tuple[str, str]:
    """
    Verdict and reason of staging: pass when every gate passed; else those of the gate that decided, which says more
    than one that could not reach the candidate: `OOMKilled` and not `no answer`.
    """
    if not reports:
        return "inconclusive", "no gate left a report"
    for report in reports:
        if report["verdict"] != "pass":
            word = "fail" if report["verdict"] == "fail" else "inconclusive"
            return word, f"{report['gate']}: {report['reason']}"
    return "pass", "every gate passed"


def record(model: ModelVersion, digest: str, reports: list[GateReport]) -> tuple[str, str]:
    """Writes the verdict of staging and every gate's report to the model version; returns verdict and reason."""
    version = model.number
    word, reason = decide(reports)
    if word != "pass":  # first, so that an earlier pass never vouches for what failed now
        model_registry.tag(version, staging__verdict=word)
    # A gate has written its own report, as a rule. Whenever a tag is set, MLflow reads every version of the model.
    texts = {f"gate.{report['gate']}": json.dumps(report, separators=(",", ":")) for report in reports}
    tags = {key: text for key, text in texts.items() if model.tags.get(key) != text}
    at = model_registry.now()
    model_registry.tag(version, **tags, staging__reason=reason, staging__digest=digest, staging__verdict_at=at)
    if word == "pass":  # last, so that a pass never stands without what it rests on
        model_registry.mark_changed(model)
        model_registry.tag(version, staging__verdict=word)
    return word, reason


def promote(version: str, digest: str | None, reports: list[GateReport]) -> None:
    """Promotes a version whose gates passed, or holds it for a person; raises StepFailed when a gate did not pass."""
    model = model_registry.get(version)
    if not model.digest or digest not in (None, model.digest):
        built = f"The image of version {version} is {model.digest}, not {digest}"
        raise StepFailed(f"{built}: what was tested is something else.")
    word, reason = record(model, model.digest, reports)
    if word != "pass":
        raise StepFailed(f"Version {version} is not promoted: {reason}")
    model_registry.move_alias(constants.STAGING, version)  # where the deployment could not reach MLflow
    passed = f"{constants.app_version(version)} passed staging"
    source, target = next(iter(inputs.promotions()), (constants.STAGING, None))
    if target is None:
        outputs.outcome("held", f"{passed}, and this stack has no environment to promote it to")
        return
    if "staging.reverted_at" in model.tags:  # after a revert, only a person promotes the same version
        by_hand = f"to promote it, run: npm run promote -- {version} {source} {target}"
        outputs.outcome("held", f"{passed}, but staging was once reverted from it; {by_hand}")
        return
    if target in inputs.approval():  # waiting for people would keep the lock on staging
        by_hand = f"to ask for it, run: npm run promote -- {version} {source} {target}"
        outputs.outcome("held", f"{passed}, and a promotion to {target} needs an approval; {by_hand}")
        return
    parameters = {"source-environment": source, "target-environment": target, "model-version": version}
    child = child_workflows.manifest(child_workflows.current(), "promote-model", version, parameters)
    ended = child_workflows.wait_until_finished(child_workflows.start(child), child_workflows.timeout())
    if child_workflows.output(ended, "outcome") == "refused":
        outputs.outcome("held", f"{passed}, but was not promoted: {child_workflows.failure_reason(ended)}")
        return
    if ended["status"]["phase"] != "Succeeded":
        raise StepFailed(f"{passed}, but its promotion failed: {child_workflows.failure_reason(ended)}")
    outputs.outcome("promoted", f"{target} serves {constants.app_version(version)}")


def revert(version: str, digest: str | None, reports: list[GateReport]) -> None:
    """
    Reverts staging from a version with a gate that did not pass. Raises StepFailed, with the gate's reason and that of
    the revert, when staging did not come to serve what it was then told to run.
    """
    try:
        word, reason = record(model_registry.get(version), digest or "", reports)
    except model_registry.Missing as missing:  # staging goes back all the same
        word, reason = "inconclusive", f"version {version} was deleted in MLflow while it was tested ({missing})"
    try:
        ended = child_workflows.revert_staging(version, reason)
    except StepFailed as failure:
        raise StepFailed(f"{reason}; {failure}") from failure
    outcome = "reverted" if word == "fail" else "inconclusive"
    outputs.outcome(outcome, f"{reason}; {child_workflows.output(ended, 'reason')}")


if __name__ == "__main__":
    step.run(main)
