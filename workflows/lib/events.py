"""Kubernetes Events: what a person should know of, and did not ask for."""

import hashlib
import json
import sys
import time

from lib import constants, instant, kubectl, outputs
from lib.errors import StepFailed, Unavailable


def warn(environment: str, reason: str, message: str) -> None:
    """
    Reports something of an environment on its Application, by `reason` in one word. It never stops a step: what the
    step does matters more than that it is told.
    """
    try_create(application(environment), reason, message)


def warn_of_state(environment: str, reason: str, message: str) -> None:
    """
    The same of something that stays so until a person acts, which every run of a schedule sees anew: the Event's name
    is that of its sentence, so that there is one as long as the API server keeps it.
    """
    involved = application(environment)
    name = f"{involved['name']}-{hashlib.sha256(f'{reason} {message}'.encode()).hexdigest()[:12]}"
    try:
        write(involved, {"name": name}, "Warning", reason, message, instant.timestamp(time.time()))
    except kubectl.AlreadyExists:
        print(f"An Event says so already: {message}", flush=True)
    except (StepFailed, Unavailable) as failure:
        print(f"No Event was created: {failure}", file=sys.stderr)


def application(environment: str) -> dict[str, str]:
    """The environment's Application, as an Event names it."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "name": constants.workload(environment),
        "namespace": constants.ARGO_CD_NAMESPACE,
    }


def try_create(involved: dict[str, str], reason: str, message: str) -> bool:
    """Creates a warning about an object where that is possible; returns whether it was."""
    try:
        create(involved, reason, message)
        return True
    except (StepFailed, Unavailable) as failure:
        print(f"No Event was created: {failure}", file=sys.stderr)
        return False


def create(involved: dict[str, str], reason: str, message: str) -> None:
    """Creates a warning about an object, in its namespace; raises StepFailed or Unavailable."""
    now = instant.timestamp(time.time())
    write(involved, {"generateName": f"{involved['name']}-"}, "Warning", reason, message, now)


def write(involved: dict[str, str], metadata: dict[str, str], kind: str, reason: str, message: str, at: str) -> None:
    """
    Creates an Event about an object, in its namespace. `metadata`: its name, or how it begins; `kind`: `Normal` or
    `Warning`; `at`: when it happened, UTC to the second. Raises AlreadyExists, StepFailed or Unavailable.
    """
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {**metadata, "namespace": involved["namespace"]},
        "involvedObject": involved,
        "type": kind,
        "reason": reason,
        "message": outputs.clean(message, 1000),
        "source": {"component": constants.FIELD_MANAGER},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
    kubectl.run("create", "--filename", "-", "--output", "name", stdin=json.dumps(event))
