"""watch_data_drift.py: what people send beside what the model learnt from, and the training that a drift starts."""

import hashlib
import json
import random
import time

import pytest

from conftest import passed, says
from lib import answers, child_workflows, drift, inputs, step
from lib.drift import Difference, State, Window
from lib.errors import InvalidInput
from servers import Server
from steps import watch_data_drift

SETTINGS = {"environment": "production", "bar": 0.35, "minimumAnswers": 100, "cooldownSeconds": 86400}
NAMES = ("red", "detail")


def values(mean, count, seed=1):
    chance = random.Random(seed)
    return [chance.gauss(mean, 0.1) for _ in range(count)]


LEARNT = {name: values(0.5, 400) for name in NAMES}


class Pod(Server):
    """The app's port for figures. `answers`: what it tells."""

    def __init__(self):
        self.answers, self.version = [], "1.0.7"
        super().__init__()

    def answer(self, _method, path, _body):
        assert path == "/answers?sample=yes", "the newest answers would be of the last seconds"
        return 200, json.dumps({"model_version": self.version, "answers": self.answers}).encode()

    def sends(self, mean, count, at, **others):
        features = zip(*(values(mean, count, seed) for seed in (2, 3)), strict=True)
        self.answers += [{"at": at, "features": dict(zip(NAMES, one, strict=True)), **others} for one in features]


@pytest.fixture
def told():
    pod = Pod()
    yield pod
    pod.stop()


@pytest.fixture
def production(world, told, monkeypatch):
    """Production serves 7, whose features were recorded, in one pod, and Events can be written."""
    monkeypatch.setattr(answers, "addresses", lambda _: [told.url])
    content = json.dumps(LEARNT)
    world.mlflow.add(7, **passed(7))
    world.mlflow.files["0/run7/artifacts/features.json"] = content.encode()
    world.mlflow.runs["run7"]["tags"]["sha256.features.json"] = hashlib.sha256(content.encode()).hexdigest()
    world.application("production", 7, held=7)
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    return world


def has_state(world, state=None):
    data = {"state": drift.write(state) if isinstance(state, State) else state} if state else None
    where = ["configmaps", "data-drift", "--namespace", "argo"]
    held = {"metadata": {"resourceVersion": "12"}, "data": data}
    world.allow("kubectl", "get", *where, "--output", "json", stdout=held)
    how = ["--type", "merge", "--field-manager", "promotion-pipeline", "--patch", "*"]
    world.allow("kubectl", "patch", *where, *how)


def run(world):
    """The step in this process, where no name of the cluster leads anywhere. Returns its exit code."""
    given = {**world.environment_of_a_step(), "DATA_DRIFT": json.dumps(SETTINGS)}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        for name, value in given.items():
            patch.setenv(name, value)
        step.run(watch_data_drift.main)
    return ended.value.code


def look(world):
    assert run(world) == 0
    return world.output("reason")


def kept(world):
    """The state that was written, or None."""
    patches = [json.loads(call["args"][-1]) for call in world.calls("kubectl", "patch")]
    assert all(patch["metadata"] == {"resourceVersion": "12"} for patch in patches)
    return drift.parse(patches[0]["data"]["state"], int(time.time())) if patches else None


def trains(world, **templates):
    """The Workflows that have not ended, each with the name of its template."""
    selector = ["--selector", "workflows.argoproj.io/completed!=true"]
    listed = [
        {"metadata": {"name": name}, "spec": {"workflowTemplateRef": {"name": template.replace("_", "-")}}}
        for name, template in templates.items()
    ]
    where = ["get", "workflows.argoproj.io", "--namespace", "argo", *selector, "--output", "json"]
    world.allow("kubectl", *where, stdout={"items": listed})


OVER = Window(1000.0, 120, "red", 0.9, True)
WITHIN = Window(2000.0, 120, "red", 0.1, False)


def test_pictures_like_those_of_the_training_are_within_the_bar(production, told):
    has_state(production)
    told.sends(0.5, 150, 3000.5)
    assert look(production).endswith("from the training in 150 answers, within 0.35")
    [window] = kept(production).windows
    assert (window.at, window.answers, window.over) == (3000.5, 150, False) and window.distance < 0.2
    assert production.output("verdict") == "within" and float(production.output("distance")) == window.distance
    assert production.created() == []


def test_other_pictures_are_over_the_bar_and_one_look_is_no_drift(production, told):
    has_state(production)
    told.sends(0.9, 150, 3000)
    assert look(production).endswith("from the training in 150 answers, over 0.35")
    assert kept(production).windows[-1].over and production.output("verdict") == "over"
    assert production.output("drift") == "0"
    assert production.created() == []


