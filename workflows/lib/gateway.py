"""The gateway's route: reads which split of the users it holds, and puts it right."""

import sys
import time

from lib import (
    analysis,
    argocd,
    constants,
    copies,
    disagreement,
    events,
    figures,
    freeze,
    gate_verdicts,
    inputs,
    instant,
    kubectl,
    last_release,
    model_registry,
    outputs,
    pods,
    rollout,
    traffic,
)
from lib.errors import StepFailed, Unavailable
from lib.last_release import LastRelease, Served
from lib.traffic import Split

KIND = "httproutes.gateway.networking.k8s.io"


class RouteGone(StepFailed):
    """Somebody deleted the route: no user reaches anything, and only an update of the stack makes it again."""


class ApplicationGone(StepFailed):
    """An environment has no Application, so nobody can tell what it serves."""


def put_right(settings: inputs.Traffic, watch: bool = False) -> Split | None:
    """
    Makes the route follow what production and canary serve: a new version in canary gets the first step, and one that
    production serves too gets none. While canary is between two releases, or has no Application, no user meets it: the
    share is that of the version that leaves. While production is, the route stays as it is, but for a canary that runs
    badly. `watch`: also looks at canary's pods, and takes the next step where its time has come. A gateway that refuses
    the route is told of, and changes nothing of this: the next route may be one that it takes. Raises ApplicationGone
    once all of this is done.
    """
    route = read_route()
    refusal = traffic.refusal(route)
    if refusal:
        events.warn_of_state(settings.production.environment, "RouteRefused", refusal)
    split = traffic.read(route)
    try:
        canary = released(settings.canary.environment)
    except ApplicationGone as gone:
        take_users_away(settings, route, split, str(gone))
        raise
    if canary is None:
        return take_users_away(settings, route, split, f"{settings.canary.environment} is between two releases")
    production_gone = None
    try:
        production = released(settings.production.environment)
    except ApplicationGone as gone:
        production, production_gone = None, gone
    now, wanted = int(time.time()), split
    if production:
        wanted = traffic.decide(split, canary.served, production.served, settings.steps, now)
        if split and split.withdrawn and wanted != split:
            leave_withdrawn(split, production.served)
    if watch and wanted and not wanted.withdrawn and wanted.version == canary.served.app_version:
        wanted = watched(settings, wanted, canary, production and production.served, now)
    if production or wanted != split:
        write(settings, route, split, wanted)
    if production_gone:
        raise production_gone
    return wanted


def take_users_away(
    settings: inputs.Traffic, route: kubectl.KubernetesObject, split: Split | None, why: str
) -> Split | None:
    """Takes the users away from a canary of which nobody knows what it serves. The watch comes back to it."""
    if split is None or not split.percent:
        return split
    paused = split._replace(paused=outputs.clean(why, 300))
    write(settings, route, split, paused)
    return paused


def read_route() -> kubectl.KubernetesObject:
    """The route as it is; raises RouteGone."""
    try:
        return kubectl.get(KIND, constants.GATEWAY_ROUTE, constants.GATEWAY_NAMESPACE)
    except kubectl.NotFound:
        gone = f"Users reach nothing at the gateway: the route {constants.GATEWAY_ROUTE} is gone"
        raise RouteGone(f"{gone}. Run npm start -- --refresh.") from None


def leave_withdrawn(split: Split, production: Served) -> None:
    """
    Takes back the pass of a version that was withdrawn and left canary before an abort came to that, as by the
    promotion of another one. The split is all that knows of it, so it stays until that is signed: raises Unavailable
    while the registry is away. What production serves is judged there.
    """
    if is_of(split, production):
        return
    withdraw_pass(split)
    if split.digest:
        gate_verdicts.sign_withdrawal(split.digest, split.withdrawn)


def is_of(split: Split, served: Served) -> bool:
    """Whether a split is of what an environment serves. One of an earlier release of the pipeline names no image."""
    return split.version == served.app_version and split.digest in ("", served.digest)


def withdraw_pass(split: Split) -> None:
    """Takes back that the image of a split passed staging."""
    version = split.version.rpartition(".")[2]
    digest = split.digest or ((model := model_registry.find(version)) and model.verified_digest)
    if digest:
        gate_verdicts.withdraw(version, digest, split.withdrawn)


