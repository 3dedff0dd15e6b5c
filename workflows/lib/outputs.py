"""Output parameters of a step: one small file each, which Argo reads when the step ends."""

import os
import re
from pathlib import Path

OUTCOMES = ("promoted", "held", "reverted", "inconclusive", "below_accuracy_bar", "refused", "broken", "collected")
# How the reason of a revert that changed staging begins.
BACK = "staging is back on "


def clean(text: object, limit: int = 500) -> str:
    """One printable ASCII line without template braces, so that the text can pass through a template unharmed."""
    line = " ".join(str(text).encode("ascii", "replace").decode().split())
    line = re.sub(r"(?<=\{)(?=\{)|(?<=\})(?=\})", " ", line)
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def write(name: str, value: str) -> None:
    """Writes output parameter `name`, to `/tmp/<name>` (`OUTPUT_DIR` moves the folder)."""
    Path(os.environ.get("OUTPUT_DIR", "/tmp"), name).write_text(value)


def outcome(word: str, reason: object) -> None:
    """What became of the model, for people and for `npm run train`: one of OUTCOMES, with the reason."""
    assert word in OUTCOMES, word
    write("outcome", word)
    write("reason", clean(reason))
    print(f"{word}: {clean(reason)}", flush=True)
