"""Starting the next workflow, acting on the gates, and the training step."""

import json

import pytest
from conftest import digest, says


def report(gate, verdict, reason="why"):
    return json.dumps({"gate": gate, "verdict": verdict, "reason": reason, "metrics": {}})


def step(gate, verdict, unreached=False):
    """What a gate's step left: name, phase and output parameters."""
    if verdict == "skipped":
        return [gate, "Skipped", {"verdict": "inconclusive", "decided": "yes", "report": "", "reason": ""}]
    decided = "no" if verdict == "pass" or unreached else "yes"
    return [gate, "Succeeded", {"verdict": verdict, "decided": decided, "report": report(gate, verdict), "reason": ""}]


def conclude(world, action, *verdicts, names=("integration", "resource", "load"), **env):
    """`unreached` is the verdict of a gate that could not ask the candidate; Argo hands the steps over by name."""
    steps = sorted(step(gate, verdict.replace("unreached", "fail"), verdict == "unreached") for gate, verdict in zip(names, verdicts))
    return world.run("conclude.py", ACTION=action, MODEL_VERSION="7", **{"DIGEST": digest(7), "GATES": json.dumps(steps), **env})


@pytest.fixture
def chain(world):
    world.mlflow.add(7, image_digest=digest(7))
    world.mlflow.aliases["staging"] = "7"
    world.own_workflow({"gourmetgram.io/chain": "train-model-abcde"})
    return world


def test_promotes_what_passed(chain):
    chain.child(outcome="promoted", reason="")
    done = conclude(chain, "promote", "pass", "pass", "pass")
    assert done.returncode == 0, done.stderr
    tags = chain.mlflow.versions["7"]
    assert tags["staging.verdict"] == "pass" and tags["staging.digest"] == digest(7)
    assert {f"gate.{gate}" for gate in ("integration", "resource", "load")} <= set(tags)
    child = chain.created()[0]
    assert child["spec"]["workflowTemplateRef"] == {"name": "promote-model"}
    assert {p["name"]: p["value"] for p in child["spec"]["arguments"]["parameters"]} == {
        "source-environment": "staging", "target-environment": "canary", "model-version": "7",
    }  # fmt: skip
    assert child["metadata"]["labels"]["gourmetgram.io/chain"] == "train-model-abcde"
    assert child["metadata"]["labels"]["gourmetgram.io/model-version"] == "7"
    assert chain.output("outcome") == "promoted"


def test_alias_that_the_deployment_could_not_move(chain):
    chain.mlflow.add(6)
    chain.mlflow.aliases["staging"] = "6"
    chain.child()
    assert conclude(chain, "promote", "pass", "pass", "pass").returncode == 0
    assert chain.mlflow.aliases["staging"] == "7"


@pytest.mark.parametrize("verdicts", [("pass", "pass", "fail"), ("pass", "pass", "inconclusive"), ("pass", "skipped", "pass"), ("unreached", "pass", "pass"), ()])
def test_never_promotes_anything_else(chain, verdicts):
    done = conclude(chain, "promote", *verdicts)
    assert done.returncode == 1 and not chain.created() and chain.mlflow.versions["7"]["staging.verdict"] != "pass"


def test_never_promotes_what_was_not_tested(chain):
    done = conclude(chain, "promote", "pass", "pass", "pass", DIGEST=digest(9))
    assert done.returncode == 1 and not chain.created() and "staging.verdict" not in chain.mlflow.versions["7"]


@pytest.mark.parametrize(
    "verdicts,outcome,said",
    [
        (("fail", "skipped", "skipped"), "reverted", "integration: why"),
        (("unreached", "fail", "skipped"), "reverted", "resource: why"),
        (("unreached", "pass", "pass"), "reverted", "integration: why"),
        (("unreached", "unreached", "skipped"), "reverted", "integration: why"),
        (("pass", "pass", "fail"), "reverted", "load: why"),
        (("inconclusive", "skipped", "skipped"), "inconclusive", "integration: why"),
        (("pass", "inconclusive", "skipped"), "inconclusive", "resource: why"),
        (("unreached", "inconclusive", "skipped"), "inconclusive", "resource: why"),  # it could not be tried: no fault of the model's
        ((), "inconclusive", "no gate left a report"),
    ],
)
def test_reverts(chain, verdicts, outcome, said):
    chain.child(outcome="reverted", reason="staging is back on 1.0.6")
    done = conclude(chain, "revert", *verdicts)
    assert done.returncode == 0, done.stderr
    child = chain.created()[0]
    assert child["spec"]["workflowTemplateRef"]["name"] == "revert-staging" and child["spec"]["entrypoint"] == "under-lock"
    assert chain.output("outcome") == outcome
    assert said in chain.output("reason") and "1.0.6" in chain.output("reason")
    assert chain.mlflow.versions["7"]["staging.verdict"] == ("fail" if outcome == "reverted" else "inconclusive")


