"""
Makes the recordings in `../recorded/` again: what kubectl, crane and MLflow really say. By hand, against a running
local cluster: `python3 test/workflows/record`. Needs Debian's docker-registry, takes two minutes, and removes what it
makes: the namespace `recording`, and in MLflow a model and two experiments. hey's reports are kept as they are.
"""

import json

import mlflow_calls
import pod_states
import tool_failures
from recording import SPACE, good, kubectl

good(kubectl("create", "namespace", SPACE))
try:
    [node] = json.loads(good(kubectl("get", "nodes", "--output", "json")))["items"]
    images = [name for image in node["status"]["images"] for name in image["names"]]
    tools, app = (
        next(name for name in images if f"/gourmetgram-{image}@sha256:" in name) for image in ("tools", "app")
    )
    pod_states.record(tools)
    pod_states.record_rollout(tools, app)
    tool_failures.record()
finally:
    good(kubectl("delete", "namespace", SPACE))
mlflow_calls.record()
