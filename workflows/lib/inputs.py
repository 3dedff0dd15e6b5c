"""What a workflow may be told. Every value comes by environment variable and is checked here, before anything runs."""

import json
import os
import re
from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

from lib.analysis import Settings, settings_of
from lib.errors import InvalidInput

SCENARIOS = ("normal", "bad-architecture", "oversized", "slow", "flaky", "worse", "drifting")
# What people are told of, and in which shapes a webhook gets it; config/schema.ts has the same.
TRIGGERS = (
    "turned-away",
    "reverted",
    "held",
    "promoted",
    "aborted",
    "withdrawn",
    "lost",
    "restored",
    "drifted",
    "approval-wanted",
    "frozen",
    "volume-full",
)
FORMATS = ("json", "slack")
# For a step that is run by hand; a stack hands over its own.
DEFAULT_ENVIRONMENTS = {
    name: f"http://gourmetgram-{name}.gourmetgram-{name}.svc.cluster.local:{port}"
    for name, port in (("staging", 8081), ("canary", 8080), ("production", 80))
}

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)
_REFERENCE = re.compile(r"[a-z0-9][a-z0-9.:/_-]{0,250}@sha256:[0-9a-f]{64}", re.ASCII)
_ENVIRONMENT = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", re.ASCII)
_URL = re.compile(r"http://[a-z0-9.-]{1,253}:[0-9]{1,5}", re.ASCII)
_TIME = re.compile(r"[0-9]{1,11}", re.ASCII)
_REASON = re.compile(r"[^\x00-\x1f\x7f{}]{0,500}")


class Backend(NamedTuple):
    """An environment that the gateway leads users to."""

    environment: str


class Traffic(NamedTuple):
    """
    How users are split. `steps`: shares of canary in percent, 1..99, ascending; `pause_seconds`: of each of them.
    `analysis`: how canary's figures are judged; None where the step was not told, which judges none. `mirror`: whether
    canary gets a copy of each request that is led to production.
    """

    production: Backend
    canary: Backend
    steps: tuple[int, ...]
    pause_seconds: int
    analysis: Settings | None = None
    mirror: bool = False


class DataDrift(NamedTuple):
    """
    `environment`: whose answers are judged. `bar`: distance, 0..1. `minimum_answers`: without which nothing is judged.
    `cooldown`: seconds between two trainings that a drift starts.
    """

    environment: str
    bar: float
    minimum_answers: int
    cooldown: int


class Receiver(NamedTuple):
    """Who is told: `format` is one of `FORMATS`, `triggers` some of `TRIGGERS`."""

    format: str
    triggers: tuple[str, ...]


class Notifications(NamedTuple):
    """The receivers by their names, and the namespaces whose Events they are told of."""

    receivers: dict[str, Receiver]
    namespaces: tuple[str, ...]


class Rule(NamedTuple):
    """What a stack asks of promotions to an environment. `minimum`: people, 1 to 10; `expiry`: seconds."""

    minimum: int
    expiry: int


class Window(NamedTuple):
    """
    name: its key in the settings.
    kind: `allow` or `deny`.
    environments: whose promotions it concerns.
    schedule: when it begins, in cron's five fields, in the time zone `zone`.
    minutes: how long it lasts, 1 to 10080.
    description: why, for people.
    """

    name: str
    kind: str
    environments: list[str]
    schedule: str
    minutes: int
    zone: str
    description: str


def _given(name: str) -> str:
    return os.environ.get(name, "")


def _shown(value: str) -> str:
    """The value in a message: ASCII, on one line, at most 40 characters."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _matching(name: str, pattern: re.Pattern[str], wanted: str) -> str:
    value = _given(name)
    if not pattern.fullmatch(value):
        raise InvalidInput(f"{name} {_shown(value)} is not {wanted}.")
    return value


def _one_of(name: str, choices: Collection[str]) -> str:
    value = _given(name)
    if value not in choices:
        raise InvalidInput(f"{name} {_shown(value)} is not one of {', '.join(choices)}.")
    return value


def _parsed(text: str) -> object:
    """A JSON value, or None where the text is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def version(name: str = "MODEL_VERSION") -> str:
    """A model version in MLflow: a positive integer of at most nine digits, as text."""
    return _matching(name, _VERSION, "a model version: give a positive whole number such as 7")


def optional_version(name: str) -> str | None:
    """Like `version`, or None when it is empty."""
    return version(name) if _given(name) else None


def digest(name: str = "DIGEST") -> str:
    """The digest of an image: `sha256:` and 64 hexadecimal digits."""
    return _matching(name, _DIGEST, "an image digest: give sha256: and 64 hexadecimal digits")


