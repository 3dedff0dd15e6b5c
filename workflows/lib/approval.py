"""
Whether people approve a promotion. The request is an object `Approval` beside the Workflows, which the pipeline
creates; people add their responses to it, and the API server checks who they are (`approval-policy.yaml`). It is for
one digest, one target and the figures that it shows.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from lib import constants, instant, kubectl
from lib.errors import StepFailed
from lib.inputs import Rule

KIND = "approvals.gourmetgram.io"
# Phases of a request. All but the first are final.
WAITING, APPROVED, REJECTED, EXPIRED, VOID = "Waiting", "Approved", "Rejected", "Expired", "Void"

Approval = dict[str, Any]


class Subject(NamedTuple):
    """What is approved. `version`: the model's; `figures`: what the gates measured, by `gate.figure`."""

    target: str
    version: str
    digest: str
    figures: Mapping[str, float]


class Response(NamedTuple):
    """`user`: as the API server knows them; `action`: `approve` or `reject`."""

    user: str
    action: str
    message: str


class Decision(NamedTuple):
    """The phase that a request has come to, and why, in one sentence; an empty one while it waits."""

    phase: str
    sentence: str = ""


def manifest(
    workflow: Mapping[str, Any], subject: Subject, rule: Rule, requested_by: str, emergency: str, now: float
) -> Approval:
    """The request of a Workflow, with its name; it goes when the Workflow goes."""
    metadata = workflow["metadata"]
    return {
        "apiVersion": "gourmetgram.io/v1",
        "kind": "Approval",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "ownerReferences": [
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "Workflow",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                }
            ],
        },
        "spec": {
            "target": subject.target,
            "version": constants.app_version(subject.version),
            "digest": subject.digest,
            "figures": dict(subject.figures),
            "requestedBy": requested_by,
            "minimum": rule.minimum,
            "expiresAt": instant.timestamp(now + rule.expiry),
            "emergency": emergency,
            "responses": [],
        },
    }


def create(approval: Approval) -> None:
    """Creates a request, or finds it there."""
    with contextlib.suppress(kubectl.AlreadyExists):
        kubectl.run("create", "--filename", "-", "--output", "name", stdin=json.dumps(approval))


def read(name: str) -> Approval | None:
    """The request of a Workflow; None where there is none."""
    try:
        return kubectl.get(KIND, name, constants.ARGO_NAMESPACE)
    except kubectl.NotFound:
        return None


def close(name: str, decision: Decision) -> None:
    """Writes to a request what it has come to: nobody can respond to it any more."""
    change = {"status": {"phase": decision.phase, "reason": decision.sentence}}
    kubectl.merge(KIND, name, constants.ARGO_NAMESPACE, change, "status")


def void_waiting(name: str, reason: str) -> None:
    """Closes the request of a Workflow, if it still waits, as void for this reason."""
    request = read(name)
    if request is not None and request.get("status", {}).get("phase", WAITING) == WAITING:
        close(name, void(reason))


def void(reason: str) -> Decision:
    return Decision(VOID, f"The approval is void, since {reason}: ask again.")


def responses(approval: Approval) -> list[Response]:
    """The responses to a request, in the order in which they came."""
    return [
        Response(given["user"], given["action"], given.get("message", "")) for given in approval["spec"]["responses"]
    ]


def decide(approval: Approval, now: float) -> Decision:
    """What a request has come to at `now`, in seconds since 1970. Who rejects it ends it, whoever else approved."""
    spec, given = approval["spec"], responses(approval)
    about = f"the promotion of {spec['version']} to {spec['target']}"
    rejected = next((response for response in given if response.action == "reject"), None)
    if rejected:
        return Decision(REJECTED, f"{rejected.user} rejected {about}: {rejected.message}")
    approving = [response.user for response in given if response.action == "approve"]
    if len(approving) >= spec["minimum"]:
        return Decision(APPROVED, f"{' and '.join(approving)} approved {about}.")
    if now >= expires_at(approval):
        wanted = f"{len(approving)} of {spec['minimum']} people had approved {about}"
        return Decision(EXPIRED, f"{wanted} when the request expired at {spec['expiresAt']}: ask again.")
    return Decision(WAITING)


def expires_at(approval: Approval) -> float:
    """Seconds since 1970 at which a request expires. Raises StepFailed where that is not readable."""
    seconds = instant.seconds(approval["spec"]["expiresAt"])
    if seconds is None:
        raise StepFailed(f"Nobody understands when {approval['metadata']['name']} expires: ask again.")
    return float(seconds)


def void_reason(approval: Approval, subject: Subject, rule: Rule) -> str | None:
    """What has changed since a request was approved, in words; None where it is for exactly this."""
    spec = approval["spec"]
    if spec["minimum"] < rule.minimum:
        return f"it asked for {spec['minimum']} people, and {rule.minimum} have to approve now"
    if (spec["target"], spec["version"]) != (subject.target, constants.app_version(subject.version)):
        return f"it is for {spec['version']} in {spec['target']}"
    if spec["digest"] != subject.digest:
        return f"it is for {spec['digest']}, and the version's image is {subject.digest} now"
    before, now = spec["figures"], subject.figures
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if changed:
        name = changed[0]
        return f"{name} was {before.get(name, 'unknown')} when it was asked for, and is {now.get(name, 'unknown')} now"
    return None
