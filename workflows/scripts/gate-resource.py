"""Resource gate: the candidate's pods run within their limits, and have done so from their start."""

import time

import gate
import inputs
import kube
import names
import pods
import rollout


def check(_version, digest):
    """Judges the pods of the digest under test; one that is still on its way gets SETTLE_SECONDS to arrive."""
    name = names.workload("staging")
    settle = inputs.number("SETTLE_SECONDS", 1, 300, default=30.0)
    seen, found = {}, pods.Assessment("waiting", "no pod runs the image")
    for kind, pod in kube.watch(["pods", "--namespace", name, "--selector", f"app={name}"], time.monotonic() + settle):
        if kind == "RESTART":
            seen = {}
            continue
        seen[pod["metadata"]["name"]] = pod
        if kind == "DELETED":
            del seen[pod["metadata"]["name"]]
        found = pods.assess(list(seen.values()), digest, strict=True)
        if found.state != "waiting":
            break
    if found.state == "ready":
        return gate.Verdict("pass", "every pod is ready and none has restarted", **found.metrics)
    if found.state == "failing":
        return gate.fail(found.reason, **found.metrics)
    reason = f"{found.reason}{rollout.argo_cd_says('staging')}"
    if not found.tried:  # it says something of the cluster, and nothing of the model
        return gate.Verdict("inconclusive", reason, **found.metrics)
    return gate.fail(reason, **found.metrics)
