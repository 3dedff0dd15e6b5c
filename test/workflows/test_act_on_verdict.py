"""act_on_verdict.py: records the verdict, then promotes or reverts."""

import json
import re

import pytest

from conftest import act_on_verdict, digest, report, says, step
from servers import NOW


def test_promotes_what_passed(candidate):
    candidate.child(outcome="promoted", reason="")
    done = act_on_verdict(candidate, "promote", "pass", "pass", "pass")
    assert done.returncode == 0, done.stderr
    tags = candidate.mlflow.versions["7"]
    assert tags["staging.verdict"] == "pass" and tags["staging.digest"] == digest(7)
    assert {f"gate.{gate}" for gate in ("integration", "resource", "load")} <= set(tags)
    child = candidate.created()[0]
    assert child["spec"]["workflowTemplateRef"] == {"name": "promote-model"}
    assert {p["name"]: p["value"] for p in child["spec"]["arguments"]["parameters"]} == {
        "source-environment": "staging",
        "target-environment": "canary",
        "model-version": "7",
    }
    assert child["metadata"]["labels"]["gourmetgram.io/pipeline-run"] == "train-model-abcde"
    assert child["metadata"]["labels"]["gourmetgram.io/model-version"] == "7"
    assert candidate.output("outcome") == "promoted"


def test_alias_that_the_deployment_could_not_move(candidate):
    candidate.mlflow.add(6)
    candidate.mlflow.aliases["staging"] = "6"
    candidate.child()
    assert act_on_verdict(candidate, "promote", "pass", "pass", "pass").returncode == 0
    assert candidate.mlflow.aliases["staging"] == "7"


@pytest.mark.parametrize(
    "verdicts",
    [
        ("pass", "pass", "fail"),
        ("pass", "pass", "inconclusive"),
        ("pass", "skipped", "pass"),
        ("unreached", "pass", "pass"),
        (),
    ],
)
def test_never_promotes_anything_else(candidate, verdicts):
    done = act_on_verdict(candidate, "promote", *verdicts)
    assert (
        done.returncode == 1 and not candidate.created() and candidate.mlflow.versions["7"]["staging.verdict"] != "pass"
    )


def test_never_promotes_what_was_not_tested(candidate):
    done = act_on_verdict(candidate, "promote", "pass", "pass", "pass", DIGEST=digest(9))
    assert done.returncode == 1 and not candidate.created() and "staging.verdict" not in candidate.mlflow.versions["7"]


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
        (
            ("unreached", "inconclusive", "skipped"),
            "inconclusive",
            "resource: why",
        ),  # it could not be tried: no fault of the model's
        ((), "inconclusive", "no gate left a report"),
    ],
)
def test_reverts(candidate, verdicts, outcome, said):
    candidate.child(outcome="reverted", reason="staging is back on 1.0.6")
    done = act_on_verdict(candidate, "revert", *verdicts)
    assert done.returncode == 0, done.stderr
    child = candidate.created()[0]
    assert (
        child["spec"]["workflowTemplateRef"]["name"] == "revert-staging" and child["spec"]["entrypoint"] == "under-lock"
    )
    assert candidate.output("outcome") == outcome
    assert said in candidate.output("reason") and "1.0.6" in candidate.output("reason")
    assert candidate.mlflow.versions["7"]["staging.verdict"] == ("fail" if outcome == "reverted" else "inconclusive")


def test_every_gate_is_on_record_also_one_that_was_skipped(candidate):
    candidate.child()
    candidate.mlflow.versions["7"]["gate.load"] = report("load", "pass")
    assert act_on_verdict(candidate, "revert", "fail", "skipped", "skipped").returncode == 0
    recorded = {
        gate: json.loads(candidate.mlflow.versions["7"][f"gate.{gate}"]) for gate in ("integration", "resource", "load")
    }
    assert recorded["integration"] == json.loads(report("integration", "fail"))
    assert recorded["load"] == {"gate": "load", "verdict": "skipped", "reason": "an earlier gate failed", "metrics": {}}
    assert recorded["resource"]["verdict"] == "skipped"


