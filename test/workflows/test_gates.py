"""The gates: a verdict with its reason, exit code 0, and never a pass by accident."""

import json

import pytest

from conftest import RECORDED, digest, evicted, pod, says

HEY = RECORDED / "hey"
CANDIDATE = {"MODEL_VERSION": "7", "DIGEST": digest(7), "REACH_SECONDS": "1", "SETTLE_SECONDS": "1"}
LOAD = {"LOAD_REQUESTS": "100", "LOAD_CONCURRENCY": "10", "LOAD_MIN_SUCCESS_PERCENT": "95", "LOAD_MAX_P95_MS": "2000"}


@pytest.fixture
def staging(world):
    world.mlflow.add(7, image_digest=digest(7))
    world.registry_has(7)
    world.app.serves(7)
    world.app.paths["/test"] = (200, "Noodles/Pasta")
    return world


def judged(world, gate, **env):
    done = world.run("run_gate", GATE=gate, **{**CANDIDATE, **env})
    assert done.returncode == 0, done.stderr
    report = json.loads(world.output("report"))
    assert report["gate"] == gate and report["verdict"] == world.output("verdict")
    assert json.loads(world.mlflow.versions["7"][f"gate.{gate}"]) == report
    assert "{{" not in world.output("report")
    return report["verdict"], report["reason"], report["metrics"]


def test_integration_passes(staging):
    said = "/test answers Noodles/Pasta, one of the 11 classes of Food-11, and /version 1.0.7"
    assert judged(staging, "integration")[:2] == ("pass", said) and staging.output("decided") == "no"


def test_each_request_of_the_integration_gate_says_that_no_person_sends_it(staging):
    judged(staging, "integration")
    assert staging.app.asked == [("/version", "gate"), ("/test", "gate"), ("/version", "gate")]


WRONG = [
    (500, '{"error": "output has 1000 classes"}'),
    (200, "Pizza"),
    (200, ""),
    (200, "bread"),
    (200, "<html>Bread</html>"),
    (503, "{{x}}"),
]


@pytest.mark.parametrize("answer", WRONG)
def test_integration_fails_on_a_wrong_answer(staging, answer):
    staging.app.paths["/test"] = answer
    verdict, reason, _ = judged(staging, "integration")
    assert verdict == "fail" and "/test" in reason and staging.output("decided") == "yes"


UNREACHED = [(200, '{"model_version": "1.0.6"}'), (404, "{}"), (502, "bad gateway"), (None, ""), (200, "not json")]


@pytest.mark.parametrize("answer", UNREACHED)
def test_integration_does_not_test_another_version(staging, answer):
    staging.app.paths["/version"] = answer
    verdict, reason, _ = judged(staging, "integration")
    assert verdict == "fail" and "/version" in reason and staging.output("decided") == "no"


def test_integration_cut_off_during_the_test(staging):
    staging.app.paths["/test"] = (None, "")
    assert judged(staging, "integration")[0] == "fail"
    assert staging.output("decided") == "no"


def test_resource_passes(staging):
    staging.pods_watched("staging", (0, "ADDED", pod(7)))
    staging.pods_listed("staging", pod(7))
    assert judged(staging, "resource") == (
        "pass",
        "1 of 1 pod is ready, with 0 restarts (bar: 0) under the memory limit of 256Mi",
        {"pods": 1, "restarts": 0, "memoryLimit": "256Mi"},
    )


@pytest.mark.parametrize(
    "state,restarts", [("oom-killed", 0), ("oom-restarted", 2), ("oom-looping", 2), ("oom-recovered", 2)]
)
def test_resource_sees_a_kill_that_a_restart_hides(staging, state, restarts):
    staging.pods_watched("staging", (0, "ADDED", pod(6)), (0, "ADDED", pod(7, state, restarts=restarts)))
    verdict, reason, metrics = judged(staging, "resource")
    assert verdict == "fail" and "OOMKilled" in reason and "256Mi" in reason and metrics["restarts"] == restarts


@pytest.mark.parametrize("begun", [[], [(0, "ADDED", pod(7, "starting"))]])
def test_resource_fails_on_a_restart_that_was_recovered_from(staging, begun):
    kind = "MODIFIED" if begun else "ADDED"
    staging.pods_watched("staging", *begun, (0, kind, pod(7, "crash-recovered")))
    verdict, reason, _ = judged(staging, "resource")
    assert (verdict, reason) == ("fail", "the container ended 1 time, last with Error (exit code 1)")


@pytest.mark.parametrize("state,verdict", [("ready", "pass"), ("oom-recovered", "fail")])
def test_resource_judges_each_of_several_pods(staging, state, verdict):
    both = pod(7, name="pod-7-a"), pod(7, state, name="pod-7-b")
    staging.pods_watched("staging", *((0, "ADDED", one) for one in both))
    staging.pods_listed("staging", *both)
    found, _, metrics = judged(staging, "resource")
    assert (found, metrics["pods"]) == (verdict, 2)


