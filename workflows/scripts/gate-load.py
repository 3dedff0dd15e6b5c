"""Load gate: enough requests succeed, fast enough, and the pods live through it."""

import subprocess

import gate
import hey
import inputs
import kube
import names
import pods
import rollout

REQUEST_TIMEOUT = 10  # seconds; a request that takes longer is an error


def check(version, digest):
    """Loads `/test` with hey, then looks at the figures, the pods and `/version`."""
    requests = int(inputs.number("LOAD_REQUESTS", 20, 100000, default=100))
    concurrency = int(inputs.number("LOAD_CONCURRENCY", 1, 1000, default=10))
    before = pods.restarts(_pods(), digest)
    url = f"{names.service_url('staging')}/test"
    command = ["hey", "-n", requests, "-c", min(concurrency, requests), "-t", REQUEST_TIMEOUT, "-m", "GET", url]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    print(done.stdout, flush=True)
    if done.returncode != 0:
        return gate.Verdict("inconclusive", f"hey ended with exit code {done.returncode}: {done.stderr[:200]}")
    result = hey.parse(done.stdout)
    metrics = {**result.figures(), "restarts": sum(pods.restarts(_pods(), digest).values())}
    problem = judge(result) or survived(before, digest, names.app_version(version))
    if problem:
        return gate.fail(problem, **metrics)
    return gate.Verdict("pass", f"{result.success_percent:g} % of {result.total} requests succeeded, 95 % within {result.p95_ms:g} ms", **metrics)


def judge(result):
    """What is wrong with the figures, or None. A figure that is missing is wrong."""
    needed = inputs.number("LOAD_MIN_SUCCESS_PERCENT", 0, 100, default=95.0)
    allowed = inputs.number("LOAD_MAX_P95_MS", 1, 600000, default=2000.0)
    if result.success_percent is None:
        return "hey reports no answers and no errors"
    if not result.success_percent > needed:
        return f"{result.success_percent:g} % of {result.total} requests succeeded, it must be over {needed:g} %"
    if result.p95_ms is None:
        return "hey reports no 95th percentile"
    if not result.p95_ms < allowed:
        return f"95 % of the requests took up to {result.p95_ms:g} ms, it must be under {allowed:g} ms"
    return None


def survived(before, digest, wanted):
    """What happened to the candidate under the load, or None."""
    now = _pods()
    found = pods.assess(now, digest)
    after = pods.restarts(now, digest)
    if found.state == "failing":
        return f"under load: {found.reason}"
    if set(after) != set(before) or any(after[pod] > before[pod] for pod in after):
        return "a pod of the candidate restarted or was replaced under load"
    if found.state != "ready":
        return f"after the load: {found.reason}"
    served = rollout.version_of("staging")
    return None if served == wanted else f"after the load staging answers {served or 'no model'} on /version, not {wanted}"


def _pods():
    name = names.workload("staging")
    return kube.listed("pods", name, f"app={name}")
