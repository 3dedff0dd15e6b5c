"""
The look at the environments after staging: a version that runs badly there loses its pass, so that nothing is promoted
or reverted to it any more. It goes on serving, since only a person knows what is to serve in its place. Canary's users
have a watch of their own, which takes a version out.
"""

import sys
import time

from lib import (
    analysis,
    events,
    gate_verdicts,
    inputs,
    instant,
    last_release,
    model_registry,
    outputs,
    pods,
    prometheus,
    rollout,
)
from lib.analysis import Check
from lib.last_release import LastRelease

# Seconds for which a crash counts, so that one is found that came while MLflow was away.
DAY = 86400
# Seconds whose answers are judged: more than lie between two runs of the schedule.
WINDOW = 900
# The app says so when more is asked than it takes, which is no fault of its model.
BUSY = "503"


def is_watched_by_gateway(environment: str) -> bool:
    """Whether `shift-traffic` watches an environment all the time, and takes a version out that runs badly."""
    settings = inputs.traffic()
    return settings is not None and environment == settings.canary.environment


def withdraw_pass(environment: str) -> str | None:
    """
    Takes a version's pass back where an environment serves it badly; returns a sentence, or None. What a dry run says
    takes no pass: an Event says it at each look.
    """
    if is_watched_by_gateway(environment):
        return None
    release = last_release.held(rollout.application(environment))
    if release is None or release.served.number is None:
        return None
    title = release.served.title
    try:
        version = model_registry.get(release.served.number)
    except model_registry.Missing:
        return None
    if version.withdrawn_digest == release.served.digest:
        gate_verdicts.complete_withdrawal(version, release.served.digest)
        return None
    has_pass = version.verified_digest == release.served.digest
    found = trouble(environment, release, version.verdict_at if has_pass else "", int(time.time()))
    if found is None:
        return None
    if found.dry_run:
        if has_pass:
            kept = f"{title} keeps its pass, since the check is a dry run: {found.said}"
            events.warn(environment, "PassInQuestion", kept)
        return None
    if not gate_verdicts.withdraw(version.number, release.served.digest, f"{environment}: {found.said}"):
        return None
    sentence = outputs.clean(f"{title} lost its pass, and {environment} goes on serving it: {found.said}")
    events.warn(environment, "PassWithdrawn", sentence)
    return sentence


def trouble(environment: str, release: LastRelease, passed_at: str, now: int) -> Check | None:
    """
    What a version does badly in an environment, or None. `passed_at`: when its image passed staging, UTC; an empty
    string where another image of it did since. A crash counts from then and from its release on, for a day: this look
    may come late. Of a remote environment nothing is known.
    """
    if environment in inputs.remote_environments():
        return None
    began = max(release.at // 1000, instant.seconds(passed_at) or 0, now - DAY)
    crash = pods.crash_since(rollout.list_pods(environment), release.served.digest, instant.timestamp(began))
    if crash:
        return Check("crash", "fail", crash)
    return errors(environment, release.served.app_version, min(WINDOW, now - release.at // 1000))


def errors(environment: str, app_version: str, seconds: int) -> Check | None:
    """The share of errors in a version's latest answers, where it is beyond the bar of the analysis; else None."""
    url, settings = inputs.prometheus_url(), inputs.analysis()
    if url is None or settings is None:
        return None
    try:
        counts = prometheus.counts(url, app_version, environment, seconds)
    except prometheus.NoFigures as reason:
        print(f"{environment} has no figures: {reason}", file=sys.stderr)
        return None
    judged = counts._replace(statuses={status: count for status, count in counts.statuses.items() if status != BUSY})
    if not analysis.are_figures(judged) or judged.requests < analysis.needed(settings):
        return None
    check = analysis.success(settings, judged)
    return check if check.verdict == "fail" else None
