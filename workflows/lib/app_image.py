"""The app image of a model version: the base image and one layer with the model, appended in the registry."""

import re
import sys
import tarfile
import tempfile
from pathlib import Path

from lib import constants, crane, events, model_registry, outputs, rollout
from lib.errors import StepFailed, Unavailable
from lib.last_release import Served

MODEL_FILE = "food11.onnx"
MAX_BYTES = 1 << 30


def fetch(version: str, folder: Path) -> Path:
    """Fetches the model of a version into a folder; returns its file. Raises StepFailed."""
    model_registry.require_not_collected(version)
    model = folder / MODEL_FILE
    model_registry.download(version, MODEL_FILE, model, MAX_BYTES)
    if model.stat().st_size == 0:
        raise StepFailed(f"{MODEL_FILE} of version {version} is empty: train it again.")
    return model


def build(version: str, model: Path, base: str) -> str:
    """
    Builds the image of a version from its model on a base image, `repository@digest`, and pushes it; returns its
    digest. The same version on the same base has the same digest. Raises StepFailed.
    """
    app_version = constants.app_version(version)
    layer = model.with_name("layer.tar")
    write_layer(layer, model, app_version)
    return append(base, layer, f"{rollout.repository()}:staging-{app_version}")


def write_layer(layer: Path, model: Path, app_version: str) -> None:
    """One layer, the same byte for byte whenever the model and its version are: the digest names the content."""
    with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as tar:
        versions = layer.with_name("versions.txt")
        versions.write_text(app_version)
        for path, name in ((model, f"app/{MODEL_FILE}"), (versions, "app/versions.txt")):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = path.stat().st_size, 0o644  # mtime, uid and gid stay 0
            with path.open("rb") as content:
                tar.addfile(entry, content)


def append(base: str, layer: Path, tag: str) -> str:
    """Pushes base and layer as `tag`; returns the digest of the result."""
    printed = crane.run("append", "--base", base, "--new_layer", str(layer), "--new_tag", tag)
    found = re.search(r"@(sha256:[0-9a-f]{64})\s*$", printed)
    if not found:
        raise StepFailed(f"crane append printed no digest but {outputs.clean(printed, 200)!r}.")
    return found.group(1)


def ensure(environment: str, released: Served) -> str | None:
    """
    Sees to it that the registry has the image of a release, and builds it again from its model where it was lost.
    Returns None where it is there, or what was done. A registry that is away is taken to have it, since the nodes may
    have the image too. Raises StepFailed where it cannot be built again.
    """
    if released.number is None:
        return None
    try:
        if crane.exists(f"{rollout.repository()}@{released.digest}"):
            return None
        rebuild(released.number, released.digest)
    except Unavailable as unavailable:
        print(f"{released.app_version} is taken to be there: {unavailable}", file=sys.stderr)
        return None
    done = f"the registry had lost the image of {released.app_version}, which is built again from its model"
    events.warn(environment, "ImageLost", done)
    return done


def rebuild(version: str, digest: str) -> None:
    """
    Builds the image of a release again. Raises StepFailed where the model is gone, or the image is another one: the
    digest says more than a signature of the model, so none is asked for.
    """
    lost = f"The registry has lost the image of version {version}"
    model = model_registry.find(version)
    if model is None or model.image_base is None:
        raise StepFailed(f"{lost}, and MLflow does not say what it was built from: train a model.")
    base = f"{rollout.repository()}@{model.image_base}"
    if not crane.exists(base):
        template = "workflowtemplate/build-container-image"
        raise StepFailed(
            f"{lost}, and it cannot be built again: the base image that it was built on is gone too. To build it on "
            f"today's and test it again, run argo submit --namespace argo --from {template} "
            f"--parameter model-version={version}"
        )
    try:
        with tempfile.TemporaryDirectory() as folder:
            built = build(version, fetch(version, Path(folder)), base)
    except StepFailed as failure:
        raise StepFailed(f"{lost}, and it cannot be built again: {failure}") from failure
    if built != digest:
        raise StepFailed(f"{lost}, {digest}, and building it again gave {built}: run build-container-image for it.")
