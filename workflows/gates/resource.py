"""Resource gate: the candidate's pods run within their limits, and have done so from their start."""

import time
from typing import Any

from lib import constants, inputs, kubectl, pods, rollout
from lib.counted import counted
from lib.pods import Assessment
from lib.verdict import Verdict, fail


def check(_version: str, digest: str) -> Verdict:
    """
    Judges the pods of the digest under test. SETTLE_SECONDS: time for a pod that is not there or not ready yet, 1 to
    300, default 30.
    """
    name = constants.workload(constants.STAGING)
    settle = inputs.number("SETTLE_SECONDS", 1, 300, default=30.0)
    seen: dict[str, pods.Pod] = {}
    found = Assessment("waiting", "no pod runs the image")
    deadline = time.monotonic() + settle
    for kind, pod in kubectl.watch(["pods", "--namespace", name, "--selector", f"app={name}"], deadline):
        if kind == "RESTART":
            seen = {}
            continue
        seen[pod["metadata"]["name"]] = pod
        if kind == "DELETED":
            del seen[pod["metadata"]["name"]]
        found = pods.assess(list(seen.values()), digest, strict=True)
        if found.state == "ready" and kind == "ADDED":
            # The stream's first list comes one by one: other pods may follow.
            found = pods.assess(rollout.list_pods(constants.STAGING), digest, strict=True)
        if found.state != "waiting":
            break
    if found.state == "ready":
        return Verdict("pass", healthy(found.metrics), **found.metrics)
    if found.state == "failing":
        return fail(found.reason, **found.metrics)
    reason = f"{found.reason}{rollout.argo_cd_complaint(constants.STAGING)}"
    if not found.tried:  # it says something of the cluster, and nothing of the model
        return Verdict("inconclusive", reason, **found.metrics)
    return fail(reason, **found.metrics)


def healthy(metrics: dict[str, Any]) -> str:
    """What the pods do that are all ready, with the bar."""
    ready = f"{metrics['pods']} of {counted(metrics['pods'], 'pod')} {'is' if metrics['pods'] == 1 else 'are'} ready"
    restarted = f"{counted(metrics['restarts'], 'restart')} (bar: 0)"
    return f"{ready}, with {restarted} under the memory limit of {metrics['memoryLimit']}"
