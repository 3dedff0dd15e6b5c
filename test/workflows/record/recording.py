"""How a recording is made and kept: calls of the real tools, without what differs from run to run and by machine."""

import json
import os
import re
import shlex
import subprocess
import time
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "recorded"
BIN = Path(os.environ.get("GOURMETGRAM_CACHE") or Path.home() / ".cache/gourmetgram", "bin")
KUBECONFIG = Path(os.environ.get("GOURMETGRAM_STATE") or Path.home() / ".local/state/gourmetgram", "kubeconfig")
SPACE = "recording"
NOBODY = "127.0.0.1:9"  # where nobody listens

NOISE = (  # what differs, and what stands in its place
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-01T00:00:00Z"),
    (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "2026/01/01 00:00:00"),
    (r"E\d{4} \d\d:\d\d:\d\d\.\d+ +\d+", "E0101 00:00:00.000000       1"),
    (r"\b1[6-9]\d{11}\b", "1767225600000"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-0000-0000-000000000000"),
    (r"containerd://[0-9a-f]{64}", f"containerd://{'0' * 64}"),
    (r"\b10(\.\d{1,3}){3}\b", "10.0.0.1"),
    (r"\bon [0-9a-f.:\[\]]+:53\b", "on 10.0.0.1:53"),
    (r"127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:5000"),
    (r"(gourmetgram-staging-[0-9a-f]+-)[0-9a-z]{5}\b", r"\1abcde"),
    (r'("nodeName": ?)"[^"]+"', r'\1"node"'),
    (r'("resourceVersion": ?)"\d+"', r'\1"1"'),
)


def keep(name, content):
    """Writes a recording: text as it is, anything else as JSON."""
    text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    for pattern, instead in NOISE:
        text = re.sub(pattern, instead, text)
    file = RECORDED / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    print(file.relative_to(RECORDED.parent), flush=True)


def say(tool, *args, stdin=None):
    """Everything that a call of a tool said."""
    env = {"KUBECONFIG": str(KUBECONFIG), "HOME": "/nonexistent"}  # no cache and no login of whoever runs this
    done = subprocess.run([BIN / tool, *args], input=stdin, capture_output=True, text=True, env=env)
    return {"call": shlex.join([tool, *args]), "code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def kubectl(*args, stdin=None):
    return say("kubectl", *args, stdin=stdin)


def create(content, *options):
    """`kubectl create` as the scripts call it."""
    return kubectl(*options, "create", "--filename", "-", "--output", "name", stdin=json.dumps(content))


def good(call):
    """The output of a call that must succeed."""
    assert call["code"] == 0, call
    return call["stdout"]


def until(check, what):
    """The first true result of `check`, within two minutes."""
    deadline = time.monotonic() + 120
    while not (result := check()):
        assert time.monotonic() < deadline, f"{what} did not come within two minutes"
        time.sleep(0.5)
    return result