def optional_digest(name: str = "DIGEST") -> str | None:
    """Like `digest`, or None when it is empty."""
    return digest(name) if _given(name) else None


def image(name: str) -> str:
    """An image reference by digest, `repository@sha256:...`."""
    return _matching(name, _REFERENCE, "an image by digest: it comes from the stack, run pulumi up")


def optional_image(name: str) -> str | None:
    """Like `image`; None where the stack has no such image."""
    return image(name) if _given(name) else None


def optional_commit() -> str | None:
    """SOURCE_COMMIT: a commit of Git; None where nobody knows it."""
    text = _given("SOURCE_COMMIT")
    if text and not _COMMIT.fullmatch(text):
        raise InvalidInput(f"SOURCE_COMMIT {_shown(text)} is no commit of Git: run pulumi up.")
    return text or None


def environments(name: str = "ENVIRONMENTS") -> dict[str, str]:
    """The stack's environments in the order of promotion, staging first, each with its URL inside the cluster."""
    if not _given(name):
        return DEFAULT_ENVIRONMENTS
    found = _parsed(_given(name))
    if isinstance(found, dict) and next(iter(found), None) == "staging" and all(map(_is_environment, found.items())):
        return found
    wanted = "no JSON object of environments with their URLs, staging first: run pulumi up"
    raise InvalidInput(f"{name} {_shown(_given(name))} is {wanted}.")


def _is_environment(entry: tuple[str, object]) -> bool:
    name, url = entry
    return bool(_ENVIRONMENT.fullmatch(name) and _URL.fullmatch(str(url)))


def service_url(environment: str) -> str:
    """Where an environment answers inside the cluster."""
    return environments()[environment]


def traffic(name: str = "TRAFFIC") -> Traffic | None:
    """How the gateway splits users; None in a stack without a gateway."""
    if not _given(name):
        return None
    found = _parsed(_given(name))
    try:
        backends = [Backend(found[key]["environment"]) for key in ("production", "canary")]
        # A stack of an earlier release hands it over here.
        judged = settings_of(found["analysis"]) if "analysis" in found else analysis()
        result = Traffic(*backends, tuple(found["steps"]), found["pauseSeconds"], judged, found.get("mirror", False))
    except (TypeError, KeyError, ValueError, AttributeError):
        result = None
    if result and _is_traffic(result):
        return result
    raise InvalidInput(f"{name} {_shown(_given(name))} does not say how users are split: run pulumi up.")


def analysis(name: str = "ANALYSIS") -> Settings | None:
    """How a version's figures are judged, in a stack without a gateway too; None where the step was not told."""
    if not _given(name):
        return None
    try:
        return settings_of(_parsed(_given(name)))
    except (TypeError, KeyError, ValueError, AttributeError):
        wanted = "does not say how figures are judged: run pulumi up"
        raise InvalidInput(f"{name} {_shown(_given(name))} {wanted}.") from None


def approval(name: str = "APPROVAL") -> dict[str, Rule]:
    """What a stack asks of promotions, by the environment that they lead to; empty where it asks nothing."""
    if not _given(name):
        return {}
    found = _parsed(_given(name))
    try:
        rules = {target: Rule(rule["minimum"], rule["expirySeconds"]) for target, rule in found.items()}
    except (TypeError, KeyError, AttributeError):
        rules = None
    if rules is not None and all(target in environments() and _is_rule(rule) for target, rule in rules.items()):
        return rules
    raise InvalidInput(f"{name} {_shown(_given(name))} does not say which promotions wait for people: run pulumi up.")


def _is_rule(rule: Rule) -> bool:
    return all(isinstance(number, int) and number > 0 for number in rule)


def windows(name: str = "WINDOWS") -> tuple[Window, ...]:
    """When the calendar allows promotions; empty where it always does."""
    if not _given(name):
        return ()
    found = _parsed(_given(name))
    try:
        result = tuple(Window(*(window[field] for field in Window._fields)) for window in found)
    except (TypeError, KeyError):
        result = None
    if result is not None and all(map(_is_window, result)):
        return result
    raise InvalidInput(f"{name} {_shown(_given(name))} is no calendar of promotions: run pulumi up.")


def _is_window(window: Window) -> bool:
    texts = (window.name, window.schedule, window.zone, window.description)
    return (
        window.kind in ("allow", "deny")
        and all(isinstance(text, str) for text in texts)
        and isinstance(window.environments, list)
        and isinstance(window.minutes, int)
        and window.minutes > 0
    )