def test_every_gate_is_on_record_also_one_that_was_skipped(chain):
    chain.child()
    chain.mlflow.versions["7"]["gate.load"] = report("load", "pass")
    assert conclude(chain, "revert", "fail", "skipped", "skipped").returncode == 0
    recorded = {gate: json.loads(chain.mlflow.versions["7"][f"gate.{gate}"]) for gate in ("integration", "resource", "load")}
    assert recorded["integration"] == json.loads(report("integration", "fail"))
    assert recorded["load"] == {"gate": "load", "verdict": "skipped", "reason": "an earlier gate failed", "metrics": {}}
    assert recorded["resource"]["verdict"] == "skipped"


LEFT = {"verdict": "pass", "decided": "no", "report": report("load", "pass"), "reason": ""}
NO_REPORT = [
    {**LEFT, "report": ""}, {**LEFT, "report": "null"}, {**LEFT, "report": "{"}, {**LEFT, "report": report("resource", "pass")},
    {**LEFT, "verdict": "fail"}, {**LEFT, "report": report("load", "good"), "verdict": "good"}, {}, None, "pass",
]  # fmt: skip


@pytest.mark.parametrize("left", NO_REPORT)
def test_a_gate_without_a_report_is_inconclusive_and_never_a_pass(chain, left):
    gates = json.dumps([step("integration", "pass"), ["load", "Succeeded", left], step("resource", "unreached")])
    done = conclude(chain, "promote", GATES=gates)
    assert done.returncode == 1 and not chain.created()
    assert chain.output("reason") == "Version 7 is not promoted: load: the gate left no report"
    assert chain.mlflow.versions["7"]["staging.verdict"] == "inconclusive"
    assert json.loads(chain.mlflow.versions["7"]["gate.load"])["verdict"] == "inconclusive"


@pytest.mark.parametrize("gates", ["", "[]", "{}", "null", "7", "[7]", "[[]]", '["load"]', "{{=toJson(map(keys(steps), #))}}"])
def test_no_list_of_gates_is_no_pass(chain, gates):
    done = conclude(chain, "promote", GATES=gates)
    assert done.returncode == 1 and not chain.created()
    assert chain.output("reason") == "Version 7 is not promoted: no gate left a report"


def test_a_failed_revert_fails(chain):
    chain.child("Failed", reason="registry away")
    done = conclude(chain, "revert", "fail", "skipped", "skipped")
    assert done.returncode == 1 and "registry away" in done.stderr and chain.output("outcome") == "broken"


def test_after_a_revert_only_a_person_promotes_the_same_version(chain):
    chain.mlflow.versions["7"]["staging.reverted_at"] = "2026-01-01T00:00:00Z"
    done = conclude(chain, "promote", "pass", "pass", "pass")
    assert done.returncode == 0 and not chain.created()
    assert chain.mlflow.versions["7"]["staging.verdict"] == "pass" and chain.output("outcome") == "held"
    assert chain.output("reason").endswith("run: npm run promote -- 7 staging canary")


def test_a_promotion_that_a_rule_forbids_is_held(chain):
    chain.child("Failed", outcome="refused", reason="Promotions are frozen by ops@example.org")
    done = conclude(chain, "promote", "pass", "pass", "pass")
    assert done.returncode == 0 and chain.output("outcome") == "held" and "frozen by ops" in chain.output("reason")


@pytest.mark.parametrize("action,verdicts", [("promote", ("pass", "pass", "pass")), ("revert", ("fail", "skipped", "skipped"))])
@pytest.mark.parametrize("holder", ["let go", "gone", "in its exit handler"])
def test_without_the_lock_nothing_is_done(chain, action, verdicts, holder):
    chain.under_lock("argo/holder/holder-exit" if holder == "in its exit handler" else None)
    if holder == "gone":
        chain.workflow("holder", None)
    done = conclude(chain, action, *verdicts)
    assert done.returncode == 1 and "lock on staging" in chain.output("reason")
    assert not chain.created() and not chain.mlflow.writes


