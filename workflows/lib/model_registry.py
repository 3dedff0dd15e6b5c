"""The model registry, over MLflow's REST API."""

import hashlib
import json
import os
import re
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lib import constants, full_volume, http_client, inputs, instant, outputs
from lib.errors import Refused, StepFailed, Unavailable

# Seconds that a call waits for an MLflow that restarts, before the step runs again.
PATIENCE = 20.0
# Tag of a version whose image and files were collected: when, UTC.
COLLECTED = "retention.collected"
# Versions that MLflow is asked for at once: those that are needed are nearly always among the first.
PAGE = 10


class Missing(Refused):
    """MLflow knows no such model, version or alias."""


def tracking_uri() -> str:
    """Where MLflow answers; `MLFLOW_TRACKING_URI` overrides it."""
    return os.environ.get("MLFLOW_TRACKING_URI") or "http://mlflow.gourmetgram-platform.svc.cluster.local:8000"


def call(method: str, path: str, fields: Mapping[str, object]) -> dict[str, Any]:
    """
    One call of MLflow's REST API. Raises Missing, StepFailed for any other status than 200 and where MLflow's volume is
    full, or Unavailable when MLflow does not answer for PATIENCE seconds (`MLFLOW_PATIENCE_SECONDS` overrides it, 1 to
    600).
    """
    url = f"{tracking_uri()}/api/2.0/mlflow/{path}"
    body = None
    if method == "GET":
        url = f"{url}?{urllib.parse.urlencode(fields, doseq=True)}"
    else:
        body = json.dumps(fields).encode()

    status, text = _answer(method, url, body, path)
    if status == 404 and "RESOURCE_DOES_NOT_EXIST" in text:
        raise Missing(f"MLflow knows no {_sought(fields)}.")
    if status == 400 and "alias" in path and "not found" in text:
        raise Missing(f"MLflow knows no {_sought(fields)}.")
    if status != 200:
        raise StepFailed(f"MLflow answered {path} with {status}: {text[:200]}")
    return json.loads(text)


def _answer(method: str, url: str, body: bytes | None, what: str) -> tuple[int, str]:
    """Status and text of an answer that waiting does not change."""
    last = ""

    def attempt() -> tuple[int, str] | None:
        nonlocal last
        try:
            status, text = http_client.request(url, method, body, {"Content-Type": "application/json"})
        except http_client.Unreachable as error:
            last = str(error)
            return None
        if status != 200:
            full_volume.require_room(text, full_volume.MLFLOW)
        last = f"{status} {text[:200]}"
        return None if status in http_client.TRANSIENT_STATUSES else (status, text)

    patience = inputs.number("MLFLOW_PATIENCE_SECONDS", 1, 600, default=PATIENCE)
    answer = http_client.poll(attempt, patience, interval=0.5)
    if answer is None:
        raise Unavailable(f"MLflow at {tracking_uri()} did not answer {what} in {patience:.0f} s ({last}).")
    return answer


def _sought(fields: Mapping[str, object]) -> str:
    what = next((f"{key} {fields[key]}" for key in ("version", "alias") if key in fields), "model")
    return f"{what} of {constants.MODEL}: train one first"


class ModelVersion:
    """A registered version with its tags."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.number = str(record["version"])
        self.run: str = record.get("run_id", "")
        # Where its files are; several versions may be of one place.
        self.source: str = record.get("source", "")
        # When it was registered, in milliseconds since 1970.
        self.created_at = int(record.get("creation_timestamp") or 0)
        self.description: str = record.get("description", "")
        self.tags: dict[str, str] = {tag["key"]: tag["value"] for tag in record.get("tags", [])}
        # When it was last changed, but for its tags: UTC to the second.
        self.changed_at = instant.timestamp(int(record.get("last_updated_timestamp", 0)) // 1000)

    @property
    def verdict_at(self) -> str:
        """When its last verdict in staging was given, UTC to the second; an empty string without one."""
        return self.tags.get("staging.verdict_at", "")

    @property
    def is_withdrawn(self) -> bool:
        """Whether it passed staging, and that was taken back."""
        return self.tags.get("staging.verdict") == "withdrawn"

    @property
    def why_withdrawn(self) -> str | None:
        """Why its pass was taken back, without a full stop; None where it was not."""
        why = outputs.clean(self.tags.get("staging.reason", "")).rstrip(".") or "MLflow does not say why"
        return why if self.is_withdrawn else None

    @property
    def withdrawn_digest(self) -> str | None:
        """Digest of the image whose pass was taken back, or None where none was."""
        return _digest(self.tags.get("staging.digest")) if self.is_withdrawn else None

    @property
    def has_ever_passed(self) -> bool:
        """Whether it passed staging, as far as its last verdict tells."""
        return self.tags.get("staging.verdict") in ("pass", "withdrawn")

    @property
    def digest(self) -> str | None:
        """Digest of the image that was built for this version, or None."""
        return _digest(self.tags.get("image_digest"))

    @property
    def image_base(self) -> str | None:
        """Digest of the base image that its image was built on, or None."""
        return _digest(self.tags.get("image_base"))

    @property
    def verified_digest(self) -> str | None:
        """Digest of the image that passed every gate in staging, or None: no test verifies a later build."""
        return _digest(self.tags.get("staging.digest")) if self.tags.get("staging.verdict") == "pass" else None

    @property
    def verdict_order(self) -> tuple[str, int]:
        """Sorts versions by the time of their verdict in staging."""
        return self.verdict_at, int(self.number)

    @property
    def digests(self) -> set[str]:
        """Digests of its images that MLflow names: the one that was built last, and the one that was tested."""
        return {found for key in ("image_digest", "staging.digest") if (found := _digest(self.tags.get(key)))}

    @property
    def collected(self) -> str | None:
        """Why nobody can release it any more, as a sentence: its image and its files were collected; else None."""
        at = self.tags.get(COLLECTED)
        if not at:
            return None
        return f"Version {self.number} was collected at {at} to make room, and its files are gone: train a model again."


def _digest(text: str | None) -> str | None:
    """A tag's digest; None where a person wrote something else there."""
    return text if text and re.fullmatch(r"sha256:[0-9a-f]{64}", text, re.ASCII) else None


