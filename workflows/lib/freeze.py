"""Whether people have stopped all promotions. Reverts still run: they lead back to what was verified."""

from lib import constants, kubectl, outputs


def reason() -> str | None:
    """
    Why promotions are rejected now, in one sentence, or None. Raises StepFailed or Unavailable where a freeze cannot be
    looked up: then nothing is promoted.
    """
    data = kubectl.get("configmaps", constants.FREEZE, constants.ARGO_NAMESPACE).get("data") or {}
    if not data:
        return None
    who, since, why = (outputs.clean(data.get(key, "unknown"), 200) for key in ("who", "since", "why"))
    return f"Promotions are frozen by {who} since {since}: {why}. Run npm run unfreeze to continue."
