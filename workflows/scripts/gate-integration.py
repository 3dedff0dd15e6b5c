"""Integration gate: the candidate answers, it is the version under test, and its test picture gets a Food-11 class."""

import json

import gate
import inputs
import names
import rollout
import web


def check(version, _digest):
    """Asks `/version`, `/test`, and `/version` again."""
    wanted = names.app_version(version)
    wait = inputs.number("REACH_SECONDS", 1, 120, default=15.0)
    if not web.poll(lambda: rollout.version_of("staging") == wanted, wait):
        found = rollout.version_of("staging") or "no model"
        return gate.fail(f"staging answers {found} on /version, not {wanted}", reached=False)
    try:
        status, text = web.request(f"{names.service_url('staging')}/test", timeout=30.0)
    except web.Unreachable as error:
        return gate.fail(f"/test gave no answer: {error}", reached=False)
    answer = class_name(text)
    if status != 200:
        return gate.fail(f"/test answers {status}: {text[:200]}", status=status)
    if answer not in names.FOOD_11:
        return gate.fail(f"/test answers {text[:200]!r}, which is not a Food-11 class")
    if rollout.version_of("staging") != wanted:
        return gate.fail("the candidate stopped answering during the test", reached=False)
    return gate.Verdict("pass", f"/test answers {answer}", prediction=answer)


def class_name(text):
    """The class in the answer of `/test`: plain text, or a JSON string."""
    text = text.strip()
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text
