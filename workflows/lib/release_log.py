"""
The record of every release: one MLflow run each in the experiment `gourmetgram-releases`. It is opened before
anything is changed, closed with the outcome, and outlives every Workflow object.
"""

import hashlib
import json
import math
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from lib import child_workflows, constants, events, last_release, model_registry, outputs
from lib.child_workflows import Workflow
from lib.errors import Refused, StepFailed, Unavailable
from lib.last_release import LastRelease, Served

EXPERIMENT = "gourmetgram-releases"
# Tag of a record: whether its environment was told to run something. Older records lack it.
TARGET_CHANGED = "target_changed"
# The longest name of a person that an Approval has room for (requestedBy in approval-crd.yaml).
NAME_BAR = 253
SUCCESSES = ("deployed", "promoted", "reverted", "restored", "aborted")


class Release:
    """
    An open record; `end` or `fail` closes it. `is_continued`: whether an earlier run of the step opened it, and was
    interrupted.
    """

    def __init__(self, run: dict[str, Any], is_continued: bool = False) -> None:
        self.run: str = run["info"]["run_id"]
        self.is_continued = is_continued
        # When it was opened, in milliseconds since 1970.
        self.started = int(run["info"].get("start_time") or 0)
        self.tags: dict[str, str] = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}

    @property
    def has_changed_target(self) -> bool:
        """Whether the environment was told to run something, by this run of the step or an earlier one."""
        return self.tags.get(TARGET_CHANGED) == "yes"

    def mark_target_changed(self) -> None:
        """
        Records that the environment was told to run something. Never raises: the roll-out goes on where MLflow is away,
        and the end of the record says it too.
        """
        if self.has_changed_target:
            return
        self.tags[TARGET_CHANGED] = "yes"
        try:
            self._write({TARGET_CHANGED: "yes"})
        except (StepFailed, Unavailable) as failure:
            print(f"MLflow does not record yet that the environment was told: {failure}", file=sys.stderr)

    def fail(self, failure: StepFailed) -> str:
        """
        Closes the record of a release that failed; returns the outcome: `refused` where what was asked for cannot be,
        and its environment was told nothing; else `broken`. A way back is never refused: it is due until it succeeds.
        """
        outcome = "refused" if isinstance(failure, Refused) and not self.has_changed_target else "broken"
        self.end(outcome, failure)
        return outcome

    def end(self, outcome: str, reason: object, serves: Served | None = None) -> None:
        """
        Closes the record. `serves` is what the environment runs from now on; None when that has not changed. Then it
        ends later than every record before it, even where a clock was ahead: the newest one decides what serves.
        """
        ended = milliseconds()
        if serves and (newest := last_served(self.tags.get("environment", ""))):
            ended = max(ended, newest.at + 1)
        tags = {"outcome": outcome, "reason": outputs.clean(reason)}
        if self.has_changed_target:
            tags[TARGET_CHANGED] = "yes"
        if serves:
            tags |= {"serves_version": serves.app_version, "serves_digest": serves.digest}
        self._write(tags)
        status = "FINISHED" if outcome in SUCCESSES else "FAILED"
        fields = {"run_id": self.run, "status": status, "end_time": ended}
        model_registry.call("POST", "runs/update", fields)

    def _write(self, tags: Mapping[str, object]) -> None:
        model_registry.call("POST", "runs/log-batch", {"run_id": self.run, "tags": _tags(tags)})


class Recorded(NamedTuple):
    """
    What a record says. `serves`: what its environment serves since `at`, in milliseconds since 1970; None where the
    release did not change that, or has not ended. `names`: every image that it names. `app_version`: what the release
    was about.
    """

    environment: str
    serves: Served | None
    at: int
    has_ended: bool
    names: frozenset[Served]
    action: str = ""
    app_version: str = ""


class Ended(NamedTuple):
    """
    A record that has ended, for the time to restore. `started`, `ended`: in milliseconds since 1970. `serves`: whether
    it says what the environment serves from then on. `was_told`: whether the environment was told to run something;
    None on a record of before that was written down.
    """

    action: str
    outcome: str
    reason: str
    started: int
    ended: int
    serves: bool
    was_told: bool | None


