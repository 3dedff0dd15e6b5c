"""
Promotes a model version to the next environment. Every promotion must meet these rules; no parameter bypasses them:
- the version passed staging, and was not collected since;
- promotions are not frozen;
- the source runs the digest that passed, and no other, right now;
- the source has run it for the minimum soak;
- all its pods there are ready, and none has ended since it was released there;
- it was not withdrawn there, from the users that the gateway leads to it.
When the target does not come to serve it, the target goes back to its last release, and its alias stays.
"""

import datetime
import time

from lib import (
    constants,
    crane,
    freeze,
    gateway,
    inputs,
    last_release,
    model_registry,
    outputs,
    release_log,
    restoration,
    rollout,
    step,
)
from lib.errors import StepFailed
from lib.last_release import Served
from lib.model_registry import ModelVersion


class PromotionRejected(StepFailed):
    """A rule forbids the promotion; nothing has been changed."""


def main() -> None:
    (source, target), version = inputs.promotion(), inputs.version()
    # What was compared ends with the split of the users, as soon as production serves the version.
    compared = gateway.compared_answers(target, constants.app_version(version))
    release = release_log.begin("promote", target, version, compared)
    try:
        digest = promote(source, target, version)
    except StepFailed as failure:
        word = "refused" if isinstance(failure, PromotionRejected) else "broken"
        outputs.outcome(word, failure)
        release.end(word, failure)
        raise
    outputs.write("lead-seconds", lead_seconds(target, version))
    app_version = constants.app_version(version)
    sentence = f"{target} serves {app_version}{alias_follows(target, version)}{gateway.try_put_right(target)}"
    release.end("promoted", sentence, Served(app_version, digest))
    outputs.outcome("promoted", sentence)


def promote(source: str, target: str, version: str) -> str:
    """Promotes the version; returns its digest. Raises PromotionRejected, or StepFailed when the target went back."""
    digest, app_version = promotable_digest(source, version), constants.app_version(version)
    crane.run("tag", f"{rollout.repository()}@{digest}", f"{target}-{app_version}")
    last_release.hold_before_first(target)
    try:
        rollout.release(target, rollout.image_override(digest), digest, app_version)
        # What its users met is known only now, if it went wrong during the roll-out.
        withdrawn = gateway.withdrawal(source, app_version)
        if withdrawn:
            raise StepFailed(f"{app_version} was withdrawn from {source} while it was promoted: {withdrawn}.")
    except StepFailed as failure:
        raise StepFailed(f"{failure} {restoration.try_restore(target)}") from failure
    last_release.hold(target, Served(app_version, digest))
    return digest


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


def promotable_digest(source: str, version: str) -> str:
    """The digest to promote; raises PromotionRejected when a rule forbids it."""
    model = model_registry.get(version)
    if model.collected:
        raise PromotionRejected(model.collected)
    verified = model.verified_digest
    if not verified:
        unverified = f"Version {version} has not passed staging with its present image"
        raise PromotionRejected(f"{unverified}: run build-container-image for it.")
    frozen = freeze.reason()
    if frozen:
        raise PromotionRejected(frozen)
    running = rollout.running_digests(source)
    if running != [verified]:
        different = f"{source} runs {', '.join(running) or 'nothing'}, not {verified} of version {version}"
        raise PromotionRejected(f"{different}: promote the version that runs there.")
    withdrawn = gateway.withdrawal(source, constants.app_version(version))
    if withdrawn:
        raise PromotionRejected(f"{constants.app_version(version)} was withdrawn from {source}: {withdrawn}.")
    left = soak_left(source, model, time.time())
    if left > 0:
        soaking = f"{source} has to run version {version} for {left / 60:.1f} more minutes"
        raise PromotionRejected(f"{soaking} before it can be promoted: promote it then.")
    trouble = rollout.unhealthy_reason(source, verified, released_at(source, model))
    if trouble:
        ill = f"{source} does not run version {version} in health: {trouble}"
        raise PromotionRejected(f"{ill}. {remedy(source, model)}")
    return verified


def released_at(source: str, model: ModelVersion) -> str:
    """
    When a version was released in an environment, UTC to the second: in staging when it passed, since the gates judge
    its pods until then. An empty string where that is not on record, or a person wrote something else there.
    """
    text = model.tags.get("staging.verdict_at" if source == constants.STAGING else f"{source}.promoted_at", "")
    try:
        return text if seconds_since_1970(text) else ""
    except ValueError:
        return ""


def seconds_since_1970(text: str) -> float:
    """The time of a tag; raises ValueError where it is none."""
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC).timestamp()


def remedy(source: str, model: ModelVersion) -> str:
    """What a person does about pods that have not run in health in an environment."""
    since = released_at(source, model)
    counted = f"What happened there since {since} counts" if since else "Whatever happened there counts"
    before = next((earlier for earlier, later in inputs.promotions() if later == source), None)
    anew = "delete its pods, and run test-staging for it"
    if before:
        anew = f"promote it from {before} to {source} again, where its soak then begins anew"
    return f"{counted}: find the cause, then {anew}."


def soak_left(source: str, model: ModelVersion, now: float) -> float:
    """
    Seconds that a version must still run in the source; 0 in staging. MINIMUM_SOAK_MINUTES: 0 to 10080, default 0.
    """
    minutes = inputs.number("MINIMUM_SOAK_MINUTES", 0, 10080, default=0.0)
    if source == constants.STAGING or minutes == 0:
        return 0
    since = released_at(source, model)
    if not since:
        return minutes * 60
    return max(0.0, seconds_since_1970(since) + minutes * 60 - now)


if __name__ == "__main__":
    step.run(main)
