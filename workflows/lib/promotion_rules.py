"""
Every promotion must meet these rules:
- the version passed staging, and was neither collected nor withdrawn since;
- promotions are not frozen;
- the calendar allows it, or people approve it as an emergency;
- the source runs the digest that passed, and no other, right now;
- the source has run it for the minimum soak, with a pod that was ready all the time;
- all its pods there are ready, and none has ended since it was released there;
- it was not withdrawn there, from the users that the gateway leads to it;
- every gate passed exactly this digest, by verdicts that the key of the gates signed: MLflow's word is not enough.
No parameter bypasses them.
"""

import time

from lib import constants, freeze, gate_verdicts, gateway, inputs, instant, model_registry, rollout, windows
from lib.approval import Subject
from lib.attestations import Image
from lib.dsse import Unverified
from lib.errors import Refused
from lib.model_registry import ModelVersion


class PromotionRejected(Refused):
    """A rule forbids the promotion; nothing has been changed."""


def promotable(source: str, target: str, version: str, emergency: str) -> Subject:
    """
    What is promoted; raises PromotionRejected when a rule forbids it. `emergency`: why it goes round the calendar, an
    empty string for a usual promotion.
    """
    model = model_registry.get(version)
    if model.collected:
        raise PromotionRejected(model.collected)
    if model.is_withdrawn:
        fell = f"Version {version} passed staging, and was withdrawn since: {model.why_withdrawn}"
        raise PromotionRejected(f"{fell}. Promote another version, or run build-container-image to test it again.")
    verified = model.verified_digest
    if not verified:
        unverified = f"Version {version} has not passed staging with its present image"
        raise PromotionRejected(f"{unverified}: run build-container-image for it.")
    frozen = freeze.reason()
    if frozen:
        raise PromotionRejected(frozen)
    check_calendar(target, version, source, emergency)
    running = rollout.running_digests(source)
    if running != [verified]:
        different = f"{source} runs {', '.join(running) or 'nothing'}, not {verified} of version {version}"
        raise PromotionRejected(f"{different}: promote the version that runs there.")
    withdrawn = gateway.withdrawal(source, constants.app_version(version))
    if withdrawn:
        raise PromotionRejected(f"{constants.app_version(version)} was withdrawn from {source}: {withdrawn}.")
    check_soak(source, model, verified)
    trouble = rollout.unhealthy_reason(source, verified, released_at(source, model))
    if trouble:
        ill = f"{source} does not run version {version} in health: {trouble}"
        raise PromotionRejected(f"{ill}. {remedy(source, model)}")
    try:
        figures = gate_verdicts.require_passed(Image(rollout.repository(), verified), gate_verdicts.names())
    except Unverified as refusal:
        unproven = f"Nothing proves that {verified[:19]} of version {version} passed staging: {refusal}"
        raise PromotionRejected(f"{unproven}. Run test-staging for it, or build-container-image.") from refusal
    return Subject(target, version, verified, figures)


def check_calendar(target: str, version: str, source: str, emergency: str) -> None:
    """Raises PromotionRejected while the calendar is closed, unless in an emergency that people have to approve."""
    needs_approval = target in inputs.approval()
    if emergency and not needs_approval:
        nobody = f"Nobody approves promotions to {target}, so there is no emergency way round the calendar"
        raise PromotionRejected(f"{nobody}: write pipeline.approval.{target}, or promote without an emergency.")
    closed = windows.closed(inputs.windows(), target, time.time())
    if closed is None or emergency:
        return
    command = f'npm run promote -- {version} {source} {target} --emergency "<why>"'
    way_round = f" In an emergency, which is recorded and needs an approval: {command}" if needs_approval else ""
    raise PromotionRejected(closed + way_round)


def released_at(source: str, model: ModelVersion) -> str:
    """
    When a version was released in an environment, UTC to the second: in staging when it passed, since the gates judge
    its pods until then. An empty string where that is not on record, or a person wrote something else there.
    """
    text = model.tags.get("staging.verdict_at" if source == constants.STAGING else f"{source}.promoted_at", "")
    return "" if instant.seconds(text) is None else text


def remedy(source: str, model: ModelVersion) -> str:
    """What a person does about pods that have not run in health in an environment."""
    since = released_at(source, model)
    counted = f"What happened there since {since} counts" if since else "Whatever happened there counts"
    before = next((earlier for earlier, later in inputs.promotions() if later == source), None)
    anew = "delete its pods, and run test-staging for it"
    if before:
        anew = f"promote it from {before} to {source} again, where its soak then begins anew"
    return f"{counted}: find the cause, then {anew}."


def check_soak(source: str, model: ModelVersion, digest: str) -> None:
    """
    Raises PromotionRejected until a version has run in its source for MINIMUM_SOAK_MINUTES, 0 to 10080, default 0.
    Staging needs no soak.
    """
    minutes = inputs.number("MINIMUM_SOAK_MINUTES", 0, 10080, default=0.0)
    if source == constants.STAGING or minutes == 0:
        return
    released, ready = released_at(source, model), rollout.ready_since(source, digest)
    left = soak_left(minutes * 60, released, ready, time.time())
    if left > 0:
        why = f", since its pods there are ready only since {ready}" if released and ready > released else ""
        soaking = f"{source} has to run version {model.number} for {left / 60:.1f} more minutes"
        raise PromotionRejected(f"{soaking} before it can be promoted{why}: promote it then.")


def soak_left(soak: float, released: str, ready: str, now: float) -> float:
    """
    Seconds of a soak, itself in seconds, that are left `now`, in seconds since 1970. It counts from the release, and
    from when a pod has been ready without a break if that is later: nobody knows how earlier pods ended. Both are UTC,
    to the second; `ready` is empty where nothing is known of pods.
    """
    since = instant.seconds(max(released, ready)) if released else None
    return soak if since is None else max(0.0, since + soak - now)