def test_the_second_look_over_the_bar_starts_a_training_and_is_told(production, told):
    production.current_workflow()
    trains(production, build="build-container-image", collect="collect-old-versions")
    has_state(production, State("1.0.7", (OVER, WITHIN, WITHIN), 2000.0))
    told.sends(0.9, 150, 3000)
    said = look(production)
    assert said.startswith("people send 1.0.7 other pictures than it learnt from: ")
    assert production.output("drift") == "1"
    training = production.created()[0]
    assert training["metadata"]["name"].startswith("train-model-v7-")
    assert training["spec"] == {
        "workflowTemplateRef": {"name": "train-model"},
        "arguments": {"parameters": [{"name": "scenario", "value": "normal"}]},
    }
    [(reason, message)] = production.events()
    assert reason == "DataDrift" and message == f"{said}: a training starts"
    state = kept(production)
    assert (state.windows, state.seen) == ((), 3000.0) and time.time() - state.trained < 60


def test_answers_that_led_to_a_training_do_not_count_again(production, told):
    has_state(production, State("1.0.7", (), 3000.0, 5))
    told.sends(0.9, 150, 3000)
    assert look(production) == "0 of 100 answers of 1.0.7: no verdict yet"


def test_a_drift_starts_no_training_beside_one_that_has_not_ended(production, told):
    production.current_workflow()
    trains(production, nightly="train-model")
    has_state(production, State("1.0.7", (OVER,), 2000.0))
    told.sends(0.9, 150, 3000)
    assert look(production).endswith("over 0.35: a drift, while nightly has not ended")
    assert production.created() == [] and (len(kept(production).windows), kept(production).trained) == (2, 0)


def test_a_look_that_is_repeated_finds_the_training_that_it_has_started(production, told):
    production.current_workflow()
    child = child_workflows.manifest(
        {"metadata": {"uid": "uid-1", "name": "parent", "namespace": "argo"}}, "train-model", "7", {}
    )
    trains(production, **{child["metadata"]["name"]: "train-model"})
    has_state(production, State("1.0.7", (OVER,), 2000.0))
    told.sends(0.9, 150, 3000)
    assert look(production).startswith("people send 1.0.7 other pictures") and kept(production).trained > 0


def test_a_training_that_does_not_start_leaves_the_drift_for_the_next_look(production, told):
    production.current_workflow()
    trains(production)
    has_state(production, State("1.0.7", (OVER,), 2000.0))
    production.rules["kubectl"] = [rule for rule in production.rules["kubectl"] if rule["args"][0] != "create"]
    production.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "refused"))
    told.sends(0.9, 150, 3000)
    assert run(production) == 75 and kept(production) is None


def test_a_drift_starts_no_training_until_the_last_one_is_long_enough_ago(production, told):
    has_state(production, State("1.0.7", (OVER,), 1000.0, int(time.time()) - 3600))
    told.sends(0.9, 150, 3000)
    assert look(production).endswith("over 0.35: a drift, whose training is less than 24 h ago")
    assert production.output("drift") == "1"
    assert production.created() == [] and len(kept(production).windows) == 2


def test_only_new_answers_of_people_count(production, told):
    has_state(production, State("1.0.7", (WITHIN,), 2000.0))
    told.sends(0.9, 300, 1999)
    told.sends(0.9, 300, 3000, copy=True)
    told.sends(0.5, 35, 3000)
    told.answers += [{"at": "3000", "features": {}}, {"at": 3000, "features": None}, "x"]
    assert look(production) == "35 of 100 answers of 1.0.7: no verdict yet"
    assert kept(production) is None


def test_another_version_begins_anew(production, told):
    has_state(production, State("1.0.6", (OVER, OVER), 1000.0, 5))
    told.sends(0.9, 150, 3000)
    look(production)
    state = kept(production)
    assert (state.version, len(state.windows), state.trained) == ("1.0.7", 1, 5)


def test_a_pod_of_another_version_does_not_count(production, told):
    has_state(production)
    told.version = "1.0.6"
    told.sends(0.9, 300, 3000)
    assert look(production) == "0 of 100 answers of 1.0.7: no verdict yet"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "no JSON",
        '{"version": "1.0.7", "windows": [[1]], "seen": 0, "trained": 0}',
        "[]",
        '{"version": "1.0.7", "windows": [], "seen": 0, "trained": Infinity}',
        '{"version": "1.0.7", "windows": [], "seen": NaN, "trained": 0}',
        "[" * 100_000,
    ],
)
def test_what_a_person_wrote_there_is_put_right(production, told, text):
    has_state(production, text)
    told.sends(0.5, 150, 3000)
    look(production)
    assert len(kept(production).windows) == 1


