"""Load gate: enough requests succeed, fast enough, and the pods live through it."""

import subprocess
from collections.abc import Mapping

from lib import constants, hey, inputs, pods, rollout
from lib.verdict import Verdict, fail

REQUEST_TIMEOUT = 10  # seconds; a request that takes longer is an error


def check(version: str, digest: str) -> Verdict:
    """
    Loads `/test` with hey, then looks at the figures, the pods and `/version`. LOAD_REQUESTS: 20 to 5376, default
    100; LOAD_CONCURRENCY: requests at once, 1 to 64, default 10.
    """
    requests = int(inputs.number("LOAD_REQUESTS", 20, 5376, default=100))
    concurrency = int(inputs.number("LOAD_CONCURRENCY", 1, 64, default=10))
    before = pods.ends(rollout.list_pods(constants.STAGING), digest)
    url = f"{inputs.service_url(constants.STAGING)}/test"
    command = ["hey", "-n", requests, "-c", min(concurrency, requests), "-t", REQUEST_TIMEOUT, "-m", "GET"]
    headers = [part for name, value in constants.PROBE.items() for part in ("-H", f"{name}: {value}")]
    done = subprocess.run([str(part) for part in [*command, *headers, url]], capture_output=True, text=True)
    print(done.stdout, flush=True)
    if done.returncode != 0:
        return Verdict("inconclusive", f"hey ended with exit code {done.returncode}: {done.stderr[:200]}")
    result = hey.parse(done.stdout)
    restarts = pods.restarts(rollout.list_pods(constants.STAGING), digest)
    metrics = {**result.figures(), "restarts": restarts}
    needed, allowed = bars()
    judged_by = {"successPercent": needed, "p95Ms": allowed}
    problem = judge_figures(result) or judge_pods(before, digest, constants.app_version(version))
    if problem:
        return fail(problem, bars=judged_by, **metrics)
    share = f"{result.success_percent:g} % of {result.total} requests succeeded (bar: over {needed:g} %)"
    said = f"{share}, 95 % within {result.p95_ms:g} ms (bar: under {allowed:g} ms)"
    return Verdict("pass", said, bars=judged_by, **metrics)


def bars() -> tuple[float, float]:
    """
    Share of the requests that has to succeed, and time in which 95 % have to. LOAD_MIN_SUCCESS_PERCENT: 0 to 99.99,
    default 95; LOAD_MAX_P95_MS: 1 to 10000 ms, default 2000.
    """
    needed = inputs.number("LOAD_MIN_SUCCESS_PERCENT", 0, 99.99, default=95.0)
    return needed, inputs.number("LOAD_MAX_P95_MS", 1, 10000, default=2000.0)


def judge_figures(result: hey.Result) -> str | None:
    """What is wrong with the figures, or None. A figure that is missing is wrong."""
    needed, allowed = bars()
    if result.success_percent is None:
        return "hey reports no answers and no errors"
    if not result.success_percent > needed:
        share = f"{result.success_percent:g} % of {result.total} requests succeeded"
        return f"{share}, it must be over {needed:g} %"
    if result.p95_ms is None:
        return "hey reports no 95th percentile"
    if not result.p95_ms < allowed:
        return f"95 % of the requests took up to {result.p95_ms:g} ms, it must be under {allowed:g} ms"
    return None


def judge_pods(before: Mapping[str, int], digest: str, wanted: str) -> str | None:
    """What happened to the candidate under the load, or None. `before`: ends by pod before the load."""
    now = rollout.list_pods(constants.STAGING)
    found = pods.assess(now, digest, before=before)
    after = pods.ends(now, digest)
    if found.state == "failing":
        return f"under load: {found.reason}"
    if set(after) != set(before) or any(after[pod] > before[pod] for pod in after):
        return "a pod of the candidate restarted or was replaced under load"
    if found.state != "ready":
        return f"after the load: {found.reason}"
    served = rollout.version_of(constants.STAGING)
    if served != wanted:
        return f"after the load staging answers {served or 'no model'} on /version, not {wanted}"
    return None
