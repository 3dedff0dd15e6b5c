"""Whether people have stopped all promotions. Reverts go on: they lead back to what was verified."""

import kube
import names
import outputs


def reason():
    """The sentence with which promotions are refused, or None. Raises where a freeze cannot be looked up: then nothing is promoted."""
    data = kube.get("configmaps", names.FREEZE, names.ARGO).get("data") or {}
    if not data:
        return None
    who, since, why = (outputs.clean(data.get(key, "unknown"), 200) for key in ("who", "since", "why"))
    return f"Promotions are frozen by {who} since {since}: {why}. Run npm run unfreeze to go on."