class Unrecorded:
    """Stands for a record that MLflow refuses, where the way back to what serves matters more."""

    def end(self, outcome: str, reason: object, serves: Served | None = None) -> None:
        """Prints what the record would say."""
        print(f"Not on record: {outcome}: {reason}", flush=True)

    def mark_target_changed(self) -> None:
        """Says nothing: what came of it says it."""


def begin_way_back(
    action: str, environment: str, version: str | None = None, disagreement: str = "", digest: str = ""
) -> Release | Unrecorded:
    """Like `begin`, for `revert`, `restore` and `abort`: they go on without a record where MLflow refuses one."""
    try:
        return begin(action, environment, version, disagreement, digest)
    except StepFailed as failure:
        print(f"MLflow takes no record: {failure}", file=sys.stderr)
        return Unrecorded()


def begin(
    action: str, environment: str, version: str | None = None, disagreement: str = "", digest: str = ""
) -> Release:
    """
    Opens the record of what this Workflow is about to do (`deploy`, `promote`, `revert`, `restore` or `abort`), or
    finds the one that it opened before it was interrupted. `version` is the model's, None for the base image.
    `disagreement`: how far its answers in canary are from production's, as `lib/disagreement.py` writes it. `digest`:
    that of the image that this is about, where it may be another one than the version's last.
    """
    workflow = child_workflows.current()
    found = opened(action, environment, workflow)
    if found:
        return found
    name = workflow["metadata"]["name"]
    about = _identity(action, environment, workflow) | {
        "workflow": name,
        "pipeline_run": workflow["metadata"].get("labels", {}).get(constants.PIPELINE_RUN, name),
        "requested_by": requester(workflow),
        TARGET_CHANGED: "no",
    }
    if disagreement:
        about["disagreement"] = disagreement
    metrics: dict[str, float] = {}
    if version:
        about["app_version"] = constants.app_version(version)
    if version and (model := model_registry.find(version)):
        about |= {"digest": model.digest or "", "model_run": model.run} | _origin(model.run)
        metrics = gate_figures(model.tags)
    if digest:
        about["digest"] = digest
    run = model_registry.call(
        "POST",
        "runs/create",
        {
            "experiment_id": _experiment(),
            "run_name": f"{action} {environment} {about.get('app_version', 'base image')}",
            "start_time": milliseconds(),
            "tags": _tags(about),
        },
    )["run"]
    figures = [{"key": key, "value": value, "timestamp": milliseconds(), "step": 0} for key, value in metrics.items()]
    if figures:
        model_registry.call("POST", "runs/log-batch", {"run_id": run["info"]["run_id"], "metrics": figures})
    return Release(run)


def recordable(name: str) -> str:
    """
    The name of a person as the record takes it, in ASCII; two names stay two, by the beginning of a hash where one is
    not written as it is.
    """
    text = outputs.clean(name, 200)
    return text if text == name else f"{text} ({hashlib.sha256(name.encode()).hexdigest()[:8]})"


def note(action: str, environment: str, version: str, who: str, outcome: str, reason: str) -> None:
    """
    Records something that changes no environment, as `ask`, `approve`, `reject` or `expire`: who did it, and with which
    outcome. A step that runs again records it once.
    """
    workflow = child_workflows.current()
    who = recordable(who)
    identity = _identity(action, environment, workflow)
    earlier = _search(" and ".join(f"tags.{key} = '{value}'" for key, value in identity.items()))
    if any(Release(run).tags.get("requested_by") == who for run in earlier):
        return
    tags = identity | {
        "workflow": workflow["metadata"]["name"],
        "app_version": constants.app_version(version),
        "requested_by": who,
        "outcome": outcome,
        "reason": outputs.clean(reason),
    }
    now = milliseconds()
    name = f"{action} {environment} {tags['app_version']}"
    about = {"experiment_id": _experiment(), "run_name": name, "start_time": now, "tags": _tags(tags)}
    run = model_registry.call("POST", "runs/create", about)["run"]
    fields = {"run_id": run["info"]["run_id"], "status": "FINISHED", "end_time": now}
    model_registry.call("POST", "runs/update", fields)


