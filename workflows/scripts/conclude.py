"""Acts on the gates: records the verdict, then starts promote-model or revert-staging and waits for it."""

import json

import children
import gate
import inputs
import models
import names
import outputs
from inputs import StepFailed


def main():
    version, digest = inputs.version(), inputs.optional_digest()
    action = inputs.choice("ACTION", ("promote", "revert"))
    reports = read_reports()
    try:
        children.require_lock()
        if action == "promote":
            promote(version, digest, reports)
        else:
            revert(version, digest, reports)
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise


def read_reports():
    """
    The report of every gate, the one that decided first, from GATES: name, phase and output parameters of each step.
    What cannot be read is inconclusive, and a list that cannot be read is no list.
    """
    try:
        steps = [read_report(*step) for step in json.loads(inputs.raw("GATES"))]
    except (ValueError, TypeError):
        return []
    return [report for _, report in sorted(steps, key=lambda step: step[0])]


def read_report(name, phase, given):
    """The report of one gate, with its rank among those that did not pass."""
    if phase == "Skipped":
        return 3, {"gate": name, "verdict": "skipped", "reason": "an earlier gate failed", "metrics": {}}
    try:
        report = json.loads(given["report"])
        if report["gate"] == name and report["verdict"] == given["verdict"] and given["verdict"] in gate.VERDICTS:
            return (1 if given["decided"] == "yes" else 2), report
    except (ValueError, KeyError, TypeError):
        pass
    return 0, {"gate": name, "verdict": "inconclusive", "reason": "the gate left no report", "metrics": {}}


def decide(reports):
    """
    Verdict and reason of staging: pass when every gate passed; else those of the gate that decided, which says more
    than one that could not reach the candidate: `OOMKilled` and not `no answer`.
    """
    if not reports:
        return "inconclusive", "no gate left a report"
    for report in reports:
        if report["verdict"] != "pass":
            return ("fail" if report["verdict"] == "fail" else "inconclusive"), f"{report['gate']}: {report['reason']}"
    return "pass", "every gate passed"


def record(version, digest, reports):
    """Writes the verdict of staging and every gate's report to the model version."""
    word, reason = decide(reports)
    if word != "pass":  # first, so that an earlier pass never vouches for what failed now
        models.tag(version, staging__verdict=word)
    tags = {f"gate__{report['gate']}": json.dumps(report, separators=(",", ":")) for report in reports}
    models.tag(version, **tags, staging__reason=reason, staging__digest=digest, staging__verdict_at=models.now())
    if word == "pass":  # last, so that a pass never stands without what it rests on
        models.tag(version, staging__verdict=word)
    return word, reason


def promote(version, digest, reports):
    model = models.get(version)
    if not model.digest or digest not in (None, model.digest):
        raise StepFailed(f"The image of version {version} is {model.digest}, not {digest}: what was tested is something else.")
    word, reason = record(version, model.digest, reports)
    if word != "pass":
        raise StepFailed(f"Version {version} is not promoted: {reason}")
    models.move_alias("staging", version)  # where the deployment could not, MLflow being away
    served = names.app_version(version)
    source, target = next(iter(inputs.promotions()), ("staging", None))
    if target is None:
        outputs.outcome("held", f"{served} passed staging, and this stack has no environment to promote it to")
        return
    if "staging.reverted_at" in model.tags:  # after a revert, only a person sends the same version on
        by_hand = f"to promote it, run: npm run promote -- {version} {source} {target}"
        outputs.outcome("held", f"{served} passed staging, but staging was once taken back from it; {by_hand}")
        return
    parameters = {"source-environment": source, "target-environment": target, "model-version": version}
    child = children.manifest(children.own(), "promote-model", version, parameters)
    ended = children.finished(children.start(child), seconds())
    if children.output(ended, "outcome") == "refused":
        outputs.outcome("held", f"{served} passed staging, but was not promoted: {children.explain(ended)}")
        return
    if ended["status"]["phase"] != "Succeeded":
        raise StepFailed(f"{served} passed staging, but its promotion failed: {children.explain(ended)}")
    outputs.outcome("promoted", f"{target} serves {served}")


def revert(version, digest, reports):
    word, reason = record(version, digest or "", reports)
    ended = start_revert(version, reason)
    outputs.outcome("reverted" if word == "fail" else "inconclusive", f"{reason}; {children.output(ended, 'reason')}")


def start_revert(version, reason, purpose=""):
    """Starts revert-staging under the lock that is held already, and waits until staging is back."""
    parameters = {"failed-version": version, "reason": outputs.clean(reason, 400).replace("{", "(").replace("}", ")")}
    child = children.manifest(children.own(), "revert-staging", version, parameters, under_lock=True, purpose=purpose)
    ended = children.finished(children.start(child), seconds())
    if ended["status"]["phase"] != "Succeeded":
        raise StepFailed(f"Staging could not be reverted: {children.explain(ended)}")
    return ended


def seconds():
    """How long a child may take, in seconds: more than its workflow's own deadline, or it outlives the lock."""
    return inputs.number("CHILD_SECONDS", 10, 86400)


if __name__ == "__main__":
    inputs.run(main)
