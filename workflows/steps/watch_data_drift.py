"""
Compares the pictures that people have sent since the last look with those that the model learnt from. Two of the last
five looks over the bar, the latest among them, are a drift, and start a training.
"""

import json
import tempfile
import time
from pathlib import Path

from lib import (
    answers,
    child_workflows,
    constants,
    drift,
    events,
    inputs,
    kubectl,
    last_release,
    model_registry,
    outputs,
    rollout,
    step,
)
from lib.drift import State, Window
from lib.errors import StepFailed
from lib.inputs import DataDrift
from lib.last_release import Served

FEATURES_FILE = "features.json"
# Bytes of that file.
LIMIT = 2**20


def main() -> None:
    settings = inputs.data_drift()
    if settings is None:
        print("This stack does not watch for data drift.", flush=True)
        return
    release = last_release.held(rollout.application(settings.environment))
    if release is None or release.served.number is None:
        print(f"{settings.environment} serves no model.", flush=True)
        return
    now = int(time.time())
    text, version = read()
    sentence, after = look(settings, release.served, drift.parse(text, now), now)
    outputs.write("reason", outputs.clean(sentence))
    print(sentence, flush=True)
    if drift.write(after) != text:
        keep(after, version)


def look(settings: DataDrift, served: Served, state: State, now: int) -> tuple[str, State]:
    """What the answers since the last look came to, in a sentence, and the state after it."""
    if state.version != served.app_version:
        state = State(served.app_version, trained=state.trained)
    told = answers.read(settings.environment, served.app_version, sampled=True)
    found = drift.new_answers(told, state.seen, now)
    if len(found) < settings.minimum_answers:
        return f"{len(found)} of {settings.minimum_answers} answers of {served.app_version}: no verdict yet", state
    learnt = features_of(served)
    if learnt is None:
        return f"nothing is known of the features that {served.app_version} learnt from: no verdict", state
    seen = drift.samples(found, list(learnt))
    if any(len(values) < settings.minimum_answers for values in seen.values()):
        raise StepFailed(
            f"{served.app_version} answers with other features than its training recorded: train a new one."
        )
    differences = drift.compare(learnt, seen)
    window = drift.judge(differences, settings.bar, max(one["at"] for one in found), len(found))
    return decide(settings, served, state, window, now)


def decide(settings: DataDrift, served: Served, state: State, window: Window, now: int) -> tuple[str, State]:
    """
    What a new window leads to: a training, where it makes a drift, the last training is long enough ago, and nobody
    else has started one that has not ended.
    """
    state = state._replace(windows=(*state.windows, window)[-drift.KEPT :], seen=window.at)
    sentence = drift.sentence(window, settings.bar)
    outputs.write("distance", str(window.distance))
    outputs.write("verdict", "over" if window.over else "within")
    is_drift = drift.is_drift(state.windows)
    outputs.write("drift", str(int(is_drift)))
    if not is_drift:
        return sentence, state
    if now - state.trained < settings.cooldown:
        return f"{sentence}: a drift, whose training is less than {settings.cooldown // 3600} h ago", state
    # A look that is repeated finds the training that it has started.
    training = child_workflows.manifest(
        child_workflows.current(), "train-model", served.number or "", {"scenario": "normal"}
    )
    others = trainings() - {training["metadata"]["name"]}
    if others:
        return f"{sentence}: a drift, while {', '.join(sorted(others))} has not ended", state
    sentence = f"people send {served.app_version} other pictures than it learnt from: {sentence}"
    child_workflows.start(training)
    events.warn(settings.environment, "DataDrift", f"{sentence}: a training starts")
    return sentence, State(served.app_version, seen=window.at, trained=now)


def trainings() -> set[str]:
    """Names of the trainings that have not ended."""
    return {
        workflow["metadata"]["name"]
        for workflow in child_workflows.unfinished()
        if workflow["spec"].get("workflowTemplateRef", {}).get("name") == "train-model"
    }


def features_of(served: Served) -> drift.Samples | None:
    """The features of what a version learnt from; None where its training recorded none, or MLflow lost it."""
    number = served.number or ""
    try:
        run = model_registry.get(number).run
    except model_registry.Missing:
        return None
    if f"sha256.{FEATURES_FILE}" not in model_registry.run_tags(run):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, FEATURES_FILE)
        model_registry.download(number, FEATURES_FILE, path, LIMIT)
        return json.loads(path.read_text())


def read() -> tuple[str, str]:
    """The state as it was written, and the resource version of its ConfigMap."""
    found = kubectl.get("configmaps", constants.DATA_DRIFT, constants.ARGO_NAMESPACE)
    return (found.get("data") or {}).get("state", ""), found["metadata"]["resourceVersion"]


def keep(state: State, version: str) -> None:
    """Writes the state; raises Unavailable where somebody else has changed it since."""
    change = {"metadata": {"resourceVersion": version}, "data": {"state": drift.write(state)}}
    kubectl.merge("configmaps", constants.DATA_DRIFT, constants.ARGO_NAMESPACE, change)


if __name__ == "__main__":
    step.run(main)
