"""retention.py: which model versions stay, and why. A table over what is known."""

import pytest

from conftest import digest
from lib import retention
from lib.errors import StepFailed
from lib.last_release import LastRelease, Served
from lib.model_registry import ModelVersion
from lib.release_log import Recorded
from lib.retention import DAY, Environment, Facts, Limits
from lib.trainings import Training

NOW = 1000 * DAY
LIMITS = Limits(days=30, versions=2)
OTHER = "sha256:" + "f" * 64


def version(number, passed_at=None, created_at=1, **tags):
    known = {"image_digest": digest(number), **tags}
    if passed_at:
        known |= {"staging.verdict": "pass", "staging.digest": digest(number), "staging.verdict_at": passed_at}
    pairs = [{"key": key, "value": value} for key, value in known.items()]
    return ModelVersion({"version": str(number), "creation_timestamp": created_at, "tags": pairs})


def serving(number):
    return Served(f"1.0.{number}", digest(number))


def record(environment, number, at, has_ended=True, image=None):
    served = Served(f"1.0.{number}", image or digest(number))
    return Recorded(environment, served if has_ended else None, at, has_ended, frozenset({served}))


def environment(released=None, running=(), held=None, at=0):
    return Environment(
        digest(released) if released else None,
        frozenset(map(digest, running)),
        LastRelease(serving(held), at) if held else None,
    )


def facts(**given):
    """Ten versions, each of which passed on its own day of 2020, and none of which anybody uses."""
    versions = [version(number, f"2020-01-{number:02}T00:00:00Z") for number in range(1, 11)]
    known = {
        "versions": versions,
        "aliases": {},
        "environments": {"staging": environment(), "canary": environment()},
        "records": [],
        "busy": frozenset(),
        "named": frozenset(),
        "trainings": [],
        "is_training": False,
        "now": NOW,
    }
    return Facts(**(known | given))


def replaced(number, **changes):
    """The ten versions, one of which is another."""
    return [version(number, **changes) if one.number == str(number) else one for one in facts().versions]


PASSED = {"9", "10"}  # the last two that passed


def test_only_the_last_that_passed_stay_where_nothing_is_in_use():
    decision = retention.decide(facts(), LIMITS)
    assert decision.kept == dict.fromkeys(("9", "10"), "it is among the last 2 that passed staging")
    assert [one.number for one in decision.collected] == ["1", "2", "3", "4", "5", "6", "7", "8"]
    assert decision.digests == {digest(9), digest(10)}


@pytest.mark.parametrize(
    "given,why",
    [
        pytest.param({"environments": {"canary": environment(released=3)}}, "canary runs it", id="told to run"),
        pytest.param({"environments": {"canary": environment(running=[3])}}, "canary runs it", id="its pods"),
        pytest.param(
            {"environments": {"canary": environment(held=3, at=5)}, "records": [record("canary", 3, 5)]},
            "canary holds it as its last release",
            id="last release",
        ),
        pytest.param({"aliases": {"production": "3"}}, "it has the alias production", id="alias"),
        pytest.param({"busy": frozenset({"3"})}, "an unfinished workflow names it", id="a workflow names the version"),
        pytest.param({"named": frozenset({digest(3)})}, "an unfinished workflow names it", id="or its image"),
        pytest.param(
            {"records": [record("canary", 3, 0, has_ended=False)]}, "a release to canary was begun", id="begun"
        ),
        pytest.param(
            {"versions": replaced(3, passed_at="2020-02-01T00:00:00Z")},
            "it is among the last 2 that passed staging",
            id="passed again, after newer ones",
        ),
        pytest.param(
            {"records": [record("canary", 3, NOW - 90 * DAY), record("canary", 9, NOW - 29 * DAY)]},
            "canary served it in the last 30 days",
            id="served until 29 days ago",
        ),
        pytest.param(
            {"records": [record("canary", 3, NOW - 900 * DAY)]}, "canary served it in the last 30 days", id="serves on"
        ),
        pytest.param(
            {"records": [record("canary", 3, NOW - 31 * DAY), record("staging", 9, NOW - 31 * DAY)]},
            "canary served it in the last 30 days",
            id="a release to another environment ends nothing",
        ),
        pytest.param(
            {"versions": replaced(3, created_at=NOW - DAY + 1)}, "it was registered in the last 24 hours", id="young"
        ),
        pytest.param(
            {"versions": replaced(3, created_at=0)}, "it was registered in the last 24 hours", id="of unknown age"
        ),
    ],
)
def test_what_keeps_a_version(given, why):
    decision = retention.decide(facts(**given), LIMITS)
    assert decision.kept["3"] == why
    assert "3" not in [one.number for one in decision.collected] and digest(3) in decision.digests


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            {"records": [record("canary", 3, NOW - 90 * DAY), record("canary", 9, NOW - 31 * DAY)]}, id="served before"
        ),
        pytest.param({"versions": replaced(3, created_at=NOW - DAY)}, id="a day old"),
        pytest.param({"versions": replaced(3, passed_at=None)}, id="never passed"),
    ],
)
def test_what_keeps_none(given):
    decision = retention.decide(facts(**given), LIMITS)
    assert "3" in [one.number for one in decision.collected] and digest(3) not in decision.digests