def find(version: str) -> ModelVersion | None:
    """The version, or None where MLflow does not have it."""
    try:
        return get(version)
    except Missing:
        return None


def exists(version: str) -> bool:
    """Whether MLflow has the version."""
    return find(version) is not None


def get(version: str) -> ModelVersion:
    """The version; raises Missing."""
    fields = {"name": constants.MODEL, "version": version}
    return ModelVersion(call("GET", "model-versions/get", fields)["model_version"])


def require_not_collected(version: str) -> None:
    """Raises StepFailed where the files of a version were collected, and Missing where MLflow does not have it."""
    collected = get(version).collected
    if collected:
        raise StepFailed(collected)


def all_versions() -> list[ModelVersion]:
    """Every version of the model."""
    found, token = [], ""
    while True:
        page, token = _search("", token, size=1000)
        found += page
        if not token:
            return found


def of_image(digest: str) -> list[ModelVersion]:
    """The versions of which an image was built or has been judged that has this digest."""
    if not _digest(digest):
        return []
    keys = ("image_digest", "staging.digest")
    found = [version for key in keys for version in _search(f"tags.`{key}`='{digest}'")[0]]
    return list({version.number: version for version in found}.values())


def passed() -> Iterator[ModelVersion]:
    """
    The versions that passed staging, the last verdict first, asked for page by page. MLflow gives the last changed one
    first. A verdict changes its version (`mark_changed`), and so may a person: a version that has come waits for as
    long as one that is still to come may have a later verdict.
    """
    waiting: list[ModelVersion] = []
    token = ""
    while True:
        page, token = _search("tags.`staging.verdict`='pass'", token)
        waiting = sorted([*waiting, *page], key=lambda version: version.verdict_order)
        while waiting and (not token or waiting[-1].verdict_at >= page[-1].changed_at):
            yield waiting.pop()
        if not token:
            return


def _search(condition: str, token: str = "", size: int | None = None) -> tuple[list[ModelVersion], str]:
    """
    A page of the versions that a condition finds (empty: all), the last changed one first, and the token of the next
    page. `size`: how many versions a page has, 1 to 1000; default PAGE.
    """
    fields = {
        "filter": " and ".join(filter(None, [f"name='{constants.MODEL}'", condition])),
        "max_results": size or PAGE,
        "order_by": ["last_updated_timestamp DESC", "version_number DESC"],
        **({"page_token": token} if token else {}),
    }
    page = call("GET", "model-versions/search", fields)
    return [ModelVersion(record) for record in page.get("model_versions", [])], page.get("next_page_token", "")


def mark_changed(model: ModelVersion) -> None:
    """Makes a version the last changed one. MLflow does so with a description alone: the version keeps its own."""
    fields = {"name": constants.MODEL, "version": model.number, "description": model.description}
    call("PATCH", "model-versions/update", fields)


def tag(version: str, **tags: object) -> None:
    """Sets tags on a version; `__` in a name stands for a dot."""
    for key, value in tags.items():
        fields = {"name": constants.MODEL, "version": version, "key": key.replace("__", "."), "value": str(value)}
        call("POST", "model-versions/set-tag", fields)


def withdraw_pass(version: str, reason: str) -> None:
    """Takes back that a version passed staging; raises Missing where MLflow no longer has it."""
    tag(version, staging__verdict="withdrawn", staging__reason=outputs.clean(reason))


def aliases() -> dict[str, str]:
    """The version that each alias is on."""
    try:
        model = call("GET", "registered-models/get", {"name": constants.MODEL})["registered_model"]
    except Missing:
        return {}
    return {entry["alias"]: str(entry["version"]) for entry in model.get("aliases", [])}


def alias(name: str) -> str | None:
    """The version that an alias is on, or None."""
    fields = {"name": constants.MODEL, "alias": name}
    try:
        return str(call("GET", "registered-models/alias", fields)["model_version"]["version"])
    except Missing:
        return None


