"""The model registry, over MLflow's REST API."""

import json
import time
import urllib.parse

import inputs
import names
import web
from inputs import StepFailed, Unavailable

PATIENCE = 20.0  # seconds that a call waits for an MLflow that restarts, before the step runs again; MLFLOW_PATIENCE_SECONDS overrides it


class Missing(StepFailed):
    """MLflow knows no such model, version or alias."""


def call(method, path, fields):
    """One call of MLflow's REST API; raises Missing, or Unavailable when MLflow stays away for PATIENCE."""
    url = f"{names.mlflow_url()}/api/2.0/mlflow/{path}"
    body = None
    if method == "GET":
        url = f"{url}?{urllib.parse.urlencode(fields)}"
    else:
        body = json.dumps(fields).encode()

    last = ""

    def attempt():
        nonlocal last
        try:
            status, text = web.request(url, method, body, {"Content-Type": "application/json"})
        except web.Unreachable as error:
            last = str(error)
            return None
        last = f"{status} {text[:200]}"
        return None if status in (429, 502, 503, 504) else (status, text)

    patience = inputs.number("MLFLOW_PATIENCE_SECONDS", 1, 600, default=PATIENCE)
    answer = web.poll(attempt, patience, interval=0.5)
    if answer is None:
        raise Unavailable(f"MLflow at {names.mlflow_url()} did not answer {path} in {patience:.0f} s ({last}).")
    status, text = answer
    if status == 404 and "RESOURCE_DOES_NOT_EXIST" in text:
        raise Missing(f"MLflow knows no {_sought(fields)}.")
    if status == 400 and "alias" in path and "not found" in text:
        raise Missing(f"MLflow knows no {_sought(fields)}.")
    if status != 200:
        raise StepFailed(f"MLflow answered {path} with {status}: {text[:200]}")
    return json.loads(text)


def _sought(fields):
    what = f"version {fields['version']}" if "version" in fields else f"alias {fields['alias']}" if "alias" in fields else "model"
    return f"{what} of {names.MODEL}: train one first"


class Version:
    """A registered version with its tags."""

    def __init__(self, record):
        self.number = str(record["version"])
        self.run = record.get("run_id", "")
        self.tags = {tag["key"]: tag["value"] for tag in record.get("tags", [])}

    @property
    def digest(self):
        """Digest of the image that was built for this version, or None."""
        return self.tags.get("image_digest")

    @property
    def verified_digest(self):
        """Digest of the image that passed every gate in staging, or None: a later build is not verified by an earlier test."""
        return self.tags.get("staging.digest") if self.tags.get("staging.verdict") == "pass" else None


def get(version):
    """The version; raises Missing."""
    return Version(call("GET", "model-versions/get", {"name": names.MODEL, "version": version})["model_version"])


def all_versions():
    """Every version of the model."""
    found, token = [], ""
    while True:
        page = call(
            "GET",
            "model-versions/search",
            {"filter": f"name='{names.MODEL}'", "max_results": 1000, **({"page_token": token} if token else {})},
        )
        found += [Version(record) for record in page.get("model_versions", [])]
        token = page.get("next_page_token", "")
        if not token:
            return found


def tag(version, **tags):
    """Sets tags on a version; `__` in a name stands for a dot."""
    for key, value in tags.items():
        fields = {"name": names.MODEL, "version": version, "key": key.replace("__", "."), "value": str(value)}
        call("POST", "model-versions/set-tag", fields)


def alias(name):
    """The version that an alias is on, or None."""
    try:
        return str(call("GET", "registered-models/alias", {"name": names.MODEL, "alias": name})["model_version"]["version"])
    except Missing:
        return None


def move_alias(name, version):
    """Moves an alias, its previous version recorded first: MLflow knows no compare-and-swap, the caller holds the lock."""
    previous = alias(name)
    if previous == version:
        return
    if previous is not None:
        tag(version, **{f"{name}__previous_version": previous})
    call("POST", "registered-models/alias", {"name": names.MODEL, "alias": name, "version": version})
    print(f"Alias {name}: {previous or 'nothing'} -> {version}.", flush=True)


def drop_alias(name):
    """Takes an alias off whatever version has it."""
    if alias(name) is not None:
        call("DELETE", "registered-models/alias", {"name": names.MODEL, "alias": name})


def download(version, file, path, limit):
    """Fetches one file of a version's artifacts, through MLflow's artifact proxy where it serves them."""
    uri = call("GET", "model-versions/get-download-uri", {"name": names.MODEL, "version": version})["artifact_uri"]
    proxied = urllib.parse.urlparse(uri)
    try:
        if proxied.scheme == "mlflow-artifacts":
            place = urllib.parse.quote(f"{proxied.path}/{file}")
            web.download(f"{names.mlflow_url()}/api/2.0/mlflow-artifacts/artifacts{place}", path, limit)
        else:
            import mlflow  # takes about a second, so only for artifacts that MLflow keeps elsewhere

            mlflow.set_tracking_uri(names.mlflow_url())
            mlflow.artifacts.download_artifacts(f"{uri}/{file}", dst_path=str(path.parent))
    except Exception as error:
        raise StepFailed(f"{file} of version {version} did not come from MLflow: {str(error)[:200]}") from error


def now():
    """The time for the record, UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
