"""
How users are split between production and canary, at the gateway. The route holds the split in an annotation, and its
rules follow from it. One user meets one version: a cookie names it.
"""

import json
import re
from typing import Any, NamedTuple

from lib import constants, kubectl, outputs
from lib.inputs import Backend
from lib.last_release import Served

ANNOTATION = "gourmetgram.io/traffic-split"
COOKIE = "gourmetgram-version"
DAY = 86400  # seconds that a browser keeps the cookie
_IMAGE = re.compile(r"(sha256:[0-9a-f]{64})?", re.ASCII)
_MARK = re.compile(r"[0-9a-f]{0,16}", re.ASCII)
_APP_VERSION = re.compile(r"1\.0\.[1-9][0-9]{0,8}", re.ASCII)

# Who comes in at the gateway is a user, and cannot say otherwise to the app: what they get would count in no figure.
_AS_PEOPLE = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": [constants.PROBE_HEADER]}}

Rule = dict[str, Any]


class Split(NamedTuple):
    """
    What share of the users meets a version in canary.

    percents: the shares of this version so far, in percent, 1..99, ascending; the last one is today's.
    since: when today's share began, in seconds since 1970.
    withdrawn: why no user meets the version any more, or an empty string.
    paused: why no user meets it for the time being, or an empty string.
    analysis: what its figures came to at the last look, in one sentence, or an empty string.
    probes: pictures that the pipeline itself has sent to it, and to production.
    differing: of those, how many it gave another class than production, by its class.
    failures: how many looks in a row each of the stack's own metrics has failed.
    paired: how many of the probes got a class from both, so that they were compared.
    copies: users' requests that were compared: it answered a copy of them, and production the request.
    copies_differing: of those, how many it gave another class than production, by its class.
    copies_until: copies that it answered by then are counted, in seconds since 1970.
    digest: that of its image; empty in a split of an earlier release of the pipeline.
    mark: what its cookies add to the version, so that who met the version before is drawn anew; empty in a split of an
        earlier release of the pipeline.
    measured: how often each of the stack's own metrics was measured at today's share, by its name.
    measured_at: when it was last, in seconds since 1970.
    counted: the most answers that its figures, and production's, have counted since its probes began to count.
    """

    version: str
    percents: tuple[int, ...]
    since: int
    withdrawn: str = ""
    paused: str = ""
    analysis: str = ""
    probes: int = 0
    differing: tuple[tuple[str, int], ...] = ()
    failures: tuple[tuple[str, int], ...] = ()
    paired: int = 0
    copies: int = 0
    copies_differing: tuple[tuple[str, int], ...] = ()
    copies_until: int = 0
    digest: str = ""
    mark: str = ""
    measured: tuple[tuple[str, int], ...] = ()
    measured_at: tuple[tuple[str, int], ...] = ()
    counted: int = 0

    @property
    def percent(self) -> int:
        """Today's share of the users, 0..99 %."""
        return 0 if self.withdrawn or self.paused else self.percents[-1]


def decide(
    split: Split | None, canary: Served | None, production: Served | None, steps: tuple[int, ...], now: int
) -> Split | None:
    """
    The split of what the two environments serve: its first step where the version in canary is a new one, or has a new
    image, none where it is no other than production's, else the one that is there.
    """
    if canary is None or canary.number is None or (production and canary.digest == production.digest):
        return None
    if split and split.version == canary.app_version and split.digest in ("", canary.digest):
        return split
    return Split(canary.app_version, steps[:1], now, digest=canary.digest, mark=str(now))


# Shares that a route has room for: Gateway API allows 16 rules, and a split has two more than it has shares.
MOST_SHARES = 14


def advance(split: Split, steps: tuple[int, ...], pause: int, now: int) -> Split:
    """The next step of a split, once today's has lasted `pause` seconds; the last one lasts until a person promotes."""
    larger = [step for step in steps if step > split.percents[-1]]
    if not split.percent or not larger or now - split.since < pause:
        return split
    return split._replace(percents=(*split.percents, larger[0])[-MOST_SHARES:], since=now)


