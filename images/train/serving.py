"""Which model version production serves: its own word counts, and MLflow's alias where it does not answer."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

ALIAS = "production"
# The app does not count it among the requests of people.
PROBE = {"X-Probe": "judgement"}

_APP_VERSION = re.compile(r"1\.0\.([1-9][0-9]{0,8})", re.ASCII)


class NotComparableError(Exception):
    """There is no model to compare with. Says why."""


def app_version(number: str | int) -> str:
    """The app version that serves a model version: 7 is 1.0.7."""
    return f"1.0.{number}"


def find(client: MlflowClient, model_name: str, url: str | None, say: Callable[[str], None]) -> ModelVersion:
    """The version that production serves. `url`: production's address, None in a stack without production.

    Anybody who reaches MLflow can move or delete the alias, so it counts only where production does not answer. Raises
    NotComparableError where production serves no model, or one that MLflow no longer has.
    """
    if url is None:
        return by_alias(client, model_name)
    try:
        number = ask(url)
    except OSError as error:
        say(f"production does not say what it serves ({error}): the alias {ALIAS} counts")
        return by_alias(client, model_name)
    if number is None:
        raise NotComparableError("production serves no model yet")
    try:
        return client.get_model_version(model_name, number)
    except mlflow.MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        gone = f"MLflow no longer has version {number}, which production serves as {app_version(number)}"
        raise NotComparableError(gone) from error


def ask(url: str) -> str | None:
    """The number of the version that an environment serves, None where it has no model. Raises OSError.

    The steps ask in `workflows/lib/rollout.py`, which this image does not have: a step says what it got in place of a
    version, and the training wants a version or none. The tests check that both read an answer alike.
    """
    try:
        call = urllib.request.Request(f"{url}/version", headers=PROBE)
        with urllib.request.urlopen(call, timeout=5) as answer:
            said = json.loads(answer.read(1 << 16))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise OSError(f"status {error.code}") from error
    except ValueError as error:
        raise OSError("it answers no JSON") from error
    found = _APP_VERSION.fullmatch(str(said.get("model_version"))) if isinstance(said, dict) else None
    if not found:
        raise OSError("it answers no version")
    return found.group(1)


def by_alias(client: MlflowClient, model_name: str) -> ModelVersion:
    """The version that MLflow's alias names. Raises NotComparableError without one."""
    try:
        return client.get_model_version_by_alias(model_name, ALIAS)
    except mlflow.MlflowException as error:
        # MLflow says in words alone that it is the alias that is missing.
        no_alias = error.error_code == "INVALID_PARAMETER_VALUE" and f"alias {ALIAS} not found" in str(error)
        if no_alias or error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise NotComparableError(f"no version has the alias {ALIAS}") from error
        raise
