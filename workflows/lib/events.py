"""Kubernetes Events on an environment's Application: what a person should know of, and did not ask for."""

import json
import sys
import time

from lib import constants, kubectl, outputs
from lib.errors import StepFailed, Unavailable


def warn(environment: str, reason: str, message: str) -> None:
    """
    Reports something, by `reason` in one word. It never stops a step: what the step does matters more than that it is
    told.
    """
    name = constants.workload(environment)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{name}-", "namespace": constants.ARGO_CD_NAMESPACE},
        "involvedObject": {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "name": name,
            "namespace": constants.ARGO_CD_NAMESPACE,
        },
        "type": "Warning",
        "reason": reason,
        "message": outputs.clean(message, 1000),
        "source": {"component": constants.FIELD_MANAGER},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        kubectl.run("create", "--filename", "-", "--output", "name", stdin=json.dumps(event))
    except (StepFailed, Unavailable) as failure:
        print(f"No Event was created: {failure}", file=sys.stderr)
