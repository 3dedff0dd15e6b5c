"""The cluster, through kubectl and the pod's own service account."""

import codecs
import json
import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import Any

from lib import constants
from lib.errors import StepFailed, Unavailable
from lib.transient import is_transient

KubernetesObject = dict[str, Any]
# A type of `kubectl get --output-watch-events` with its object, or RESTART with None.
Event = tuple[str, KubernetesObject | None]

# What kubectl says when the API server, or the store behind it, does not answer. It fetches the schemas before it
# creates anything.
TRANSIENT_SIGNS = (
    "was refused",
    "Unable to connect to the server",
    "error from a previous attempt",
    "failed to download openapi",
    "(ServiceUnavailable)",
    "(Timeout)",
    "(ServerTimeout)",
    "(TooManyRequests)",
    "(InternalError)",  # a webhook that does not answer, for one
    "(Conflict)",  # somebody else changed the object at the same moment
    "(Expired)",  # of a list that went on for too long
    "etcdserver:",
)


class NotFound(StepFailed):
    """The object is not there."""


class AlreadyExists(StepFailed):
    """An object of this name is there already."""


def run(*args: str, stdin: str | None = None) -> str:
    """Output of a kubectl command; raises NotFound, AlreadyExists, Unavailable or StepFailed with its last line."""
    done = subprocess.run(["kubectl", *args], input=stdin, capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    raise _error_of(lines[-1])(f"kubectl {args[0]} failed: {lines[-1]}")


def _error_of(message: str) -> type[Exception]:
    if "(NotFound)" in message:
        return NotFound
    if "(AlreadyExists)" in message:
        return AlreadyExists
    return Unavailable if is_transient(message, *TRANSIENT_SIGNS) else StepFailed


def get(kind: str, name: str, namespace: str) -> KubernetesObject:
    """One object."""
    return json.loads(run("get", kind, name, "--namespace", namespace, "--output", "json"))


def merge(kind: str, name: str, namespace: str, change: KubernetesObject, subresource: str = "") -> None:
    """Changes fields of an object, or of one of its subresources, in the pipeline's name."""
    part = ["--subresource", subresource] if subresource else []
    how = ["--type", "merge", "--field-manager", constants.FIELD_MANAGER, "--patch", json.dumps(change)]
    run("patch", kind, name, "--namespace", namespace, *part, *how)


def list_objects(kind: str, namespace: str, selector: str = "") -> list[KubernetesObject]:
    """The objects that a label selector finds, or all of the namespace."""
    selected = ["--selector", selector] if selector else []
    return json.loads(run("get", kind, "--namespace", namespace, *selected, "--output", "json"))["items"]


def list_events(namespace: str, component: str) -> list[KubernetesObject]:
    """The Events that a component created in a namespace."""
    selector = f"source={component}"
    found = run("get", "events", "--namespace", namespace, "--field-selector", selector, "--output", "json")
    return json.loads(found)["items"]


def watch(args: Sequence[str], deadline: float) -> Iterator[Event]:
    """
    Yields `(type, object)` for what is there and for every change, until the deadline (`time.monotonic()`).
    The stream begins anew when the API server closes it; then everything there comes again, after `("RESTART", None)`.
    """
    while time.monotonic() < deadline:
        began = time.monotonic()
        yield "RESTART", None
        yield from _stream(["kubectl", "get", *args, "--output", "json", "--watch", "--output-watch-events"], deadline)
        # A stream that breaks off at once means an API server in trouble: not more than one try a second.
        time.sleep(max(0.0, min(1.0 - (time.monotonic() - began), deadline - time.monotonic())))


def _stream(command: Sequence[str], deadline: float) -> Iterator[Event]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    selector = selectors.DefaultSelector()
    try:
        os.set_blocking(process.stdout.fileno(), False)
        selector.register(process.stdout, selectors.EVENT_READ)
        decoder, text = json.JSONDecoder(), ""
        utf8 = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end inside a character
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                return
            chunk = process.stdout.read()
            if not chunk:
                return
            text = (text + utf8.decode(chunk)).lstrip()
            while text:
                try:
                    event, end = decoder.raw_decode(text)
                except ValueError:
                    break  # the rest of this object is still to come
                text = text[end:].lstrip()
                yield event["type"], event["object"]
    finally:
        selector.close()
        process.kill()
        process.wait()
        process.stdout.close()