def test_resource_waits_for_each_of_several_pods(staging):
    both = pod(7, name="pod-7-a"), pod(7, "starting", name="pod-7-b")
    staging.pods_watched("staging", *((0, "ADDED", one) for one in both), (0, "MODIFIED", pod(7, name="pod-7-b")))
    staging.pods_listed("staging", *both)
    assert judged(staging, "resource")[0] == "pass"


def test_resource_does_not_judge_another_pod(staging):
    staging.pods_watched("staging", (0, "ADDED", pod(6)))
    staging.application("staging", 7)
    assert judged(staging, "resource")[:2] == ("inconclusive", "no pod runs the image yet")


def test_resource_does_not_blame_the_model_for_the_registry(staging):
    staging.pods_watched("staging", (0, "ADDED", pod(7, "pull-failed")))
    staging.application("staging", 7)
    assert judged(staging, "resource")[:2] == (
        "inconclusive",
        "Pending: ErrImagePull (dial tcp 127.0.0.1:9: connect: connection refused)",
    )


def test_resource_does_not_blame_the_model_for_a_pull_that_hangs(staging):
    creating = pod(7, "pull-failed")
    creating["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ContainerCreating"}}
    staging.pods_watched("staging", (0, "ADDED", creating))
    staging.application("staging", 7)
    assert judged(staging, "resource")[:2] == ("inconclusive", "Pending: ContainerCreating")


def test_resource_fails_on_a_container_that_runs_and_is_never_ready(staging):
    staging.pods_watched("staging", (0, "ADDED", pod(7, "starting")))
    staging.application("staging", 7)
    assert judged(staging, "resource")[:2] == ("fail", "Running: the container is not ready")


def test_resource_fails_on_pending(staging):
    staging.pods_watched("staging", (0, "ADDED", pod(7, "unschedulable")))
    staging.application("staging", 7)
    verdict, reason, _ = judged(staging, "resource")
    assert verdict == "fail" and reason.startswith("Pending: 0/1 nodes are available: 1 Insufficient memory.")


def test_resource_fails_on_an_eviction_that_nothing_makes_good(staging):
    staging.pods_watched("staging", (0, "ADDED", evicted(7)))
    staging.application("staging", 7)
    verdict, reason, _ = judged(staging, "resource")
    assert (verdict, reason) == (
        "fail",
        'no pod runs the image yet (Evicted: Usage of EmptyDir volume "scratch" exceeds the limit "1Mi".)',
    )


@pytest.mark.parametrize("ended", [evicted(7), evicted(6)])
def test_resource_looks_past_an_eviction_to_the_pod_that_runs(staging, ended):
    staging.pods_watched("staging", (0, "ADDED", ended), (0, "ADDED", pod(7)))
    staging.pods_listed("staging", ended, pod(7))
    assert judged(staging, "resource")[0] == "pass"


def load(staging, report, after=None, before=None):
    url = f"{staging.app.url}/test"
    staging.allow(
        "hey",
        *["-n", "100", "-c", "10", "-t", "10", "-m", "GET", "-H", "X-Probe: gate", url],
        stdout=(HEY / f"{report}.txt").read_text(),
    )
    staging.pods_listed("staging", before or pod(7))
    if after:
        staging.pods_listed("staging", after)
    return judged(staging, "load", **LOAD)


def test_load_passes(staging):
    verdict, reason, metrics = load(staging, "good")
    assert verdict == "pass" and metrics["requests"] == 100 and metrics["successPercent"] == 100
    p95 = f"95 % within {metrics['p95Ms']:g} ms (bar: under 2000 ms)"
    assert reason == f"100 % of 100 requests succeeded (bar: over 95 %), {p95}"


def test_load_passes_with_the_bars_of_its_settings(staging, monkeypatch):
    monkeypatch.setitem(LOAD, "LOAD_MIN_SUCCESS_PERCENT", "99.9")
    monkeypatch.setitem(LOAD, "LOAD_MAX_P95_MS", "2500.5")
    _, reason, _ = load(staging, "good")
    assert "(bar: over 99.9 %)" in reason and "(bar: under 2500.5 ms)" in reason


@pytest.mark.parametrize(
    "report,said",
    [
        ("flaky", "80 %"),
        ("reset", "75 %"),
        ("timeout", "0 %"),
        ("refused", "0 %"),
        ("slow", "must be under 2000 ms"),
        ("few", "no 95th"),
    ],
)
def test_load_fails_with_its_figures(staging, report, said):
    verdict, reason, metrics = load(staging, report)
    assert verdict == "fail" and said in reason and metrics["requests"] > 0


