"""What a workflow may be told. Every value comes by environment variable and is checked here, before anything runs."""

import json
import os
import re
import sys

import outputs

SCENARIOS = ("normal", "bad-architecture", "oversized", "slow", "flaky")
UNAVAILABLE = 75  # EX_TEMPFAIL of sysexits.h
# For a script that is run by hand; a stack hands over its own.
DOCUMENTED = {
    name: f"http://gourmetgram-{name}.gourmetgram-{name}.svc.cluster.local:{port}"
    for name, port in (("staging", 8081), ("canary", 8080), ("production", 80))
}

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_REFERENCE = re.compile(r"[a-z0-9][a-z0-9.:/_-]{0,250}@sha256:[0-9a-f]{64}", re.ASCII)
_ENVIRONMENT = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", re.ASCII)
_URL = re.compile(r"http://[a-z0-9.-]{1,253}:[0-9]{1,5}", re.ASCII)
_REASON = re.compile(r"[^\x00-\x1f\x7f{}]{0,500}")


class Refused(Exception):
    """A value that is not what it should be; the message is one sentence that says what to give instead."""


def _given(name):
    return os.environ.get(name, "")


def _shown(value):
    """The value in a message: ASCII, on one line, at most 40 characters."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _matching(name, pattern, wanted):
    value = _given(name)
    if not pattern.fullmatch(value):
        raise Refused(f"{name} {_shown(value)} is not {wanted}.")
    return value


def _one_of(name, choices):
    value = _given(name)
    if value not in choices:
        raise Refused(f"{name} {_shown(value)} is not one of {', '.join(choices)}.")
    return value


def version(name="MODEL_VERSION"):
    """A model version in MLflow: a positive integer of at most nine digits, as text."""
    return _matching(name, _VERSION, "a model version: give a positive whole number such as 7")


def optional_version(name):
    """Like `version`, or None when it is empty."""
    return version(name) if _given(name) else None


def digest(name="DIGEST"):
    """The digest of an image: `sha256:` and 64 hexadecimal digits."""
    return _matching(name, _DIGEST, "an image digest: give sha256: and 64 hexadecimal digits")


def optional_digest(name="DIGEST"):
    """Like `digest`, or None when it is empty."""
    return digest(name) if _given(name) else None


def image(name):
    """An image reference by digest, `repository@sha256:...`."""
    return _matching(name, _REFERENCE, "an image by digest: it comes from the stack, run pulumi up")


def environments(name="ENVIRONMENTS"):
    """The stack's environments in the order of promotion, staging first, each with its URL inside the cluster."""
    if not _given(name):
        return DOCUMENTED
    try:
        found = json.loads(_given(name))
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and next(iter(found), None) == "staging" and all(_ENVIRONMENT.fullmatch(one) and _URL.fullmatch(str(url)) for one, url in found.items()):
        return found
    raise Refused(f"{name} {_shown(_given(name))} is no JSON object of environments with their URLs, staging first: run pulumi up.")


def other_clusters(name="OTHER_CLUSTERS"):
    """Those of the environments whose pods are on a cluster that the workflows don't see; default none."""
    try:
        found = json.loads(_given(name) or "[]")
    except (ValueError, RecursionError):
        found = None
    known = environments()
    if isinstance(found, list) and all(isinstance(one, str) and one in known for one in found):
        return found
    raise Refused(f"{name} {_shown(_given(name))} is no JSON list of environments: run pulumi up.")


def promotions():
    """Source and target of every promotion, in order: each environment promotes to the one that follows."""
    order = list(environments())
    other_clusters()  # whoever asks for them will ask where their pods are, when it is too late to refuse
    return list(zip(order, order[1:]))


def environment(name="ENVIRONMENT"):
    """One of the stack's environments."""
    return _one_of(name, environments())


def targets(name="TARGET_ENVIRONMENT"):
    """The environment that a model was promoted to; where none is named, every one that models are promoted to."""
    choices = [target for _, target in promotions()]
    return [_one_of(name, choices)] if name in os.environ else choices


def scenario(name="SCENARIO"):
    """A training scenario: one of SCENARIOS."""
    return _one_of(name, SCENARIOS)


def promotion():
    """Source and target environment: one that follows on the other, and nothing else."""
    pair = environment("SOURCE_ENVIRONMENT"), environment("TARGET_ENVIRONMENT")
    if pair not in promotions():
        ways = " and ".join(f"from {source} to {target}" for source, target in promotions()) or "nowhere"
        raise Refused(f"A model goes {ways}, not from {pair[0]} to {pair[1]}.")
    return pair


def reason(name="REASON"):
    """Free text for the record: at most 500 printable characters without braces; may be empty."""
    return _matching(name, _REASON, "a reason: give one line of at most 500 characters without braces")


def number(name, low, high, default=None):
    """A number from `low` to `high`; `default` when it is empty."""
    text = _given(name)
    if not text and default is not None:
        return default
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text, re.ASCII) or not low <= float(text) <= high:
        raise Refused(f"{name} {_shown(text)} is not a number from {low} to {high}.")
    return float(text)


def choice(name, choices):
    """One of `choices`."""
    return _one_of(name, choices)


def raw(name):
    """A value that its reader checks itself."""
    return _given(name)


def run(main):
    """
    Runs a script's `main`: what stops it ends in one sentence and exit code 2 (a value was refused), 75 (something
    that the step needs does not answer: the workflow runs it again) or 1 (anything else, which is final).
    """
    try:
        code = main()
    except Refused as refusal:
        _stop("Refused", refusal, 2)
    except Unavailable as failure:
        _stop("Unavailable", failure, UNAVAILABLE)
    except StepFailed as failure:
        _stop("Failed", failure, 1)
    sys.exit(code or 0)


def _stop(word, problem, code):
    outputs.write("reason", outputs.clean(problem))
    print(f"{word}: {problem}", file=sys.stderr)
    sys.exit(code)


class StepFailed(Exception):
    """A step that could not do its work, for good; the message is one sentence that says what happened."""


class Unavailable(Exception):
    """
    What the step needs does not answer now: MLflow, the registry or the API server. No StepFailed, since nothing has been
    decided: the same step runs again, and goes on with the same record.
    """