def test_a_state_that_a_person_damaged_starts_no_training_before_the_time_between_two_is_over():
    assert drift.parse("{}", 5000) == State(trained=5000)
    assert drift.parse("", 5000) == State()


def test_a_damaged_state_is_put_right_at_once(production, told):
    has_state(production, "{}")
    assert look(production) == "0 of 100 answers of 1.0.7: no verdict yet"
    assert time.time() - kept(production).trained < 60


def test_a_clock_that_was_wrong_for_a_while_does_not_end_the_watch():
    ahead = State("1.0.7", (), 9000.5, 9000)
    assert drift.parse(drift.write(ahead), 5000) == State("1.0.7", (), 5000, 5000)


def test_an_answer_that_its_pod_dates_in_the_future_hides_no_other(production, told):
    has_state(production, State("1.0.7", (WITHIN,), 2000.0))
    told.sends(0.9, 150, time.time() + 3600)
    told.sends(0.5, 150, 3000)
    assert "in 150 answers, within 0.35" in look(production)
    assert kept(production).seen == 3000


def test_features_that_are_no_numbers_do_not_count():
    answers_told = [{"at": 3000, "features": {"red": value}} for value in (float("nan"), float("inf"), 0.5)]
    assert drift.new_answers(answers_told, 0, 5000) == answers_told[2:]


def test_a_version_whose_features_were_not_recorded_gets_no_verdict(production, told):
    has_state(production)
    del production.mlflow.runs["run7"]["tags"]["sha256.features.json"]
    told.sends(0.9, 150, 3000)
    assert look(production) == "nothing is known of the features that 1.0.7 learnt from: no verdict"


def test_a_version_that_mlflow_lost_gets_no_verdict(production, told):
    has_state(production)
    del production.mlflow.versions["7"]
    told.sends(0.9, 150, 3000)
    assert look(production) == "nothing is known of the features that 1.0.7 learnt from: no verdict"


def test_a_pod_that_does_not_answer_tells_nothing(production, told):
    has_state(production)
    told.stop()
    assert look(production) == "0 of 100 answers of 1.0.7: no verdict yet"


def test_features_that_the_training_did_not_record_are_an_error(production, told):
    has_state(production)
    told.answers = [{"at": 3000, "features": {"other": 1.0}} for _ in range(150)]
    assert run(production) == 1
    assert production.output("reason").startswith("1.0.7 answers with other features than its training recorded")


def test_an_environment_without_a_model_and_a_stack_without_a_watch_have_nothing_to_do(world):
    world.application("production", held="base")
    done = world.run("watch_data_drift", DATA_DRIFT=json.dumps(SETTINGS))
    assert (done.returncode, done.stdout) == (0, "production serves no model.\n"), done.stderr
    done = world.run("watch_data_drift", DATA_DRIFT="")
    assert (done.returncode, done.stdout) == (0, "This stack does not watch for data drift.\n")


@pytest.mark.parametrize("count,wanted", [(1, False), (2, True), (5, True)])
def test_a_drift_is_two_of_five_and_the_latest(count, wanted):
    others = (WITHIN,) * (5 - count)
    assert drift.is_drift((*others, *(OVER,) * count)) is wanted
    assert not drift.is_drift((*(OVER,) * count, WITHIN)) and not drift.is_drift(())
    assert not drift.is_drift((OVER, *(WITHIN,) * 4, OVER))


def test_a_large_distance_by_chance_and_a_small_one_beyond_it_are_within_the_bar():
    assert not drift.judge({"red": Difference(0.5, 0.008), "detail": Difference(0.1, 1)}, 0.35, 1, 9).over
    assert not drift.judge({"red": Difference(0.3, 1e-9), "detail": Difference(0.1, 1)}, 0.35, 1, 9).over
    window = drift.judge({"red": Difference(0.9, 0.9), "detail": Difference(0.4, 1e-9)}, 0.35, 1, 9)
    assert (window.feature, window.distance, window.over) == ("detail", 0.4, True)


@pytest.mark.parametrize(
    "text", ["{}", "x", '{"environment": "other", "bar": 0.3}', json.dumps({**SETTINGS, "bar": 2})]
)
def test_settings_that_say_nothing_are_refused(monkeypatch, text):
    monkeypatch.setenv("DATA_DRIFT", text)
    with pytest.raises(InvalidInput, match=r"does not say how data drift is watched for: run pulumi up\.$"):
        inputs.data_drift()