def test_the_newest_version_stays_whatever_became_of_it():
    decision = retention.decide(facts(versions=[*facts().versions, version(11)]), LIMITS)
    assert decision.kept["11"] == "it is the newest version"


def test_a_version_that_failed_takes_no_place_of_one_that_passed():
    failed = version(8, **{"staging.verdict": "fail", "staging.verdict_at": "2020-03-01T00:00:00Z"})
    versions = [failed if one.number == "8" else one for one in facts().versions]
    assert set(retention.decide(facts(versions=versions), LIMITS).kept) == PASSED


def test_what_was_collected_takes_no_place_either_and_is_not_collected_again():
    gone = {"retention.collected": "2020-03-01T00:00:00Z"}
    versions = replaced(10, passed_at="2020-01-10T00:00:00Z", **gone)
    decision = retention.decide(facts(versions=versions), LIMITS)
    assert set(decision.kept) == {"8", "9"} and "10" not in [one.number for one in decision.collected]


def test_a_version_stays_whose_older_image_runs():
    given = {"environments": {"canary": Environment(OTHER, frozenset(), None)}}
    decision = retention.decide(facts(**given, records=[record("canary", 3, 1, image=OTHER)]), LIMITS)
    assert decision.kept["3"] == "canary runs it" and {OTHER, digest(3)} <= decision.digests


def test_the_base_stays_that_an_image_is_built_on_again():
    versions = [*facts().versions[:-1], version(10, "2020-01-10T00:00:00Z", image_base=OTHER)]
    assert OTHER in retention.decide(facts(versions=versions), LIMITS).digests


def test_an_image_stays_that_something_runs_of_which_no_version_is_known():
    decision = retention.decide(facts(environments={"canary": Environment(None, frozenset({OTHER}), None)}), LIMITS)
    assert OTHER in decision.digests


def test_nothing_is_collected_where_nobody_knows_what_an_environment_is_told_to_run():
    with pytest.raises(StepFailed, match=r"canary is told to run sha256:f+, and nobody knows of which version"):
        retention.decide(facts(environments={"canary": Environment(OTHER, frozenset(), None)}), LIMITS)


@pytest.mark.parametrize("records", [[], [record("canary", 5, 6)], [record("production", 3, 9)]])
def test_nothing_is_collected_where_the_record_is_older_than_what_serves(records):
    given = {"environments": {"canary": environment(released=3, held=3, at=7)}, "records": records}
    with pytest.raises(StepFailed, match=r"The record does not know that canary serves 1\.0\.3: nothing is collected"):
        retention.decide(facts(**given), LIMITS)


def test_the_record_may_be_newer_than_what_an_environment_holds():
    given = {"environments": {"canary": environment(released=5, held=3, at=7)}, "records": [record("canary", 5, 8)]}
    assert {"3", "5"} <= set(retention.decide(facts(**given), LIMITS).kept)


def training(run="old", at=NOW - 31 * DAY, has_ended=True, files="mlflow-artifacts:/1/old/artifacts"):
    return Training(run, at, has_ended, files)


def trained(**given):
    """A version whose run it is."""
    record = {"version": "11", "creation_timestamp": 1, "tags": [], **given}
    return [*facts().versions, ModelVersion(record)]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="ended before these days"),
        pytest.param({"trainings": [training(has_ended=False)]}, id="cut off"),
        pytest.param({"trainings": [training()], "is_training": True}, id="ended, while another one runs"),
        pytest.param({"versions": trained(source="mlflow-artifacts:/1/older/artifacts")}, id="beside another's files"),
    ],
)
def test_a_training_without_a_version_goes(given):
    assert [one.run for one in retention.decide(facts(**{"trainings": [training()], **given}), LIMITS).trainings] == [
        "old"
    ]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"trainings": [training(at=NOW - 30 * DAY)]}, id="young"),
        pytest.param({"trainings": [training(at=0)]}, id="of unknown age"),
        pytest.param({"trainings": [training(has_ended=False)], "is_training": True}, id="may still run"),
        pytest.param({"versions": trained(run_id="old")}, id="of a version"),
        pytest.param(
            {"versions": trained(run_id="old", tags=[{"key": "retention.collected", "value": "x"}])},
            id="of a collected version",
        ),
        pytest.param(
            {"versions": trained(source="mlflow-artifacts:/1/old/artifacts/model")}, id="with the files of a version"
        ),
        pytest.param({"environments": {"staging": environment(held=12)}}, id="held"),
        pytest.param({"records": [record("canary", 12, NOW - 90 * DAY)]}, id="served, by the record"),
    ],
)
def test_a_training_stays(given):
    assert retention.decide(facts(**{"trainings": [training()], **given}), LIMITS).trainings == []
