"""
A volume that is full: no later try of the same call succeeds, and a step that runs again may hold the very lock that
the collection waits for. So it is final, and says how to make room.
"""

from typing import NamedTuple

from lib.errors import StepFailed


class Volume(NamedTuple):
    """Who writes to a volume, and the setting with its size."""

    owner: str
    setting: str


MLFLOW = Volume("MLflow", "modelRegistry.storage")
REGISTRY = Volume("the registry", "registry.storage")

# SQLite, Linux, and the registry, which hands out the number of Linux's error.
SIGNS = ("database or disk is full", "no space left on device", "err:28 ")


def require_room(said: str, volume: Volume) -> None:
    """Raises StepFailed where an answer says that the volume is full."""
    if any(sign in said.lower() for sign in SIGNS):
        remedy = f"run npm run collect to make room, or give it a larger one with {volume.setting}"
        raise StepFailed(f"The volume of {volume.owner} is full: {remedy}.")