@pytest.mark.parametrize(
    "after", [pod(7, "crash-recovered"), pod(7, "oom-recovered"), pod(7, name="another"), pod(7, "starting")]
)
def test_load_fails_when_the_pod_does_not_live_through_it(staging, after):
    assert load(staging, "good", after)[0] == "fail"


def test_load_that_cannot_run_is_inconclusive(staging):
    staging.pods_listed("staging", pod(7))
    staging.allow("hey", *["*"] * 11, code=1, stderr=(HEY / "unusable.txt").read_text())
    verdict, reason, _ = judged(staging, "load", **LOAD)
    assert verdict == "inconclusive" and reason.startswith(
        "hey ended with exit code 1: -n cannot be less than -c. Usage: hey"
    )


def test_a_cluster_that_does_not_answer_is_no_verdict(staging):
    staging.allow(
        "kubectl",
        "get",
        "pods",
        "--namespace",
        "gourmetgram-staging",
        "--selector",
        "app=gourmetgram-staging",
        "--output",
        "json",
        **says("kubectl", "closed"),
    )
    done = staging.run("run_gate", GATE="load", **{**CANDIDATE, **LOAD})
    assert done.returncode == 75 and "Unable to connect" in done.stderr and staging.output("verdict") is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "latency",
        "integration.py",
        "../load",
        "load/../load",
        "/pipeline/gates/load",
        "lo*d",
        "os",
        "Load",
        "load\n",
    ],
)
def test_only_a_gate_whose_module_is_there(staging, name):
    done = staging.run("run_gate", GATE=name, **CANDIDATE)
    assert (
        done.returncode == 2
        and done.stderr == f"Invalid input: GATE {name!a} is not one of integration, load, resource.\n"
    )
    assert staging.output("verdict") is None


def test_settings_that_make_no_sense_never_pass(staging):
    assert judged(staging, "load", **{**LOAD, "LOAD_REQUESTS": "5"})[0] == "inconclusive"


def test_integration_takes_no_class_out_of_an_error(staging):
    staging.app.paths["/test"] = (500, "Bread")
    assert judged(staging, "integration")[:2] == ("fail", "/test answers 500: Bread")


def test_integration_fails_when_another_version_answers_after_the_test(staging):
    staging.app.paths["/version"] = [(200, f'{{"model_version": "1.0.{version}"}}') for version in (7, 6)]
    assert judged(staging, "integration")[:2] == ("fail", "the candidate stopped answering during the test")


def test_a_verdict_stands_without_mlflow(staging):
    staging.mlflow.fail_on("set-tag")
    done = staging.run("run_gate", GATE="integration", **CANDIDATE, MLFLOW_PATIENCE_SECONDS="1")
    assert (
        done.returncode == 0
        and staging.output("verdict") == "pass"
        and done.stderr.startswith("Not recorded in MLflow: ")
    )


def test_a_verdict_stands_where_mlflow_does_not_take_it(staging):
    del staging.mlflow.versions["7"]
    done = staging.run("run_gate", GATE="integration", **CANDIDATE)
    assert done.returncode == 0 and staging.output("verdict") == "pass"
    assert (
        done.stderr == "Not recorded in MLflow: MLflow knows no version 7 of GourmetGramFood11Model: train one first.\n"
    )


def test_load_fails_when_hey_counts_nothing(staging):
    staging.pods_listed("staging", pod(7))
    staging.allow("hey", *["*"] * 11, stdout="Summary:\n")
    assert judged(staging, "load", **LOAD)[:2] == ("fail", "hey reports no answers and no errors")


def test_load_must_be_over_its_bar(staging, monkeypatch):
    monkeypatch.setitem(LOAD, "LOAD_MIN_SUCCESS_PERCENT", "80")
    assert load(staging, "flaky")[:2] == ("fail", "80 % of 100 requests succeeded, it must be over 80 %")


def test_load_names_a_kill(staging):
    verdict, reason, _ = load(staging, "good", pod(7, "oom-recovered"))
    assert verdict == "fail" and reason.startswith("under load: OOMKilled: ")


def test_load_fails_when_another_version_answers_after_it(staging):
    staging.app.serves(6)
    assert load(staging, "good")[:2] == ("fail", "after the load staging answers 1.0.6 on /version, not 1.0.7")


def test_load_does_not_take_an_earlier_end_for_one_under_load(staging):
    before = pod(7, "oom-recovered", restarts=1)
    assert load(staging, "good", before=before)[0] == "pass"
    assert load(staging, "good", pod(7, "oom-recovered", restarts=2), before)[:2] == (
        "fail",
        "under load: OOMKilled: the model needs more than the memory limit of 256Mi (2 restarts)",
    )
