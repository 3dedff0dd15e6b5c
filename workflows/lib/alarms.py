"""
The look at the end of the promotion path: a version that runs badly there loses its pass, so that nothing is promoted
or reverted to it any more. It goes on serving, since only a person knows what is to serve in its place.
"""

import sys
import time

from lib import analysis, events, inputs, instant, last_release, model_registry, outputs, pods, prometheus, rollout
from lib.last_release import LastRelease

# Seconds that are judged: more than lie between two runs of the schedule.
WINDOW = 900
# The app says so when more is asked than it takes, which is no fault of its model.
BUSY = "503"


def withdraw_pass(environment: str) -> str | None:
    """Takes a version's pass back where an environment serves it badly; returns a sentence, or None."""
    release = last_release.held(rollout.application(environment))
    if release is None or release.served.number is None:
        return None
    why = trouble(environment, release, int(time.time()))
    if not why:
        return None
    try:
        if model_registry.get(release.served.number).is_withdrawn:
            return None
        model_registry.withdraw_pass(release.served.number, f"{environment}: {why}")
    except model_registry.Missing:
        return None
    sentence = outputs.clean(f"{release.served.title} lost its pass, and {environment} goes on serving it: {why}")
    events.warn(environment, "PassWithdrawn", sentence)
    return sentence


def trouble(environment: str, release: LastRelease, now: int) -> str:
    """Why a version runs badly in an environment, or an empty string. Of a remote environment nothing is known."""
    if environment in inputs.remote_environments():
        return ""
    seconds = min(WINDOW, now - release.at // 1000)
    since = instant.timestamp(now - seconds)
    crash = pods.crash_since(rollout.list_pods(environment), release.served.digest, since)
    return crash or errors(environment, release.served.app_version, seconds)


def errors(environment: str, app_version: str, seconds: int) -> str:
    """What share of a version's latest answers were errors, where it is beyond the bar of the analysis."""
    url, settings = inputs.prometheus_url(), inputs.traffic()
    if url is None or settings is None or settings.analysis is None or settings.analysis.success.dry_run:
        return ""
    try:
        counts = prometheus.counts(url, app_version, environment, seconds)
    except prometheus.NoFigures as reason:
        print(f"{environment} has no figures: {reason}", file=sys.stderr)
        return ""
    judged = counts._replace(statuses={status: count for status, count in counts.statuses.items() if status != BUSY})
    if not analysis.are_figures(judged) or judged.requests < analysis.needed(settings.analysis):
        return ""
    check = analysis.success(settings.analysis, judged)
    return check.said if check.verdict == "fail" else ""
