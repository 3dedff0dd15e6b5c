"""Makes the app image of a model version: the base image and one layer with the model, appended in the registry."""

import re
import tarfile
import tempfile
from pathlib import Path

from lib import constants, crane, inputs, model_registry, outputs, rollout, step
from lib.errors import StepFailed

MODEL_FILE = "food11.onnx"
MAX_BYTES = 1 << 30


def main() -> None:
    version, base = inputs.version(), inputs.image("APP_BASE_IMAGE")
    app_version = constants.app_version(version)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, MODEL_FILE)
        model_registry.download(version, MODEL_FILE, model, MAX_BYTES)
        if model.stat().st_size == 0:
            raise StepFailed(f"{MODEL_FILE} of version {version} is empty: train it again.")
        layer = Path(folder, "layer.tar")
        write_layer(layer, model, app_version)
        digest = append(base, layer, f"{rollout.repository()}:staging-{app_version}")
    built_at = model_registry.now()
    model_registry.tag(version, image_digest=digest, image_base=base.partition("@")[2], image_built_at=built_at)
    outputs.write("digest", digest)
    print(f"Built {constants.APP_IMAGE}:staging-{app_version}, {digest}", flush=True)


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


if __name__ == "__main__":
    step.run(main)
