"""The scripts, and the fakes that stand for the tools in the other tests, against what the tools really said."""

import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

import pytest

from conftest import RECORDED, recorded, says
from lib import crane, kubectl, pods
from lib.errors import StepFailed, Unavailable
from servers import Mlflow

KUBECTL = {  # what a failed call means, where it does not mean that the API server is away
    "not-found": kubectl.NotFound,
    "already-exists": kubectl.AlreadyExists,
    "forbidden": StepFailed,
}
CRANE = {
    "unknown": crane.Missing,
    "append-unknown": crane.Missing,
    "append-unauthorized": StepFailed,
    "DENIED": StepFailed,
    "UNKNOWN": StepFailed,
}
FULL = (
    "The volume of the registry is full: run npm run collect to make room; if it stays full, npm run status says what "
    "else helps."
)


def failed(tool):
    return [name for name, call in recorded(f"{tool}.json").items() if call["code"] != 0]


@pytest.fixture
def says_only(tmp_path, monkeypatch):
    """Puts a tool on the path that gives one recorded call again, whatever it is asked."""

    def tool(name, call):
        said = says(name, call)
        program = f"#!{sys.executable} -IS\nimport sys\nsys.stdout.write({said['stdout']!r})\n"
        program += f"sys.stderr.write({said['stderr']!r})\nsys.exit({said['code']})\n"
        (tmp_path / name).write_text(program)
        (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return said

    return tool


@pytest.mark.parametrize("call", failed("kubectl"))
def test_failure_of_kubectl(says_only, call):
    said = says_only("kubectl", call)
    with pytest.raises((StepFailed, Unavailable)) as failure:
        kubectl.run("get", "pods")
    assert failure.type is KUBECTL.get(call, Unavailable)
    assert str(failure.value) == f"kubectl get failed: {said['stderr'].splitlines()[-1]}"


@pytest.mark.parametrize("call", failed("crane"))
def test_failure_of_crane(says_only, call):
    said = says_only("crane", call)
    with pytest.raises((StepFailed, Unavailable)) as failure:
        crane.run("tag")
    assert failure.type is CRANE.get(call, Unavailable)
    told = f"crane tag failed: {said['stderr'].splitlines()[-1][-300:]}"
    assert str(failure.value) == (FULL if call == "UNKNOWN" else told)


@pytest.mark.parametrize("tool,module", [("kubectl", kubectl), ("crane", crane)])
def test_every_sign_of_trouble_is_one_that_the_tool_gives(tool, module):
    said = "".join(call["stderr"] for call in recorded(f"{tool}.json").values())
    assert [sign for sign in module.TRANSIENT_SIGNS if sign not in said] == []


ROLLOUT = [json.loads(line) for line in (RECORDED / "rollout" / "watch.jsonl").read_text().splitlines()]


def test_rollout_is_over_when_the_new_pod_is_ready_and_the_old_one_leaves():
    digest = recorded("rollout/list.json")["items"][0]["spec"]["containers"][0]["image"].rpartition("@")[2]
    seen, states = {}, []
    for event in ROLLOUT:
        seen[event["object"]["metadata"]["name"]] = event["object"]
        if event["type"] == "DELETED":
            del seen[event["object"]["metadata"]["name"]]
        states.append(pods.assess(list(seen.values()), digest, strict=True).state)
    leaves = ["deletionTimestamp" in event["object"]["metadata"] for event in ROLLOUT].index(True)
    assert states == ["waiting"] * leaves + ["ready"] * (len(ROLLOUT) - leaves) and ROLLOUT[-1]["type"] == "DELETED"


def test_watch_is_read_as_kubectl_prints_it():
    events = list(kubectl._stream(["cat", str(RECORDED / "rollout" / "watch.jsonl")], time.monotonic() + 10))
    assert events == [(event["type"], event["object"]) for event in ROLLOUT]


STAGES = recorded("mlflow.json")
CALLS = [call for calls in STAGES.values() for call in calls]


def test_mlflow_answers_as_the_real_one_did():
    mlflow = Mlflow()
    try:
        for call in STAGES["no model yet"]:
            assert ask(mlflow, call) == (call["status"], call["answer"]), call["path"]
        mlflow.add(1)
        mlflow.add(2)
        mlflow.files["0/run1/artifacts/food11.onnx"] = b"weights"
        for call in STAGES["two versions"]:
            assert ask(mlflow, call) == (call["status"], call["answer"]), call["path"]
        mlflow.deleted.add("1")
        for call in STAGES["a deleted experiment"]:
            assert ask(mlflow, call) == (call["status"], call["answer"]), call["path"]
        for call in STAGES["a training collected"]:
            assert ask(mlflow, call) == (call["status"], call["answer"]), call["path"]
    finally:
        mlflow.stop()


def ask(mlflow, call):
    body = None if call["body"] is None else json.dumps(call["body"]).encode()
    request = urllib.request.Request(f"{mlflow.url}/api/2.0/{call['path']}", body, method=call["method"])
    try:
        with urllib.request.urlopen(request) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text.startswith(b"{") else text.decode()


def test_mlflow_knows_no_call_that_was_not_recorded():
    known = {name for name in dir(Mlflow) if re.match("GET_|POST_|PATCH_|DELETE_", name)}
    asked = {
        f"{call['method']}_{re.sub('[/-]', '_', call['path'].partition('?')[0].removeprefix('mlflow/'))}"
        for call in CALLS
    }
    assert known == {name for name in asked if "artifacts" not in name}
