"""Acts on the gates: records the verdict, then starts promote-model or revert-staging and waits for it."""

import json

import children
import gate
import inputs
import models
import names
import outputs
from inputs import StepFailed, Unavailable

GATES = ("integration", "resource", "load")


def main():
    version, digest = inputs.version(), inputs.optional_digest()
    action = inputs.choice("ACTION", ("promote", "revert"))
    reports = [read_report(name) for name in GATES]
    try:
        children.require_lock()
        if action == "promote":
            promote(version, digest, reports)
        else:
            revert(version, digest, reports)
    except Unavailable:
        raise
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise


def read_report(name):
    """The report of a gate, from its environment variable; one that cannot be read is inconclusive."""
    try:
        report = json.loads(inputs.raw(f"{name.upper()}_REPORT"))
        assert report["gate"] == name and report["verdict"] in gate.VERDICTS
        return report
    except (ValueError, KeyError, TypeError, AssertionError):
        return {"gate": name, "verdict": "inconclusive", "reason": "the gate left no report", "metrics": {}}


def summary(reports):
    """Verdict and reason of staging: pass when every gate passed; else those of the first gate that did not."""
    for report in reports:
        if report["verdict"] != "pass":
            word = "fail" if report["verdict"] == "fail" else "inconclusive"
            return word, f"{report['gate']}: {report['reason']}"
    return "pass", "every gate passed"


def decide(reports):
    """
    Like `summary`, where the resource gate explains an integration gate that could not reach the candidate:
    `OOMKilled` says more than `no answer`.
    """
    word, reason = summary(reports)
    integration, resource = reports[0], reports[1]
    if integration["verdict"] == "fail" and resource["verdict"] in ("fail", "inconclusive"):
        return resource["verdict"], f"resource: {resource['reason']}"
    return word, reason


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
