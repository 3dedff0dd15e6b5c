"""Integration gate: the candidate answers, it is the version under test, and its test picture gets a Food-11 class."""

import json

from lib import constants, http_client, inputs, rollout
from lib.verdict import Verdict, fail


def check(version: str, _digest: str) -> Verdict:
    """
    Asks `/version`, `/test`, and `/version` again. REACH_SECONDS: time for the first answer, 1 to 120 s, default 15.
    """
    wanted = constants.app_version(version)
    wait = inputs.number("REACH_SECONDS", 1, 120, default=15.0)
    if not http_client.poll(lambda: rollout.version_of(constants.STAGING) == wanted, wait):
        found = rollout.version_of(constants.STAGING) or "no model"
        return fail(f"staging answers {found} on /version, not {wanted}", reached=False)
    try:
        url = f"{inputs.service_url(constants.STAGING)}/test"
        status, text = http_client.request(url, headers=constants.PROBE, timeout=30.0)
    except http_client.Unreachable as error:
        return fail(f"/test gave no answer: {error}", reached=False)
    answer = class_name(text)
    if status != 200:
        return fail(f"/test answers {status}: {text[:200]}", status=status)
    if answer not in constants.FOOD_11:
        return fail(f"/test answers {text[:200]!r}, which is not a Food-11 class")
    if rollout.version_of(constants.STAGING) != wanted:
        return fail("the candidate stopped answering during the test", reached=False)
    among = f"one of the {len(constants.FOOD_11)} classes of Food-11"
    return Verdict("pass", f"/test answers {answer}, {among}, and /version {wanted}", prediction=answer)


def class_name(text: str) -> str:
    """The class in the answer of `/test`: plain text, or a JSON string."""
    text = text.strip()
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text
