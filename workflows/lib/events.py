"""Kubernetes Events: what a person should know of, and did not ask for."""

import json
import sys
import time

from lib import constants, kubectl, outputs
from lib.errors import StepFailed, Unavailable


def warn(environment: str, reason: str, message: str) -> None:
    """
    Reports something of an environment on its Application, by `reason` in one word. It never stops a step: what the
    step does matters more than that it is told.
    """
    involved = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "name": constants.workload(environment),
        "namespace": constants.ARGO_CD_NAMESPACE,
    }
    try_create(involved, reason, message)


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
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{involved['name']}-", "namespace": involved["namespace"]},
        "involvedObject": involved,
        "type": "Warning",
        "reason": reason,
        "message": outputs.clean(message, 1000),
        "source": {"component": constants.FIELD_MANAGER},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    kubectl.run("create", "--filename", "-", "--output", "name", stdin=json.dumps(event))