def watched(settings: inputs.Traffic, split: Split, canary: LastRelease, production: Served | None, now: int) -> Split:
    """
    The split after a look at canary. A version whose containers have ended too often, or whose figures are beyond a
    bar, is withdrawn: no user meets it any more. One without a ready pod is paused, and one beside whose pods another
    image still answers: no user meets it until that is over. Figures that say too little hold the split, and so do a
    freeze of promotions and a production, None, that is between two releases.
    """
    since = instant.timestamp(canary.at // 1000)
    listed = rollout.list_pods(settings.canary.environment)
    crash = analysis.restarts(settings.analysis, *pods.crashes_since(listed, canary.served.digest, since))
    if crash and crash.verdict == "fail" and not crash.dry_run:
        return split._replace(withdrawn=outputs.clean(crash.said, 300))
    running = pods.running_digests(listed)
    if canary.served.digest not in running:
        found = pods.assess_since(listed, canary.served.digest, since)
        return split._replace(paused=outputs.clean(found.reason, 300))
    if len(running) > 1:
        return split._replace(paused=f"{settings.canary.environment} still runs another image beside it")
    if split.paused:
        return split._replace(paused="", since=now)
    if production is None:
        return split
    split = copies.counted(settings, split, production, now)
    split, judged = figures.look(settings, split, canary.at // 1000, production, now, crash)
    if judged and judged.verdict == "fail":
        return split._replace(withdrawn=outputs.clean(judged.sentence.removeprefix("fail: "), 300))
    if is_frozen(settings):
        return split
    if judged and judged.too_few:
        return figures.probe(settings, split, production)
    if judged and judged.verdict != "pass":
        return split
    return traffic.advance(split, settings.steps, settings.pause_seconds, now)


def is_frozen(settings: inputs.Traffic) -> bool:
    """
    Whether people hold the share. A freeze that cannot be looked up holds it too: what the look has found is written
    all the same, since a failing version is to reach its limit.
    """
    try:
        return freeze.reason() is not None
    except freeze.FreezeGone as gone:
        events.warn_of_state(settings.canary.environment, "FreezeGone", str(gone))
    except (StepFailed, Unavailable) as failure:
        print(f"The share stays where it is: {failure}", file=sys.stderr)
    return True


def withdrawn(settings: inputs.Traffic) -> Split | None:
    """
    The split whose version was withdrawn and is canary's last release, or None. A canary that was told to run something
    else has not come to it: so an abort that was interrupted comes to its end.
    """
    split = traffic.read(read_route())
    canary = last_release.held(rollout.application(settings.canary.environment))
    return split if split and split.withdrawn and canary and is_of(split, canary.served) else None


def withdrawal(environment: str, app_version: str) -> str:
    """
    Why no user meets a version in an environment any more; an empty string where users may meet it, or the gateway does
    not lead there. A route that is gone says nothing of a version.
    """
    settings = inputs.traffic()
    if settings is None or environment != settings.canary.environment:
        return ""
    split = split_of(app_version)
    return split.withdrawn if split else ""


def compared_answers(target: str, app_version: str) -> str:
    """
    How far a version's answers in canary are from production's, for the record of its promotion to `target`; an empty
    string where nothing was compared, or the target is not production.
    """
    settings = inputs.traffic()
    if settings is None or target != settings.production.environment:
        return ""
    split = split_of(app_version)
    return disagreement.record(split) if split else ""


def split_of(app_version: str) -> Split | None:
    """The split of a version; None where users meet another one or none, or the route is gone."""
    try:
        split = traffic.read(read_route())
    except StepFailed as failure:
        print(f"The gateway was not asked: {failure}", file=sys.stderr)
        return None
    return split if split and split.version == app_version else None


def try_put_right(environment: str) -> str:
    """
    Puts the route right after a release to an environment; returns what to add to its sentence. It fails no release:
    the schedule comes back to the route.
    """
    settings = inputs.traffic()
    if settings is None:
        return ""
    try:
        split = put_right(settings)
    except (StepFailed, Unavailable) as failure:
        print(f"The gateway was not told: {failure}", file=sys.stderr)
        return ""
    is_met = split and split.percent and environment == settings.canary.environment
    return f", and {split.percent} % of the users meet it" if is_met else ""


def released(environment: str) -> LastRelease | None:
    """
    What an environment serves: the base image before its first release, and None while it is told to run something else
    than its last one.
    """
    try:
        application = rollout.application(environment)
    except kubectl.NotFound:
        remedy = "Run npm start of its stack, which makes it again."
        raise ApplicationGone(f"{environment} has no Application in Argo CD. {remedy}") from None
    told = argocd.released_digest(application)
    found = last_release.held(application)
    if found is None and told is None:
        return LastRelease(Served(last_release.BASE, rollout.base_digest()), 0)
    return found if found and found.served.released_digest == told else None


def write(settings: inputs.Traffic, route: kubectl.KubernetesObject, split: Split | None, wanted: Split | None) -> None:
    """Writes the split, unless the route is as it should be; says so, and says it where a person had changed it."""
    rules = traffic.rules(split, settings.production, settings.canary, settings.mirror)
    is_as_split_says = traffic.shape(route["spec"].get("rules", [])) == traffic.shape(rules)
    if split == wanted and is_as_split_says:
        return
    version = route["metadata"]["resourceVersion"]
    change = traffic.patch(wanted, settings.production, settings.canary, version, settings.mirror)
    kubectl.merge(KIND, constants.GATEWAY_ROUTE, constants.GATEWAY_NAMESPACE, change)
    sentence = traffic.sentence(wanted, settings.canary, settings.production)
    print(sentence, flush=True)
    if wanted and wanted.withdrawn:
        events.warn(settings.canary.environment, "TrafficWithdrawn", sentence)
    elif not is_as_split_says:
        # Whatever keeps changing the route is seen at each look, and the figures of the analysis are others each time.
        met = traffic.sentence(wanted and wanted._replace(analysis=""), settings.canary, settings.production)
        events.warn_of_state(settings.canary.environment, "TrafficRestored", f"the route had other rules: {met}")
