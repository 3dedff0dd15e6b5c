"""pods.py: how often a container has ended, and which of its ends count."""

import pytest

from conftest import digest, pod
from lib import pods

RECORDED = "2026-01-01T00:00:00Z"  # the time of every recorded state
ENDS = {
    "ready": 0,
    "starting": 0,
    "unschedulable": 0,
    "pull-backoff": 0,
    "oom-killed": 1,  # down
    "oom-restarted": 1,  # up again
    "oom-recovered": 1,
    "crash-recovered": 1,
    "oom-looping": 2,  # down after one restart
    "crash-looping": 2,
}


@pytest.mark.parametrize("state,ends", ENDS.items())
def test_an_end_is_a_restart_or_being_down(state, ends):
    assert pods.ends([pod(7, state), pod(6, "oom-looping"), pod(7, "leaving", "b")], digest(7)) == {"pod-7": ends}


@pytest.mark.parametrize(
    "began,noted", [("2025-12-31T23:59:59Z", {}), (RECORDED, {}), ("2026-01-01T00:00:01Z", {"pod-7": 1})]
)
def test_a_release_notes_the_ends_of_the_pods_that_are_older(began, noted):
    assert pods.ends_before_release([pod(7, "oom-recovered")], began) == noted


@pytest.mark.parametrize("instant,noted", [("", {}), (RECORDED, {}), ("2026-01-01T00:00:01Z", {"pod-7": 1})])
@pytest.mark.parametrize("state", ["oom-recovered", "oom-killed"])
def test_an_end_is_before_an_instant_where_the_container_has_not_changed_since(state, instant, noted):
    assert pods.ends_before([pod(7, state)], instant) == noted


def test_an_end_of_which_nobody_knows_the_time_is_not_before_anything():
    down = pod(7, "oom-killed")
    ended = down["status"]["containerStatuses"][0]["state"]["terminated"]
    ended.update(reason="ContainerStatusUnknown", finishedAt=None)
    assert pods.ends_before([down], "2026-01-02T00:00:00Z") == {}
    assert pods.unhealthy_reason([down], digest(7), "2026-01-02T00:00:00Z", 1) == (
        "the container ended 1 time, last with ContainerStatusUnknown (exit code 137)"
    )