def rules(split: Split | None, production: Backend, canary: Backend, mirror: bool = False) -> list[Rule]:
    """
    The route's rules. Who has met canary's version stays with it. Who met production's at an earlier step is drawn once
    more at each step, so that the share of all users is that of today's step. `mirror`: while users meet the version,
    it also gets a copy of each request of a rule that leads to production. In a rule that draws, those are also the
    requests that canary answers: Contour has no mirror of one backend.
    """
    plain = {"filters": [_AS_PEOPLE]}
    if split is None or not split.percent:
        return [{**plain, "backendRefs": [_reference(production, 1)]}]
    copied = {"filters": [_AS_PEOPLE, _mirror(canary)]} if mirror else plain

    def draw(percent: int, of: int, matches: list[dict[str, Any]]) -> Rule:
        to_production = _reference(production, of - percent, _cookie(split, production, split.percent))
        to_canary = _reference(canary, percent, _cookie(split, canary))
        return {**({"matches": matches} if matches else {}), **copied, "backendRefs": [to_production, to_canary]}

    return [
        {"matches": _carries(split, canary), **plain, "backendRefs": [_reference(canary, 1)]},
        {"matches": _carries(split, production, split.percent), **copied, "backendRefs": [_reference(production, 1)]},
        *(
            draw(split.percent - earlier, 100 - earlier, _carries(split, production, earlier))
            for earlier in split.percents[:-1]
        ),
        draw(split.percent, 100, []),
    ]


def _value(split: Split, backend: Backend, *step: int) -> str:
    version = f"{split.version}-{split.mark}" if split.mark else split.version
    return ".".join(map(str, (backend.environment, version, *step)))


def _cookie(split: Split, backend: Backend, *step: int) -> str:
    return f"{COOKIE}={_value(split, backend, *step)}; Path=/; Max-Age={DAY}; HttpOnly; SameSite=Lax"


def _carries(split: Split, backend: Backend, *step: int) -> list[dict[str, Any]]:
    """
    Requests that carry the cookie of a backend, among whatever other cookies. Gateway API leaves it to the gateway
    whether an expression is of all of a header or of a part of it, so this one has its ends.
    """
    value = rf"^(.*;\s*)?{COOKIE}={re.escape(_value(split, backend, *step))}(;.*)?$"
    return [{"headers": [{"type": "RegularExpression", "name": "Cookie", "value": value}]}]


def _reference(backend: Backend, weight: int, cookie: str = "") -> dict[str, Any]:
    reference = {**_service(backend), "weight": weight}
    if cookie:
        header = {"add": [{"name": "Set-Cookie", "value": cookie}]}
        reference["filters"] = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": header}]
    return reference


def _mirror(backend: Backend) -> dict[str, Any]:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": _service(backend)}}


def _service(backend: Backend) -> dict[str, Any]:
    """A Service with a name and a port of its own: whatever port people open the environment at, users come in."""
    return {
        "name": constants.gateway_service(backend.environment),
        "namespace": constants.workload(backend.environment),
        "port": constants.GATEWAY_SERVICE_PORT,
    }