def test_the_lock_is_handed_on(chain):
    chain.under_lock()
    chain.child(outcome="reverted", reason="staging is back on 1.0.6")
    assert conclude(chain, "revert", "fail", "skipped", "skipped").returncode == 0
    assert chain.created()[0]["metadata"]["labels"]["gourmetgram.io/lock-holder"] == "holder"
    assert chain.created()[0]["metadata"]["labels"]["gourmetgram.io/parent"] == "parent"
    assert chain.created()[0]["metadata"]["annotations"] == {"gourmetgram.io/lock-key": "argo/holder/holder-1"}


def test_the_lock_begins_with_the_step_that_holds_it(chain):
    chain.child()
    assert start(chain).returncode == 0
    metadata = chain.created()[0]["metadata"]
    assert metadata["labels"]["gourmetgram.io/lock-holder"] == "parent"
    assert metadata["annotations"] == {"gourmetgram.io/lock-key": "argo/parent/parent-1"}


def test_nothing_starts_under_a_lock_that_does_not_show_yet(world):
    world.workflow("parent", {"metadata": {"name": "parent", "namespace": "argo", "uid": "uid-1"}, "status": {}})
    done = start(world)
    assert done.returncode == 75 and "does not show yet" in done.stderr and not world.created()


def test_an_mlflow_that_is_away_is_waited_for_by_running_again(chain):
    chain.mlflow.stop()
    done = conclude(chain, "promote", "pass", "pass", "pass", MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 75 and done.stderr.startswith("Unavailable: MLflow at ") and chain.output("outcome") is None


def test_an_api_server_that_goes_away_before_the_child_is_there_is_waited_for_by_running_again(chain):
    chain.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "create-refused"))
    done = conclude(chain, "revert", "fail", "skipped", "skipped")
    assert done.returncode == 75 and "connection refused" in done.stderr and chain.output("outcome") is None


def start(world, template="test-staging", wait="yes"):
    return world.run("start-workflow.py", TEMPLATE=template, WAIT=wait, MODEL_VERSION="7", DIGEST=digest(7))


def test_starts_once(chain):
    chain.child()
    assert start(chain).returncode == 0
    name = chain.created()[0]["metadata"]["name"]
    chain.rules["kubectl"] = [rule for rule in chain.rules["kubectl"] if rule["args"][0] != "create"]
    chain.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "already-exists"))
    done = start(chain)
    assert done.returncode == 0 and chain.created()[1]["metadata"]["name"] == name


def test_root_names_the_chain(world):
    world.own_workflow()
    world.child()
    assert start(world, "build-container-image", "no").returncode == 0
    child = world.created()[0]
    assert child["metadata"]["labels"]["gourmetgram.io/chain"] == "parent" and "entrypoint" not in child["spec"]
    assert "gourmetgram.io/lock-holder" not in child["metadata"]["labels"]
    assert child["metadata"]["name"].startswith("build-container-image-v7-") and len(child["metadata"]["name"]) < 58


def test_child_that_failed(chain):
    chain.child("Failed", reason="staging does not run the image: OOMKilled")
    done = start(chain, "deploy-container-image")
    assert done.returncode == 1 and "OOMKilled" in done.stderr


def test_child_that_is_deleted(chain):
    chain.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    gone = [(0, json.dumps({"type": "ADDED", "object": {}})), (0, json.dumps({"type": "DELETED", "object": {}}))]
    chain.allow("kubectl", "get", "workflows.argoproj.io", "*", "--namespace", "argo", "--output", "json", "--watch", "--output-watch-events", stream=gone)
    done = start(chain)
    assert done.returncode == 1 and "deleted" in done.stderr


FLOWS = {  # what flow.py does: (exit code of the step, outcome)
    "open('{out}/version', 'w').write('7')": (0, None),
    "print('accuracy 0.41 is below the bar of 0.60'); sys.exit(3)": (3, "refused"),
    "raise MemoryError('no memory')": (1, "broken"),
    "sys.stdout.buffer.write(bytes([255, 10])); sys.exit(3)": (3, "refused"),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_training(world, tmp_path, flow):
    script = tmp_path / "flow.py"
    script.write_text(f"import sys\nassert sys.argv[1:] == ['oversized']\n{flow.format(out=world.out)}\n")
    done = world.run("run-training.py", SCENARIO="oversized", FLOW=str(script))
    code, outcome = FLOWS[flow]
    assert done.returncode == code and world.output("outcome") == outcome
    if "0.41" in flow:
        assert world.output("reason") == "accuracy 0.41 is below the bar of 0.60"