LEFT = {"verdict": "pass", "decided": "no", "report": report("load", "pass"), "reason": ""}
NO_REPORT = [
    {**LEFT, "report": ""},
    {**LEFT, "report": "null"},
    {**LEFT, "report": "{"},
    {**LEFT, "report": report("resource", "pass")},
    {**LEFT, "verdict": "fail"},
    {**LEFT, "report": report("load", "good"), "verdict": "good"},
    {},
    None,
    "pass",
]


@pytest.mark.parametrize("left", NO_REPORT)
def test_a_gate_without_a_report_is_inconclusive_and_never_a_pass(candidate, left):
    gates = json.dumps([step("integration", "pass"), ["load", "Succeeded", left], step("resource", "unreached")])
    done = act_on_verdict(candidate, "promote", GATES=gates)
    assert done.returncode == 1 and not candidate.created()
    assert candidate.output("reason") == "Version 7 is not promoted: load: the gate left no report"
    assert candidate.mlflow.versions["7"]["staging.verdict"] == "inconclusive"
    assert json.loads(candidate.mlflow.versions["7"]["gate.load"])["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    "gates", ["", "[]", "{}", "null", "7", "[7]", "[[]]", '["load"]', "{{=toJson(map(keys(steps), #))}}"]
)
def test_no_list_of_gates_is_no_pass(candidate, gates):
    done = act_on_verdict(candidate, "promote", GATES=gates)
    assert done.returncode == 1 and not candidate.created()
    assert candidate.output("reason") == "Version 7 is not promoted: no gate left a report"


def test_a_failed_revert_fails(candidate):
    candidate.child("Failed", reason="staging does not run 1.0.5: CrashLoopBackOff.")
    done = act_on_verdict(candidate, "revert", "fail", "skipped", "skipped")
    assert done.returncode == 1 and candidate.output("outcome") == "broken"
    assert candidate.output("reason") == (
        "integration: why; staging could not be reverted: staging does not run 1.0.5: CrashLoopBackOff."
    )


def test_after_a_revert_only_a_person_promotes_the_same_version(candidate):
    candidate.mlflow.versions["7"]["staging.reverted_at"] = "2026-01-01T00:00:00Z"
    done = act_on_verdict(candidate, "promote", "pass", "pass", "pass")
    assert done.returncode == 0 and not candidate.created()
    assert candidate.mlflow.versions["7"]["staging.verdict"] == "pass" and candidate.output("outcome") == "held"
    assert candidate.output("reason").endswith("run: npm run promote -- 7 staging canary")


def test_a_promotion_that_people_approve_is_held_so_that_staging_is_free(candidate):
    rules = json.dumps({"canary": {"minimum": 1, "expirySeconds": 3600}})
    done = act_on_verdict(candidate, "promote", "pass", "pass", "pass", APPROVAL=rules)
    assert done.returncode == 0 and not candidate.created() and candidate.output("outcome") == "held"
    assert candidate.output("reason") == (
        "1.0.7 passed staging, and a promotion to canary needs an approval; to ask for it, run: "
        "npm run promote -- 7 staging canary"
    )


def test_a_promotion_that_a_rule_forbids_is_held(candidate):
    candidate.child("Failed", outcome="refused", reason="Promotions are frozen by ops@example.org")
    done = act_on_verdict(candidate, "promote", "pass", "pass", "pass")
    assert (
        done.returncode == 0 and candidate.output("outcome") == "held" and "frozen by ops" in candidate.output("reason")
    )


@pytest.mark.parametrize(
    "action,verdicts", [("promote", ("pass", "pass", "pass")), ("revert", ("fail", "skipped", "skipped"))]
)
@pytest.mark.parametrize("holder", ["let go", "gone", "in its exit handler"])
def test_without_the_lock_nothing_is_done(candidate, action, verdicts, holder):
    candidate.under_lock("argo/holder/holder-exit" if holder == "in its exit handler" else None)
    if holder == "gone":
        candidate.workflow("holder", None)
    done = act_on_verdict(candidate, action, *verdicts)
    assert done.returncode == 1 and "lock on staging" in candidate.output("reason")
    assert not candidate.created() and not candidate.mlflow.writes


def test_an_mlflow_that_is_unreachable_is_waited_for_by_running_again(candidate):
    candidate.mlflow.stop()
    done = act_on_verdict(candidate, "promote", "pass", "pass", "pass", MLFLOW_PATIENCE_SECONDS="1")
    assert (
        done.returncode == 75
        and done.stderr.startswith("Unavailable: MLflow at ")
        and candidate.output("outcome") is None
    )


def test_an_api_server_that_becomes_unreachable_before_the_child_is_there_is_waited_for_by_running_again(candidate):
    candidate.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "create-refused"))
    done = act_on_verdict(candidate, "revert", "fail", "skipped", "skipped")
    assert done.returncode == 75 and "connection refused" in done.stderr and candidate.output("outcome") is None


def reasons(world):
    """The reasons with which reverts were started."""
    return [
        p["value"]
        for child in world.created()
        for p in child["spec"]["arguments"]["parameters"]
        if p["name"] == "reason"
    ]


def test_a_fail_is_recorded_first_and_a_pass_last(candidate):
    candidate.child()
    for action, verdict in (("revert", "fail"), ("promote", "pass")):
        act_on_verdict(candidate, action, "pass", "pass", verdict)
    keys = [fields["key"] for _, fields in candidate.mlflow.writes if "key" in fields]
    # The second time, two gates have reported the same.
    assert len(keys) == 12 and [place for place, key in enumerate(keys) if key == "staging.verdict"] == [0, 11]


def test_a_pass_makes_its_version_the_last_changed_one_and_keeps_its_description(candidate):
    candidate.mlflow.change("7", at=0)
    candidate.mlflow.descriptions["7"] = "with the new pictures"
    candidate.child()
    assert act_on_verdict(candidate, "promote", "pass", "pass", "pass").returncode == 0
    assert candidate.mlflow.changed["7"][0] == NOW
    assert candidate.mlflow.descriptions["7"] == "with the new pictures"


def test_a_version_without_an_image_is_not_judged(candidate):
    del candidate.mlflow.versions["7"]["image_digest"]
    done = act_on_verdict(candidate, "promote", "pass", "pass", "pass", DIGEST="")
    assert done.returncode == 1 and not candidate.created() and not candidate.mlflow.writes


def test_a_promotion_that_failed_is_broken(candidate):
    candidate.child("Failed", outcome="broken", reason="canary does not run the image")
    done = act_on_verdict(candidate, "promote", "pass", "pass", "pass")
    assert (
        done.returncode == 1
        and candidate.output("outcome") == "broken"
        and "canary does not run the image" in candidate.output("reason")
    )


@pytest.mark.parametrize("said", ["output {1000} {{x}}", "x" * 500])
def test_the_reason_of_a_revert_is_one_that_it_takes(candidate, said):
    candidate.child(outcome="reverted", reason="")
    left = {"verdict": "fail", "decided": "yes", "report": report("integration", "fail", said), "reason": ""}
    act_on_verdict(candidate, "revert", GATES=json.dumps([["integration", "Succeeded", left]]))
    assert re.fullmatch(r"integration: [^{}]{10,387}", reasons(candidate)[0])


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_a_version_that_was_deleted_while_it_was_tested_is_reverted(candidate, verdict):
    del candidate.mlflow.versions["7"]
    candidate.child(outcome="reverted", reason="staging is back on 1.0.5")
    done = act_on_verdict(candidate, "revert", verdict, "skipped", "skipped")
    assert done.returncode == 0, done.stderr
    [child] = candidate.created()
    assert child["spec"]["workflowTemplateRef"]["name"] == "revert-staging"
    assert "version 7 was deleted in MLflow while it was tested" in candidate.output("reason")