def opened(action: str, environment: str, workflow: Workflow | None = None) -> Release | None:
    """The record that this Workflow opened and has not closed, or None."""
    identity = _identity(action, environment, workflow or child_workflows.current())
    conditions = [f"tags.{key} = '{value}'" for key, value in identity.items()]
    found = _search(" and ".join([*conditions, "attributes.status = 'RUNNING'"]))
    return Release(found[0], is_continued=True) if found else None


def last_served(environment: str) -> LastRelease | None:
    """What the newest release of an environment that changed what it serves put there, or None without one."""
    conditions = ["attributes.status != 'RUNNING'", "tags.serves_digest LIKE 'sha256:%'"]
    newest = _search(" and ".join([f"tags.environment = '{environment}'", *conditions]), newest_first=True, limit=1)
    if not newest:
        return None
    tags = Release(newest[0]).tags
    served = last_release.served(tags.get("serves_version"), tags.get("serves_digest"))
    return LastRelease(served, int(newest[0]["info"]["end_time"])) if served else None


def newest_ended(environment: str, limit: int) -> list[Ended]:
    """The newest records of an environment that have ended, at most `limit` of them, the newest end first."""
    condition = f"tags.environment = '{environment}' and attributes.status != 'RUNNING'"
    return [_ended(run) for run in _search(condition, newest_first=True, limit=limit)]


def _ended(run: dict[str, Any]) -> Ended:
    info, tags = run["info"], Release(run).tags
    return Ended(
        action=tags.get("action", ""),
        outcome=tags.get("outcome", ""),
        reason=tags.get("reason", ""),
        started=int(info["start_time"]),
        ended=int(info.get("end_time") or 0),
        serves=bool(tags.get("serves_version")),
        was_told={"yes": True, "no": False}.get(tags.get(TARGET_CHANGED, "")),
    )


def read_all() -> list[Recorded]:
    """Every record. Raises StepFailed where one does not say in earnest what an environment came to serve."""
    runs = model_registry.every_run(_experiment())
    for run in runs:
        _require_understood(run)
    return [_recorded(run) for run in runs]


def read_understood() -> list[Recorded]:
    """Every record, for a way back, which none of them stops: what nobody understands says nothing."""
    return [_recorded(run) for run in model_registry.every_run(_experiment())]


def _require_understood(run: dict[str, Any]) -> None:
    info, words = run["info"], _serves_words(run)
    has_ended = info["status"] != "RUNNING"
    if has_ended and any(words) and (last_release.served(*words) is None or "end_time" not in info):
        unknown = f"Nobody understands what was served by the record {info['run_id']} of {EXPERIMENT}"
        raise StepFailed(f"{unknown}: put its tags right in MLflow, or delete this run there.")


def _serves_words(run: dict[str, Any]) -> tuple[str | None, str | None]:
    tags = Release(run).tags
    return tags.get("serves_version"), tags.get("serves_digest")


def _recorded(run: dict[str, Any]) -> Recorded:
    info, tags = run["info"], Release(run).tags
    has_ended = info["status"] != "RUNNING"
    serves = last_release.served(*_serves_words(run))
    tested = last_release.served(tags.get("app_version"), tags.get("digest"))
    return Recorded(
        environment=tags.get("environment", ""),
        serves=serves if has_ended else None,
        at=int(info.get("end_time") or 0),
        has_ended=has_ended,
        names=frozenset(filter(None, (serves, tested))),
        action=tags.get("action", ""),
        app_version=tags.get("app_version", ""),
    )


def _identity(action: str, environment: str, workflow: Workflow) -> dict[str, str]:
    return {"workflow_uid": workflow["metadata"]["uid"], "environment": environment, "action": action}


