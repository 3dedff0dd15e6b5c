"""What canary answered to the copies of users' requests, beside what production answered to the users."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from lib import answers, constants
from lib.inputs import Traffic
from lib.last_release import Served
from lib.traffic import Split

# Seconds after which both have answered a request, or one of them never will.
SETTLED = 15


class Answer(NamedTuple):
    """An answer to a picture. `at`: seconds since 1970 by its pod's clock. `request`: the id that its copy shares."""

    at: float
    request: str
    is_copy: bool
    name: str


class Compared(NamedTuple):
    """How many copies were compared, and how many of them got another class than production's, by canary's class."""

    count: int
    differing: Counter[str]


def compare(canary: Iterable[Answer], production: Iterable[Answer], after: float, until: float) -> Compared:
    """
    Compares the copies that canary answered after one time and until another with what production answered. A request
    whose id was given twice is left out, as of a client that names all its requests alike: nobody knows its original.
    """
    originals = _by_request(answer for answer in production if not answer.is_copy)
    copied = _by_request(answer for answer in canary if answer.is_copy)
    pairs = [
        (answer.name, originals[request].name)
        for request, answer in copied.items()
        if after < answer.at <= until and request in originals
    ]
    return Compared(len(pairs), Counter(name for name, original in pairs if name != original))


def _by_request(found: Iterable[Answer]) -> dict[str, Answer]:
    listed = list(found)
    times = Counter(answer.request for answer in listed)
    return {answer.request: answer for answer in listed if answer.request and times[answer.request] == 1}


def counted(settings: Traffic, split: Split, production: Served, now: int) -> Split:
    """
    The split with the copies that were answered since the last look. It is as it was where there are none, where a pod
    keeps no answers, and where production serves no model.
    """
    if not settings.mirror or production.number is None:
        return split
    answered = read(settings.canary.environment, split.version)
    if not any(answer.is_copy for answer in answered):
        return split
    until = now - SETTLED
    originals = read(settings.production.environment, production.app_version)
    found = compare(answered, originals, split.copies_until, until)
    if not found.count:
        return split
    differing = Counter(dict(split.copies_differing)) + found.differing
    return split._replace(
        copies=split.copies + found.count, copies_differing=tuple(sorted(differing.items())), copies_until=until
    )


def read(environment: str, version: str) -> list[Answer]:
    """The newest answers of a version by the pods of an environment."""
    return whole(answers.read(environment, version))


def whole(told: Iterable[object]) -> list[Answer]:
    """What pods told, without what is no answer."""
    return [answer for one in told if (answer := _answer(one))]


def _answer(one: object) -> Answer | None:
    if not isinstance(one, dict):
        return None
    at, request, is_copy, name = (one.get(key) for key in ("at", "request", "copy", "class"))
    is_time = isinstance(at, int | float) and math.isfinite(at)
    if not is_time or not isinstance(request, str) or not isinstance(is_copy, bool) or name not in constants.FOOD_11:
        return None
    return Answer(float(at), request, is_copy, str(name))
