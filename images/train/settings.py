"""What one training is told.

By environment variables:
    MLFLOW_TRACKING_URI  MLflow server; required
    MODEL_NAME           registered model; default GourmetGramFood11Model
    ACCURACY_BAR         least share of right answers, 0..1, on pictures that training never saw; default 0.8
    JUDGEMENT_MARGIN     how much better production's model may be, as a share of right answers, 0..1; default 0.02
    JUDGEMENT_CLASS_BAR  least share of right answers in each class, 0..1; default 0.5
    JUDGEMENT_DRY_RUN    "true": register a model that fails the judgement, and say that it does; default "false"
    ENVIRONMENTS         URLs of the environments by name, as JSON; production is asked what it serves; default {}
    EPOCHS               rounds of training, 1..100; default 3; see training.SCHEDULE
    SEED                 of the weights and of the order of the pictures; default 0
    THREADS              of PyTorch, 1..64; default half of the processors that this process may use, at least 1
    SIGNING_KEY          file with the private key that signs the model, PEM; default none: the model has no signature
    VERSION_FILE         where the registered version is written, as a bare integer; default /tmp/version
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Number = TypeVar("Number", int, float)

SCENARIOS = ("normal", "bad-architecture", "oversized", "slow", "flaky", "worse", "drifting")


class SettingsError(Exception):
    """A setting that can't be used."""


@dataclass(frozen=True)
class Settings:
    scenario: str
    model_name: str
    accuracy_bar: float
    judgement_margin: float
    judgement_class_bar: float
    judgement_dry_run: bool
    production_url: str | None
    epochs: int
    seed: int
    threads: int
    signing_key: Path | None
    version_file: Path


def production_url(text: str) -> str | None:
    """The address of production among those of the environments. Raises SettingsError."""
    try:
        url = json.loads(text).get("production")
        if url is None or url.startswith(("http://", "https://")):
            return url
    except (ValueError, AttributeError):
        pass
    raise SettingsError(f"ENVIRONMENTS is {text!r}: set it to URLs by the names of the environments, as JSON")


def default_threads(processors: int) -> int:
    """Threads on a number of processors, which the environments share.

    Each step of the network waits for its slowest thread, so one that has to wait for a processor holds up all: on two
    processors, beside a cluster at rest, two threads take twice as long for a pass at 64 pixels as one.
    """
    return max(1, processors // 2)


def read_settings(arguments: list[str], env: dict[str, str]) -> Settings:
    """Reads the settings. Raises SettingsError with one sentence that says what to change."""

    def number(name: str, kind: type[Number], default: Number, low: float, high: float) -> Number:
        text = env.get(name, "") or str(default)
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise SettingsError(f'{name} is "{text}": set it to a number from {low} to {high}')
        return value

    def flag(name: str) -> bool:
        text = env.get(name, "") or "false"
        if text not in ("true", "false"):
            raise SettingsError(f'{name} is "{text}": set it to true or false')
        return text == "true"

    scenario = arguments[0] if arguments else "normal"
    if scenario not in SCENARIOS or len(arguments) > 1:
        raise SettingsError(f'"{" ".join(arguments)}" is no scenario: choose one of {", ".join(SCENARIOS)}')
    if not env.get("MLFLOW_TRACKING_URI"):
        raise SettingsError("MLFLOW_TRACKING_URI is not set: set it to the address of the MLflow server")
    return Settings(
        scenario=scenario,
        model_name=env.get("MODEL_NAME") or "GourmetGramFood11Model",
        accuracy_bar=number("ACCURACY_BAR", float, 0.8, 0, 1),
        judgement_margin=number("JUDGEMENT_MARGIN", float, 0.02, 0, 1),
        judgement_class_bar=number("JUDGEMENT_CLASS_BAR", float, 0.5, 0, 1),
        judgement_dry_run=flag("JUDGEMENT_DRY_RUN"),
        production_url=production_url(env.get("ENVIRONMENTS", "") or "{}"),
        epochs=number("EPOCHS", int, 3, 1, 100),
        seed=number("SEED", int, 0, 0, 2**31),
        threads=number("THREADS", int, default_threads(len(os.sched_getaffinity(0))), 1, 64),
        signing_key=Path(env["SIGNING_KEY"]) if env.get("SIGNING_KEY") else None,
        version_file=Path(env.get("VERSION_FILE") or "/tmp/version"),
    )