def prometheus_url(name: str = "PROMETHEUS_URL") -> str | None:
    """Where Prometheus answers; None in a stack without monitoring."""
    return _matching(name, _URL, "a URL with http:// and a port: run pulumi up") if _given(name) else None


def data_drift(name: str = "DATA_DRIFT") -> DataDrift | None:
    """How data drift is watched for; None in a stack that does not."""
    if not _given(name):
        return None
    found = _parsed(_given(name))
    try:
        result = DataDrift(
            found["environment"], float(found["bar"]), int(found["minimumAnswers"]), int(found["cooldownSeconds"])
        )
    except (TypeError, KeyError, ValueError):
        result = None
    if result and result.environment in environments() and 0 < result.bar < 1 and result.minimum_answers > 0:
        return result
    raise InvalidInput(f"{name} {_shown(_given(name))} does not say how data drift is watched for: run pulumi up.")


def _is_traffic(found: Traffic) -> bool:
    known = environments()
    steps = found.steps
    return (
        all(backend.environment in known for backend in found[:2])
        and isinstance(found.pause_seconds, int)
        and isinstance(found.mirror, bool)
        and len(steps) > 0
        and all(isinstance(step, int) and 0 < step < 100 for step in steps)
        and list(steps) == sorted(set(steps))
    )


def receivers(name: str = "NOTIFICATIONS") -> Notifications:
    """Who is told of the pipeline by webhook, and where that is read."""
    found = _parsed(_given(name))
    try:
        told = {key: Receiver(one["format"], tuple(one["triggers"])) for key, one in found["receivers"].items()}
        result = Notifications(told, tuple(found["namespaces"]))
    except (TypeError, KeyError, AttributeError):
        result = None
    if result and _is_notifications(result):
        return result
    raise InvalidInput(f"{name} {_shown(_given(name))} does not say who is told: run pulumi up.")


def _is_notifications(found: Notifications) -> bool:
    return all(_ENVIRONMENT.fullmatch(key) for key in found.receivers) and all(
        one.format in FORMATS and set(one.triggers) <= set(TRIGGERS) for one in found.receivers.values()
    )


def remote_environments(name: str = "REMOTE_ENVIRONMENTS") -> list[str]:
    """Those of the environments whose pods are on a cluster that the workflows don't see; default none."""
    found = _parsed(_given(name) or "[]")
    known = environments()
    if isinstance(found, list) and all(isinstance(entry, str) and entry in known for entry in found):
        return found
    raise InvalidInput(f"{name} {_shown(_given(name))} is no JSON list of environments: run pulumi up.")


def promotions() -> list[tuple[str, str]]:
    """Source and target of every promotion, in order: each environment promotes to the one that follows."""
    remote_environments()  # whoever asks for promotions will ask where their pods are, when it is too late to reject it
    return list(pairwise(environments()))


def environment(name: str = "ENVIRONMENT") -> str:
    """One of the stack's environments."""
    return _one_of(name, environments())


def targets(name: str = "TARGET_ENVIRONMENT") -> list[str]:
    """The environment that a model was promoted to; where none is named, every one that models are promoted to."""
    choices = [target for _, target in promotions()]
    return [_one_of(name, choices)] if name in os.environ else choices


def scenario(name: str = "SCENARIO") -> str:
    """A training scenario: one of SCENARIOS."""
    return _one_of(name, SCENARIOS)


def promotion() -> tuple[str, str]:
    """Source and target environment: one that follows on the other, and nothing else."""
    source, target = environment("SOURCE_ENVIRONMENT"), environment("TARGET_ENVIRONMENT")
    if (source, target) not in promotions():
        ways = " and ".join(f"from {earlier} to {later}" for earlier, later in promotions()) or "nowhere"
        raise InvalidInput(f"A model goes {ways}, not from {source} to {target}.")
    return source, target


def reason(name: str = "REASON") -> str:
    """Free text for the record: at most 500 printable characters without braces; may be empty."""
    return _matching(name, _REASON, "a reason: give one line of at most 500 characters without braces")


def number(name: str, low: float, high: float, default: float | None = None) -> float:
    """A number from `low` to `high`; `default` when it is empty."""
    text = _given(name)
    if not text and default is not None:
        return default
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text, re.ASCII) or not low <= float(text) <= high:
        raise InvalidInput(f"{name} {_shown(text)} is not a number from {low} to {high}.")
    return float(text)


def time(name: str) -> int:
    """An instant, in seconds since 1970."""
    return int(_matching(name, _TIME, "a time in seconds since 1970"))


def choice(name: str, choices: Collection[str]) -> str:
    """One of `choices`."""
    return _one_of(name, choices)


def raw(name: str) -> str:
    """A value that its reader checks itself."""
    return _given(name)