def move_alias(name: str, version: str) -> None:
    """
    Moves an alias, its previous version recorded first. MLflow knows no compare-and-swap: the caller holds the lock.
    """
    previous = alias(name)
    if previous == version:
        return
    if previous is not None:
        tag(version, **{f"{name}__previous_version": previous})
    call("POST", "registered-models/alias", {"name": constants.MODEL, "alias": name, "version": version})
    print(f"Alias {name}: {previous or 'nothing'} -> {version}.", flush=True)


def drop_alias(name: str) -> None:
    """Takes an alias off whatever version has it."""
    if alias(name) is not None:
        call("DELETE", "registered-models/alias", {"name": constants.MODEL, "alias": name})


def point_alias(name: str, version: str | None) -> None:
    """
    Moves an alias to a version, or with None takes it off. It cannot follow to a version that MLflow lost: then it is
    taken off too, since it would name what does not serve.
    """
    if version is None:
        return drop_alias(name)
    try:
        move_alias(name, version)
    except Missing:
        drop_alias(name)
        print(f"MLflow no longer has version {version}: the alias {name} is on no version.", flush=True)


def download(version: str, file: str, path: Path, limit: int) -> None:
    """
    Fetches one file of a version's artifacts to `path`, at most `limit` bytes, through MLflow's artifact proxy where it
    serves them. Its length is checked, and what training wrote down of it: the tag `sha256.<file>` of its run. Where
    MLflow has no such tag, the file is taken and the output says so: a version from before there was one, or whose run
    was deleted, is the one that an environment may have to go back to. Raises Unavailable where it broke off, or
    StepFailed.
    """
    fields = {"name": constants.MODEL, "version": version}
    uri = call("GET", "model-versions/get-download-uri", fields)["artifact_uri"]
    sha256 = run_tags(get(version).run).get(f"sha256.{file}")
    proxied = urllib.parse.urlparse(uri)
    try:
        if proxied.scheme == "mlflow-artifacts":
            place = urllib.parse.quote(f"{proxied.path}/{file}")
            http_client.download(f"{tracking_uri()}/api/2.0/mlflow-artifacts/artifacts{place}", path, limit, sha256)
        else:
            _download_elsewhere(uri, file, path, limit, sha256)
    except http_client.Unreachable as error:
        raise Unavailable(f"{file} of version {version} did not come whole from MLflow: {error}.") from error
    except Exception as error:
        damaged = f"{file} of version {version} did not come from MLflow: {str(error)[:300]}"
        raise StepFailed(f"{damaged}. Train the model again, or restore MLflow's artifacts.") from error
    if not sha256:
        unknown = f"MLflow has no tag sha256.{file} of the training of version {version}"
        print(f"{unknown}: the length of its file was checked, its content was not.", flush=True)


def _download_elsewhere(uri: str, file: str, path: Path, limit: int, sha256: str | None) -> None:
    """
    Fetches a file that MLflow keeps outside its artifact proxy. Raises http_client.Unreachable where it is shorter or
    longer than its store lists it, or http_client.Refused; a store that lists no lengths is believed.
    """
    import mlflow  # takes about a second, so only for such artifacts

    mlflow.set_tracking_uri(tracking_uri())
    lengths = {Path(listed.path).name: listed.file_size for listed in mlflow.artifacts.list_artifacts(uri)}
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fetched = Path(mlflow.artifacts.download_artifacts(f"{uri}/{file}", dst_path=folder))
        length, listed = fetched.stat().st_size, lengths.get(file)
        if listed is not None and length != listed:
            raise http_client.Unreachable(f"{length} bytes came, and its store lists {listed}")
        if length > limit:
            raise http_client.Refused(f"it has more than {limit} bytes")
        with fetched.open("rb") as content:
            http_client.require_hash(hashlib.file_digest(content, "sha256").hexdigest(), sha256)
        fetched.replace(path)


def delete_files(source: str) -> None:
    """
    Deletes what MLflow itself keeps at the source of a version, `mlflow-artifacts:/...`. What is gone already is no
    error. Raises Unavailable or StepFailed.
    """
    path = f"mlflow-artifacts/artifacts{urllib.parse.quote(urllib.parse.urlparse(source).path)}"
    status, text = _answer("DELETE", f"{tracking_uri()}/api/2.0/{path}", None, path)
    if status not in (200, 404):
        raise StepFailed(f"MLflow answered the deletion of {source} with {status}: {text[:200]}")


def every_run(experiment: str) -> list[dict[str, Any]]:
    """Every run of an experiment, by its id, that is not deleted."""
    found, token = [], ""
    while True:
        query = {"experiment_ids": [experiment], "max_results": 1000} | ({"page_token": token} if token else {})
        page = call("POST", "runs/search", query)
        found += page.get("runs", [])
        token = page.get("next_page_token", "")
        if not token:
            return found


def run_tags(run: str) -> dict[str, str]:
    """The tags of a training's run; none where MLflow no longer has it."""
    if not run:
        return {}
    try:
        tags = call("GET", "runs/get", {"run_id": run})["run"]["data"].get("tags", [])
    except Missing:
        return {}
    return {tag["key"]: tag["value"] for tag in tags}


def now() -> str:
    """The time for the record, UTC, to the second."""
    return instant.timestamp(time.time())
