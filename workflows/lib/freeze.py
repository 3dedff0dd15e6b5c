"""Whether people have stopped all promotions. Reverts still run: they lead back to what was verified."""

from collections.abc import Mapping

from lib import constants, kubectl, outputs
from lib.errors import StepFailed


class FreezeGone(StepFailed):
    """Somebody deleted the object that a freeze is written to, and only an update of the stack makes it again."""


def reason() -> str | None:
    """
    Why promotions are rejected now, in one sentence, or None. Raises StepFailed or Unavailable where a freeze cannot be
    looked up: then nothing is promoted.
    """
    data = read()
    return sentence(data) if data else None


def read() -> Mapping[str, str]:
    """The freeze as people wrote it, with the keys `who`, `since` and `why`; empty without one. Raises FreezeGone."""
    try:
        return kubectl.get("configmaps", constants.FREEZE, constants.ARGO_NAMESPACE).get("data") or {}
    except kubectl.NotFound:
        gone = f"Nobody can tell whether promotions are frozen: the ConfigMap {constants.FREEZE} is gone"
        raise FreezeGone(f"{gone}. Run npm start -- --refresh.") from None


def sentence(data: Mapping[str, str]) -> str:
    """A freeze in one sentence."""
    who, since, why = (outputs.clean(data.get(key, "unknown"), 200) for key in ("who", "since", "why"))
    return f"Promotions are frozen by {who} since {since}: {why}. Run npm run unfreeze to continue."
