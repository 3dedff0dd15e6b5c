"""
A volume that is full: no later try of the same call succeeds, and a step that runs again may hold the very lock that
the collection waits for. So it is final, and says how to make room.
"""

from typing import NamedTuple

from lib.errors import StepFailed


class Volume(NamedTuple):
    """Who writes to a volume, and what a person does first about it, in the words of `firstAid` of the program."""

    owner: str
    first_aid: str


COLLECT = "run npm run collect to make room; if it stays full, npm run status says what else helps"
MLFLOW = Volume("MLflow", COLLECT)
REGISTRY = Volume("the registry", COLLECT)
DATABASE = Volume("MLflow's PostgreSQL", "npm run status says what helps")

# SQLite, Linux, and the registry, which hands out the number of Linux's error.
SIGNS = ("database or disk is full", "no space left on device", "err:28 ")


def require_room(said: str, volume: Volume) -> None:
    """Raises StepFailed where an answer says that the volume is full. MLflow names its driver where its database is."""
    if any(sign in said.lower() for sign in SIGNS):
        full = DATABASE if volume == MLFLOW and "psycopg" in said.lower() else volume
        raise StepFailed(f"The volume of {full.owner} is full: {full.first_aid}.")
