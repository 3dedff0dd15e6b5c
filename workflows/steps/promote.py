"""
Promotes a model version to the next environment, if the rules of `lib/promotion_rules.py` allow it, and people approve
it where the stack asks for that. When the target does not come to serve it, the target goes back to its last release,
and its alias stays.
"""

import sys
import time

from lib import (
    approval,
    argocd,
    child_workflows,
    constants,
    crane,
    gateway,
    inputs,
    last_release,
    model_registry,
    outputs,
    release_log,
    release_statement,
    restoration,
    restore_time,
    rollout,
    signing_keys,
    step,
)
from lib.approval import Approval, Subject
from lib.attestations import Image
from lib.errors import StepFailed
from lib.last_release import Served
from lib.promotion_rules import PromotionRejected, promotable
from lib.release_log import Release


def main() -> None:
    began = release_log.milliseconds()
    (source, target), version, emergency = inputs.promotion(), inputs.version(), inputs.reason("EMERGENCY")
    # What was compared ends with the split of the users, as soon as production serves the version.
    compared = gateway.compared_answers(target, constants.app_version(version))
    release = release_log.begin("promote", target, version, compared)
    try:
        digest = promote(source, target, version, emergency, release)
    except StepFailed as failure:
        outputs.outcome(release.fail(failure), failure)
        restore_time.tell(began, [target])
        raise
    outputs.write("lead-seconds", lead_seconds(target, version))
    app_version = constants.app_version(version)
    urgent = f", in an emergency: {emergency}" if emergency else ""
    sentence = f"{target} serves {app_version}{urgent}{alias_follows(target, version)}{gateway.try_put_right(target)}"
    release.end("promoted", sentence, Served(app_version, digest))
    outputs.outcome("promoted", sentence)
    restore_time.tell(began, [target])


def promote(source: str, target: str, version: str, emergency: str, release: Release) -> str:
    """Promotes the version; returns its digest. Raises Refused, or StepFailed when the target went back."""
    app_version = constants.app_version(version)
    served = served_by(release, target, app_version)
    if served:
        sign(target, app_version, served, read_request() if target in inputs.approval() else None)
        return served
    subject = promotable(source, target, version, emergency)
    request = require_approval(subject)
    digest = subject.digest
    crane.run("tag", f"{rollout.repository()}@{digest}", f"{target}-{app_version}")
    last_release.hold_before_first(target)

    def target_was_told() -> None:
        gateway.try_put_right(target)  # first: MLflow may be away for a while
        release.mark_target_changed()

    try:
        images = rollout.image_override(digest)
        rollout.release(target, images, digest, app_version, target_was_told)
        # What its users met is known only now, if it went wrong during the roll-out.
        withdrawn = gateway.withdrawal(source, app_version)
        if withdrawn:
            raise StepFailed(f"{app_version} was withdrawn from {source} while it was promoted: {withdrawn}.")
    except StepFailed as failure:
        raise StepFailed(f"{failure} {restoration.try_restore(target, release)}") from failure
    last_release.hold(target, Served(app_version, digest))
    sign(target, app_version, digest, request)
    return digest


def served_by(release: Release, target: str, app_version: str) -> str | None:
    """
    The digest of the version, where an earlier run of this step brought the target to serve it; None where none did.
    Rules that forbid it by now come too late: what is left to do is to say what serves.
    """
    if not release.is_continued:
        return None
    application = rollout.application(target)
    held = last_release.held(application)
    if held is None or held.at < release.started or held.served.app_version != app_version:
        return None
    return held.served.digest if argocd.released_digest(application) == held.served.digest else None


def sign(target: str, app_version: str, digest: str, request: Approval | None) -> None:
    """Signs that the target serves the version, and who approved it. What serves goes on serving without it."""
    workflow = child_workflows.current()
    requested_by = release_log.requester(workflow)
    about = release_statement.describe(target, app_version, workflow["metadata"]["name"], requested_by, request)
    try:
        image = Image(rollout.repository(), digest)
        release_statement.attach(image, about, model_registry.now(), signing_keys.mounted())
    except StepFailed as failure:
        print(f"The release is not signed: {failure}", file=sys.stderr)


def require_approval(subject: Subject) -> Approval | None:
    """
    What people approved, None where the stack asks nobody. Raises PromotionRejected unless they approve exactly this.
    """
    rule = inputs.approval().get(subject.target)
    if rule is None:
        return None
    name, request = child_workflows.current()["metadata"]["name"], read_request()
    if request is None:
        raise PromotionRejected(f"Nobody approved a promotion to {subject.target}: {name} has no request any more.")
    decision = approval.decide(request, approval.expires_at(request))
    if decision.phase != approval.APPROVED:
        raise PromotionRejected(decision.sentence)
    void = approval.void_reason(request, subject, rule)
    if void:
        decision = approval.void(void)
        approval.close(name, decision)
        raise PromotionRejected(decision.sentence)
    return request


def read_request() -> Approval | None:
    """What this Workflow asked people for; None where it did not, or somebody deleted it."""
    return approval.read(child_workflows.current()["metadata"]["name"])


def lead_seconds(target: str, version: str) -> str:
    """
    Seconds from the registration of a version until now, when the target first serves it, for the metric; empty where
    it served it before, or MLflow does not say.
    """
    try:
        model = model_registry.get(version)
    except StepFailed:  # no figure is worth a release
        return ""
    is_first = f"{target}.promoted_at" not in model.tags
    return str(max(0, round(time.time() - model.created_at / 1000))) if is_first and model.created_at else ""


def alias_follows(target: str, version: str) -> str:
    """
    Marks in MLflow what serves now. A version that was deleted meanwhile serves all the same: returns what to add to
    the sentence.
    """
    try:
        model_registry.tag(version, **{f"{target}__promoted_at": model_registry.now()})
        model_registry.move_alias(target, version)
    except model_registry.Missing:
        return f", and MLflow no longer has version {version}"
    return ""


if __name__ == "__main__":
    step.run(main)
