"""Pods in every state that the scripts tell apart, and the watch of a rollout, as kubectl prints them."""

import json
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from recording import BIN, KUBECONFIG, NOBODY, SPACE, create, good, keep, kubectl, until

APP = "gourmetgram-staging"
SERVE = "sleep 4; touch /tmp/ready; exec sleep 600"
OUT_OF_MEMORY = "sleep 2; exec python3 -c 'bytearray(400 << 20)'"
CRASH = "sleep 2; exit 1"
AT_FIRST = f"[ -e /scratch/again ] || {{{{ touch /scratch/again; {{}}; }}}}; {SERVE}"
PROGRAMS = {
    "serve": SERVE,
    "oom": OUT_OF_MEMORY,
    "oom-at-first": AT_FIRST.format(OUT_OF_MEMORY),
    "crash": CRASH,
    "crash-at-first": AT_FIRST.format(CRASH),
    "end": "sleep 1",
    "fill": "head -c 4M /dev/zero > /scratch/full; exec sleep 600",
    "pull": SERVE,
    "huge": SERVE,
}
STATES = {  # recording: (pod, phase, what its container does, whether it is ready, how it ended before)
    "starting": ("serve", "Running", "running", False, None),
    "ready": ("serve", "Running", "running", True, None),
    "oom-killed": ("oom-at-first", "Running", "OOMKilled", False, None),
    "oom-restarted": ("oom-at-first", "Running", "running", False, "OOMKilled"),
    "oom-recovered": ("oom-at-first", "Running", "running", True, "OOMKilled"),
    "oom-looping": ("oom", "Running", "CrashLoopBackOff", False, "OOMKilled"),
    "crash-looping": ("crash", "Running", "CrashLoopBackOff", False, "Error"),
    "crash-recovered": ("crash-at-first", "Running", "running", True, "Error"),
    "pull-failed": ("pull", "Pending", "ErrImagePull", False, None),
    "pull-backoff": ("pull", "Pending", "ImagePullBackOff", False, None),
    "unschedulable": ("huge", "Pending", "Unschedulable", False, None),
    "succeeded": ("end", "Succeeded", "Completed", False, None),
    "evicted": ("fill", "Failed", "Error", False, None),
}


def record(image):
    """Every state; `leaving` is the ready pod after its deletion."""
    objects = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": SPACE}, "spec": spec(name, image)}
        for name in PROGRAMS
    ]
    with watched() as events:
        good(create({"apiVersion": "v1", "kind": "List", "items": objects}))
        for name, state in STATES.items():
            keep(f"pods/{name}.json", until(lambda state=state: first(events, lambda pod: told(pod) == state), name))
        good(kubectl("delete", "pod", "serve", "--namespace", SPACE, "--wait=false"))
        keep(
            "pods/leaving.json",
            until(lambda: first(events, lambda pod: "deletionTimestamp" in pod["metadata"]), "leaving"),
        )


def record_rollout(old, new):
    """A rollout from one image to another, watched from before its start until the old pod is gone, and then listed."""
    selector = ("--selector", f"app={APP}")
    template = {"metadata": {"labels": {"app": APP}}, "spec": spec("serve", old)}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": APP, "namespace": SPACE},
        "spec": {
            "selector": {"matchLabels": {"app": APP}},
            "template": template,
            "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
        },
    }
    good(create(deployment))
    good(kubectl("rollout", "status", f"deployment/{APP}", "--namespace", SPACE))
    with watched(*selector) as events:
        until(events, "the watch")
        good(kubectl("set", "image", f"deployment/{APP}", f"app={new}", "--namespace", SPACE))
        until(lambda: any(event["type"] == "DELETED" for event in events()), "the end of the old pod")
        keep("rollout/watch.jsonl", "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events()))
    keep("rollout/list.json", good(kubectl("get", "pods", "--namespace", SPACE, *selector, "--output", "json")))


def spec(name, image):
    memory = "1Ti" if name == "huge" else "256Mi"
    container = {
        "name": "app",
        "image": f"{NOBODY}/recording/app@sha256:{'7' * 64}" if name == "pull" else image,
        "command": ["sh", "-c", PROGRAMS[name]],
        "resources": {"requests": {"cpu": "10m", "memory": memory}, "limits": {"memory": memory}},
        "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 2,
        "restartPolicy": "Never" if name == "end" else "Always",
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
    }


def told(pod):
    """What a pod tells, in the terms of STATES."""
    name, status = pod["metadata"]["name"], pod["status"]
    for container in status.get("containerStatuses", []):
        [(kind, detail)] = container["state"].items()
        return (
            name,
            status["phase"],
            detail.get("reason", kind),
            container["ready"],
            container["lastState"].get("terminated", {}).get("reason"),
        )
    return (
        name,
        status["phase"],
        next((one["reason"] for one in status.get("conditions", []) if "reason" in one), None),
        False,
        None,
    )


def first(events, wanted):
    return next((event["object"] for event in events() if wanted(event["object"])), None)


@contextmanager
def watched(*selector):
    """A watch as the scripts keep it; yields a function that gives its events so far. kubectl prints one a line."""
    args = ["get", "pods", "--namespace", SPACE, *selector, "--output", "json", "--watch", "--output-watch-events"]
    with tempfile.NamedTemporaryFile() as file:
        watch = subprocess.Popen([BIN / "kubectl", "--kubeconfig", KUBECONFIG, *args], stdout=file)

        def events():
            found = [
                json.loads(line)
                for line in Path(file.name).read_text().splitlines(keepends=True)
                if line.endswith("\n")
            ]
            for event in found:
                event["object"]["metadata"].pop("managedFields", None)
            return found

        try:
            yield events
        finally:
            watch.kill()
            watch.wait()