def read(route: kubectl.KubernetesObject) -> Split | None:
    """The split that a route holds; None where it holds none, or a person wrote something else there."""
    text = route["metadata"].get("annotations", {}).get(ANNOTATION, "")
    try:
        fields = json.loads(text)
        percents = tuple(int(percent) for percent in fields["percents"])
        is_ascending = bool(percents) and list(percents) == sorted(set(percents))
        is_whole = is_ascending and percents[0] > 0 and percents[-1] < 100
        if not is_whole or not _APP_VERSION.fullmatch(fields["version"]):
            return None
        reasons = fields["withdrawn"], fields["paused"]
        if not all(isinstance(reason, str) for reason in reasons):
            return None
        # A split of an earlier release of the pipeline has none of the rest.
        judged = str(fields.get("analysis", "")), int(fields.get("probes", 0))
        counts = (_counts(fields.get(key, [])) for key in ("differing", "failures"))
        # It did not say either how many of its probes were compared.
        paired = int(fields.get("paired", judged[1]))
        copies = int(fields.get("copies", 0)), _counts(fields.get("copies_differing", []))
        until = int(fields.get("copies_until", 0))
        digest = fields.get("digest", "")
        # It marked the cookies of a later image of a version alone, with that image's digest.
        mark = fields.get("mark", digest[7:15] if fields.get("is_again") else "")
        if not _IMAGE.fullmatch(digest) or not _MARK.fullmatch(mark):
            return None
        return Split(
            fields["version"],
            percents,
            int(fields["since"]),
            *reasons,
            *judged,
            *counts,
            paired,
            *copies,
            until,
            digest,
            mark,
            *(_counts(fields.get(key, [])) for key in ("measured", "measured_at")),
            # Its figures had counted the probes at least.
            int(fields.get("counted", judged[1])),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _counts(pairs: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple((str(name), int(count)) for name, count in pairs)


def patch(
    split: Split | None, production: Backend, canary: Backend, version: str, mirror: bool = False
) -> dict[str, Any]:
    """The change of a route of this resource version, which fails where somebody else has changed it since."""
    text = json.dumps(split._asdict(), separators=(",", ":")) if split else None
    return {
        "metadata": {"annotations": {ANNOTATION: text}, "resourceVersion": version},
        "spec": {"rules": rules(split, production, canary, mirror)},
    }


# Each condition of a route that says whether a gateway takes it, with the status that says no.
_REFUSALS = {"Accepted": "False", "ResolvedRefs": "False", "PartiallyInvalid": "True"}


def refusal(route: kubectl.KubernetesObject) -> str:
    """
    Why the gateway does not do what the route says, in one sentence without a full stop; an empty string where it does.
    What it said of an earlier state of the route does not count, nor that it has said nothing yet.
    """
    state = route["metadata"].get("generation", 0)
    for parent in route.get("status", {}).get("parents", []):
        for said in parent.get("conditions", []):
            is_of_today = said.get("observedGeneration", state) >= state
            if is_of_today and _REFUSALS.get(said.get("type")) == said.get("status"):
                no = f"{said['type']} is {said['status']}, {said.get('reason', 'no reason')}"
                why = outputs.clean(f"{no}: {said.get('message', '')}", 400).rstrip(".: ")
                return f"The gateway does not do what the route {constants.GATEWAY_ROUTE} says: {why}"
    return ""


# What the API server writes where a rule names no path.
_ANY_PATH = {"path": {"type": "PathPrefix", "value": "/"}}


class Shape(NamedTuple):
    """
    What counts of a rule: its backends, each with port, weight and the headers of its answers; its filters, each with
    whom it copies to and how it changes the headers of requests; and the requests that it is for.
    """

    backends: tuple[tuple[str, int, int, str], ...]
    filters: tuple[tuple[str, str, str, str], ...] = ()
    matches: tuple[dict[str, Any], ...] = (_ANY_PATH,)


def shape(route_rules: list[Rule]) -> list[Shape]:
    """What counts of each rule. The API server adds defaults to rules, so they cannot be compared whole."""
    return [
        Shape(
            tuple(_backend_shape(reference) for reference in rule.get("backendRefs", [])),
            tuple(_filter_shape(found) for found in rule.get("filters", [])),
            tuple({**_ANY_PATH, **match} for match in rule.get("matches") or [{}]),
        )
        for rule in route_rules
    ]


def _backend_shape(reference: dict[str, Any]) -> tuple[str, int, int, str]:
    filters = json.dumps(reference.get("filters", []), sort_keys=True)
    return reference["name"], reference.get("port", 0), reference.get("weight", 1), filters


def _filter_shape(found: dict[str, Any]) -> tuple[str, str, str, str]:
    """
    Its type, the backend that gets copies, the share of the requests where somebody wrote one, and what becomes of the
    headers of requests.
    """
    mirrored = found.get("requestMirror", {})
    share = mirrored.get("percent", mirrored.get("fraction", ""))
    headers = json.dumps(found.get("requestHeaderModifier", {}), sort_keys=True)
    return found.get("type", ""), mirrored.get("backendRef", {}).get("name", ""), str(share), headers


def sentence(split: Split | None, canary: Backend, production: Backend) -> str:
    """What users meet, for the log and the Events."""
    where = canary.environment
    if split is None:
        return f"All users meet {production.environment}"
    if split.withdrawn:
        return f"No user meets {split.version} in {where} any more: {split.withdrawn}"
    if split.paused:
        return f"No user meets {split.version} in {where} for the time being: {split.paused}"
    share = f"{split.percent} % of the users meet {split.version} in {where}"
    return f"{share}. Analysis: {split.analysis}" if split.analysis else share