def close_interrupted(environment: str, sentence: str, serves: Served) -> None:
    """
    Closes every open record of this environment. Call it after you close your own record. The caller must hold the
    environment's mutex.
    """
    for run in _search(f"tags.environment = '{environment}' and attributes.status = 'RUNNING'"):
        release = Release(run)
        workflow = release.tags.get("workflow", "its workflow")
        release.end("interrupted", f"{workflow} was interrupted; {sentence}", serves)


def requester(workflow: Workflow) -> str:
    """
    Who or what asked for a Workflow: the pipeline run that it belongs to, the person that the API server vouched for,
    its schedule, or whom a label names that Argo's own server writes, and that anybody else could have written.
    """
    metadata = workflow["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    creator = next((labels[key] for key in constants.CREATORS if labels.get(key)), None)
    if constants.PARENT in labels:
        return f"pipeline run {labels.get(constants.PIPELINE_RUN, '')}"
    if annotations.get(constants.SUBMITTED_BY):
        return recordable(annotations[constants.SUBMITTED_BY])
    if constants.CRON in labels:
        return f"schedule {labels[constants.CRON]}"
    return f"{creator}, as a label says" if creator else "somebody whom Argo does not know"


def asker(workflow: Workflow) -> str:
    """
    Who asks for an approval, exactly as the API server knows them, so that it knows them again when they approve: the
    person, or the pipeline run that a Workflow of the pipeline belongs to. Raises Refused where nobody vouched for one.
    """
    metadata = workflow["metadata"]
    if constants.PARENT in metadata.get("labels", {}):
        return requester(workflow)
    name = metadata.get("annotations", {}).get(constants.SUBMITTED_BY, "")
    if not name:
        raise Refused("Nobody knows who asks for this promotion: ask with npm run promote.")
    if len(name) > NAME_BAR:
        raise Refused(f"The name of who asks has {len(name)} characters, and at most {NAME_BAR} can be compared.")
    return name


def gate_figures(tags: Mapping[str, str]) -> dict[str, float]:
    """The numbers that the gates measured, by `gate.figure`: `load.p95Ms`."""
    figures = {}
    for key, value in tags.items():
        gate = key.removeprefix("gate.")
        if gate != key:
            figures |= {f"{gate}.{name}": number for name, number in _metrics(value).items() if _is_figure(number)}
    return figures


def _metrics(report: str) -> dict[str, Any]:
    """The metrics of a gate's report; none where a person wrote something else there."""
    try:
        metrics = json.loads(report)["metrics"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _origin(run: str) -> dict[str, str]:
    """Where the model is from, as far as its training wrote it down."""
    return {key: value for key, value in model_registry.run_tags(run).items() if key == "data_sha256"}


def _experiment() -> str:
    """Id of the experiment, which the first release makes. One that a person deleted is brought back."""
    try:
        found = _find_experiment()
    except model_registry.Missing:
        try:
            return model_registry.call("POST", "experiments/create", {"name": EXPERIMENT})["experiment_id"]
        except StepFailed:  # another workflow made it at the same moment
            found = _find_experiment()
    if found.get("lifecycle_stage") == "deleted":
        model_registry.call("POST", "experiments/restore", {"experiment_id": found["experiment_id"]})
        restored = f"The experiment {EXPERIMENT} was deleted in MLflow, and is restored."
        print(restored, flush=True)
        # The record is of all environments, and staging is there in each stack.
        events.warn(constants.STAGING, "RecordRestored", restored)
    return found["experiment_id"]


def _find_experiment() -> dict[str, Any]:
    return model_registry.call("GET", "experiments/get-by-name", {"experiment_name": EXPERIMENT})["experiment"]


def _search(condition: str, newest_first: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    order = {"order_by": ["attributes.end_time DESC"]} if newest_first else {}
    query = {"experiment_ids": [_experiment()], "filter": condition, "max_results": limit} | order
    return model_registry.call("POST", "runs/search", query).get("runs", [])


def _tags(values: Mapping[str, object]) -> list[dict[str, str]]:
    return [{"key": key, "value": str(value)} for key, value in values.items()]


def milliseconds() -> int:
    """Now, in milliseconds since 1970, as records have it."""
    return int(time.time() * 1000)
