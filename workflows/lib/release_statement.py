"""What came to serve where, and who approved it: signed with the key `release`, and kept beside the image."""

from collections.abc import Mapping
from typing import Any

from lib import approval, attestations, signing_keys
from lib.approval import Approval
from lib.attestations import Image
from lib.signing_keys import PrivateKey

PREDICATE = "https://gourmetgram.io/release/v1"


def attach(image: Image, about: Mapping[str, Any], at: str, key: PrivateKey) -> None:
    """
    Signs a release, unless this Workflow has done so: a step may run again. `about`: what `describe` gives; `at`: when
    the environment served it, UTC. Raises Unavailable or StepFailed.
    """
    known = attestations.read(image, PREDICATE, signing_keys.public_keys(signing_keys.RELEASE)).counting
    if not any(about.items() <= stated.predicate.items() for stated in known):
        attestations.attach(image, PREDICATE, {**about, "at": at}, key)


def describe(
    target: str, app_version: str, workflow: str, requested_by: str, request: Approval | None
) -> dict[str, Any]:
    """
    A release for its statement. `request`: what people approved; the API server has checked the name of each of them.
    None where the stack asks nobody.
    """
    approvals = [] if request is None else approval.responses(request)
    return {
        "environment": target,
        "version": app_version,
        "workflow": workflow,
        "requestedBy": requested_by,
        "approvals": [
            {"user": response.user, "message": response.message}
            for response in approvals
            if response.action == "approve"
        ],
    }
