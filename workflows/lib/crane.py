"""The registry, through crane."""

import io
import subprocess
import tarfile

from lib import full_volume, outputs
from lib.errors import StepFailed, Unavailable
from lib.transient import is_transient

# What crane says when there is a way to the registry, but no registry behind it, or a busy one. It tells the code of
# an answer that has one in place of its status. A registry that restarts drops the layers of a push that has not ended.
TRANSIENT_SIGNS = (
    *(f"status code {status}" for status in (408, 429, 500, 502, 503, 504)),
    "TOOMANYREQUESTS",
    "MANIFEST_BLOB_UNKNOWN",
    "BLOB_UPLOAD_UNKNOWN",
)


class Missing(StepFailed):
    """The registry does not have the image."""


def exists(image: str) -> bool:
    """Whether the registry has an image, `repository@digest`; raises Unavailable or StepFailed."""
    try:
        run("manifest", image)
        return True
    except Missing:
        return False


def tags(repository: str) -> list[str]:
    """The tags of a repository; none where the registry has no such one."""
    try:
        return run("ls", repository).split()
    except Missing:
        return []


def digest(image: str) -> str | None:
    """The digest behind a tag, `repository:tag`, or None where the registry has no such one."""
    try:
        return run("digest", image).strip()
    except Missing:
        return None


def packed_at(image: str) -> int | None:
    """
    When the youngest file in an image was written, in milliseconds since 1970; None where the image is gone or does not
    say. Of a bundle, which has no date of its own, it is when its push began.
    """
    try:
        content = io.BytesIO(run("export", image, "-").encode())
        with tarfile.open(fileobj=content) as files:
            return max((int(file.mtime * 1000) for file in files if file.isfile()), default=None)
    except (Missing, tarfile.TarError):
        return None


def delete(image: str) -> bool:
    """
    Deletes an image, `repository@digest`, with all its tags; whether it was there. The registry frees its space when it
    next starts.
    """
    try:
        run("delete", image)
        return True
    except Missing:
        return False


def run(*args: str) -> str:
    """Output of a crane command; raises Missing, Unavailable when the registry does not answer, or StepFailed."""
    done = subprocess.run(["crane", *args], capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    full_volume.require_room(done.stderr, full_volume.REGISTRY)
    message = done.stderr.strip().rpartition("\n")[2]  # what it tried before that is on the lines above
    kind = Unavailable if is_transient(message, *TRANSIENT_SIGNS) else StepFailed
    if "MANIFEST_UNKNOWN" in message or "NAME_UNKNOWN" in message:
        kind = Missing
    raise kind(f"crane {args[0]} failed: {outputs.clean(message[-300:])}")
