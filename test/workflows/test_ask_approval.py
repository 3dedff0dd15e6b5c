"""ask_approval.py and promote.py: people decide, about exactly what they were shown, and all of it is on record."""

import json
import time

import pytest

from conftest import digest, pod, says
from lib import approval, release_statement, signing_keys, statement
from lib.approval import Decision, Response, Subject
from lib.inputs import Rule
from lib.instant import timestamp
from test_promote import BASE, promote

RULES = json.dumps({"production": {"minimum": 2, "expirySeconds": 3600}})
FIGURES = {"load.p95Ms": 110.5, "load.successPercent": 100}
SUBJECT = Subject("production", "7", digest(7), FIGURES)
GET = ["get", "approvals.gourmetgram.io", "parent", "--namespace", "argo"]


def request(*responses, expires=3600.0, phase=None, **spec):
    """A request as the API server has it, which expires in some seconds."""
    workflow = {"metadata": {"name": "parent", "namespace": "argo", "uid": "uid-1"}}
    found = approval.manifest(workflow, SUBJECT, Rule(2, 3600), "anna", "", time.time() - 3600 + expires)
    found["spec"] |= {"responses": [Response(*response)._asdict() for response in responses], **spec}
    return found | ({"status": {"phase": phase}} if phase else {})


ANNA, BEN, CARL = (("anna", "approve", ""), ("ben", "approve", "looks good"), ("carl", "approve", "fine"))
DORA = ("dora", "reject", "too many soups")


@pytest.mark.parametrize(
    "responses, expires, decision",
    [
        ((), 60, Decision("Waiting")),
        ((BEN,), 60, Decision("Waiting")),
        ((BEN, CARL), 60, Decision("Approved", "ben and carl approved the promotion of 1.0.7 to production.")),
        ((BEN, CARL), -60, Decision("Approved", "ben and carl approved the promotion of 1.0.7 to production.")),
        ((DORA,), 60, Decision("Rejected", "dora rejected the promotion of 1.0.7 to production: too many soups")),
        (
            (BEN, CARL, DORA),
            60,
            Decision("Rejected", "dora rejected the promotion of 1.0.7 to production: too many soups"),
        ),
    ],
)
def test_people_decide(responses, expires, decision):
    assert approval.decide(request(*responses, expires=expires), time.time()) == decision


def test_a_request_expires():
    found = request(BEN, expires=-60)
    assert approval.decide(found, time.time()) == (
        "Expired",
        "1 of 2 people had approved the promotion of 1.0.7 to production when the request expired at "
        f"{found['spec']['expiresAt']}: ask again.",
    )


@pytest.mark.parametrize(
    "subject, rule, reason",
    [
        (SUBJECT, Rule(2, 60), None),
        (SUBJECT, Rule(1, 60), None),
        (SUBJECT._replace(target="canary"), Rule(2, 60), "it is for 1.0.7 in production"),
        (SUBJECT._replace(version="8"), Rule(2, 60), "it is for 1.0.7 in production"),
        (
            SUBJECT._replace(digest=digest(8)),
            Rule(2, 60),
            f"it is for {digest(7)}, and the version's image is {digest(8)} now",
        ),
        (
            SUBJECT._replace(figures=FIGURES | {"load.p95Ms": 900.0}),
            Rule(2, 60),
            "load.p95Ms was 110.5 when it was asked for, and is 900.0 now",
        ),
        (
            SUBJECT._replace(figures=FIGURES | {"integration.answers": 1}),
            Rule(2, 60),
            "integration.answers was unknown when it was asked for, and is 1 now",
        ),
        (SUBJECT, Rule(3, 60), "it asked for 2 people, and 3 have to approve now"),
    ],
)
def test_an_approval_is_for_exactly_what_was_shown(subject, rule, reason):
    assert approval.void_reason(request(BEN, CARL), subject, rule) == reason


@pytest.fixture
def asked(world):
    load = {"gate": "load", "verdict": "pass", "metrics": {"p95Ms": 110.5, "successPercent": 100}}
    world.mlflow.add(
        7, gate__load=json.dumps(load), image_digest=digest(7), staging__verdict="pass", staging__digest=digest(7)
    )
    world.current_workflow(annotations={"gourmetgram.io/submitted-by": "anna"})
    world.frozen()
    world.registry_has(7)
    world.passes(7, p95Ms=110.5, successPercent=100)
    world.source("canary", pod(7))
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    world.allow("kubectl", "patch", "approvals.gourmetgram.io", "parent", *["*"] * 10)
    return world


def ask(world, *seen, **env):
    """The request is there from now on, and the watch sees these states of it, or sees it deleted (None)."""
    for state in seen:
        world.allow(
            "kubectl", *GET, "--output", "json", **({"stdout": state} if state else says("kubectl", "not-found"))
        )
    events = [json.dumps({"type": "MODIFIED" if state else "DELETED", "object": state or seen[0]}) for state in seen]
    stream = [(0 if number == 0 else 0.1, event) for number, event in enumerate(events)]
    watch = ["--output", "json", "--watch", "--output-watch-events"]
    world.allow("kubectl", *GET, *watch, stream=stream, hold=True)
    names = {"SOURCE_ENVIRONMENT": "canary", "TARGET_ENVIRONMENT": "production", "MODEL_VERSION": "7"}
    return world.run("ask_approval", **{"APPROVAL": RULES, **names, **env})


def closed(world):
    """What the request was closed with."""
    return [
        json.loads(call["args"][-1])["status"]
        for call in world.calls("kubectl", "patch")
        if "--subresource" in call["args"]
    ]


def records(world):
    return [
        (record["action"], record["outcome"], record["requested_by"], record["reason"], record["status"])
        for record in world.mlflow.releases()
    ]


def test_waits_until_enough_people_approve_and_records_each(asked):
    first = request()
    done = ask(asked, first, request(BEN), request(BEN, CARL))
    assert done.returncode == 0, done.stderr
    until = first["spec"]["expiresAt"]
    assert records(asked) == [
        ("ask", "asked", "anna", f"Waits for the approval of 2 people until {until}.", "FINISHED"),
        ("approve", "approved", "ben", "looks good", "FINISHED"),
        ("approve", "approved", "carl", "fine", "FINISHED"),
    ]
    assert [status["phase"] for status in closed(asked)] == ["Approved"]
    assert asked.output("outcome") is None, "the promotion is still to come"


def test_asks_for_what_would_be_promoted(asked):
    asked.allow("kubectl", *GET, "--output", "json", **says("kubectl", "not-found"))
    done = ask(asked, request(BEN, CARL))
    assert done.returncode == 0, done.stderr
    [created] = asked.created()
    assert created["metadata"]["name"] == "parent" and created["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    spec = created["spec"]
    assert (spec["target"], spec["version"], spec["digest"], spec["figures"]) == (
        "production",
        "1.0.7",
        digest(7),
        FIGURES,
    )
    assert (spec["requestedBy"], spec["minimum"], spec["responses"]) == ("anna", 2, [])
    assert spec["expiresAt"] <= timestamp(time.time() + 3600)


@pytest.mark.parametrize(
    "labels, name, asker",
    [
        ({}, "müller@example.org", "müller@example.org"),
        ({}, "system:serviceaccount:people:" + "n" * 200, "system:serviceaccount:people:" + "n" * 200),
        ({"gourmetgram.io/parent": "p", "gourmetgram.io/pipeline-run": "train-1"}, "", "pipeline run train-1"),
    ],
)
def test_who_asks_is_named_as_the_api_server_knows_them(asked, labels, name, asker):
    asked.current_workflow(labels, {"gourmetgram.io/submitted-by": name} if name else {})
    asked.allow("kubectl", *GET, "--output", "json", **says("kubectl", "not-found"))
    done = ask(asked, request(BEN, CARL))
    assert done.returncode == 0, done.stderr
    [created] = asked.created()
    assert created["spec"]["requestedBy"] == asker


@pytest.mark.parametrize(
    "annotations, labels, reason",
    [
        ({}, {}, "Nobody knows who asks for this promotion: ask with npm run promote."),
        (
            {},
            {"workflows.argoproj.io/creator": "anna"},
            "Nobody knows who asks for this promotion: ask with npm run promote.",
        ),
        (
            {"gourmetgram.io/submitted-by": "n" * 254},
            {},
            "The name of who asks has 254 characters, and at most 253 can be compared.",
        ),
    ],
)
def test_nobody_asks_whom_the_api_server_could_not_keep_from_approving(asked, annotations, labels, reason):
    asked.current_workflow(labels, annotations)
    asked.allow("kubectl", *GET, "--output", "json", **says("kubectl", "not-found"))
    done = ask(asked)
    assert done.returncode == 1 and not asked.created()
    assert (asked.output("outcome"), asked.output("reason")) == ("refused", reason)


def test_two_people_stay_two_in_the_record(asked):
    people = [("m\u00e4ller", "approve", ""), ("m\u00f6ller", "approve", "")]
    assert ask(asked, request(), request(*people)).returncode == 0
    recorded = [record[2] for record in records(asked) if record[0] == "approve"]
    assert len(set(recorded)) == 2 and all(name.startswith("m?ller (") for name in recorded)


def test_who_rejects_ends_it(asked):
    done = ask(asked, request(), request(BEN, DORA))
    assert done.returncode == 1
    sentence = "dora rejected the promotion of 1.0.7 to production: too many soups"
    assert (asked.output("outcome"), asked.output("reason")) == ("refused", sentence)
    assert closed(asked) == [{"phase": "Rejected", "reason": sentence}]
    assert ("reject", "rejected", "dora", "too many soups", "FINISHED") in records(asked)


def test_nobody_answers(asked):
    done = ask(asked, request(expires=1))
    assert done.returncode == 1 and asked.output("outcome") == "refused"
    assert "0 of 2 people had approved the promotion of 1.0.7 to production" in asked.output("reason")
    assert [status["phase"] for status in closed(asked)] == ["Expired"]
    assert [record[0] for record in records(asked)] == ["ask", "expire"]


def test_a_watch_that_ends_before_the_request_expires_is_no_decision(asked, monkeypatch):
    from steps import ask_approval

    waiting = request(expires=8)
    asked.allow("kubectl", *GET, "--output", "json", stdout=waiting)
    asked.allow("kubectl", *GET, "--output", "json", "--watch", "--output-watch-events", hold=True)
    for name, value in asked.environment_of_a_step().items():
        monkeypatch.setenv(name, value)
    real = time.time

    def clock():
        """It is set back by three seconds while the step watches: a busy machine takes some of them to look again."""
        watched = any("--watch" in call["args"] for call in asked.calls("kubectl"))
        return real() + (0 if watched else 3)

    monkeypatch.setattr(time, "time", clock)
    decision = ask_approval.wait("parent", "7")
    assert decision.phase == "Expired" and decision.sentence.startswith("0 of 2 people had approved")
    assert ["--watch" in call["args"] for call in asked.calls("kubectl")].count(True) == 2


def test_a_request_that_is_deleted_is_no_approval(asked):
    done = ask(asked, request(), None)
    assert done.returncode == 1
    assert asked.output("reason") == "The request parent was deleted before people had decided: ask again."


def test_a_step_that_runs_again_asks_and_records_once(asked):
    assert ask(asked, request(BEN, CARL)).returncode == 0
    before = records(asked)
    assert ask(asked, request(BEN, CARL)).returncode == 0
    assert records(asked) == before and not asked.created()


def test_what_a_rule_forbids_is_not_asked_for(asked):
    asked.mlflow.versions["7"]["staging.verdict"] = "fail"
    asked.allow("kubectl", *GET, "--output", "json", **says("kubectl", "not-found"))
    done = ask(asked, request())
    assert done.returncode == 1 and "not passed staging" in asked.output("reason") and not asked.created()


CLOSED = json.dumps(
    [
        {
            "name": "always",
            "kind": "deny",
            "environments": ["production"],
            "schedule": "* * * * *",
            "minutes": 60,
            "zone": "UTC",
            "description": "exams",
        }
    ]
)


def test_the_calendar_forbids_it_and_names_the_way_round(asked):
    done = promote(asked, "canary", "production", packages=True, WINDOWS=CLOSED, APPROVAL=RULES)
    assert done.returncode == 1 and asked.output("outcome") == "refused"
    assert asked.output("reason") == (
        "Promotions to production are closed by the window always (exams). No opening is in sight. In an emergency, "
        'which is recorded and needs an approval: npm run promote -- 7 canary production --emergency "<why>"'
    )


def test_without_approvals_the_calendar_has_no_way_round(asked):
    done = promote(asked, "canary", "production", packages=True, WINDOWS=CLOSED)
    assert done.returncode == 1 and asked.output("reason").endswith("No opening is in sight.")
    done = promote(asked, "canary", "production", packages=True, WINDOWS=CLOSED, EMERGENCY="production is down")
    assert done.returncode == 1 and asked.output("reason") == (
        "Nobody approves promotions to production, so there is no emergency way round the calendar: "
        "write pipeline.approval.production, or promote without an emergency."
    )


@pytest.fixture
def promotable(asked):
    asked.mlflow.add(6, image_digest=digest(6), staging__verdict="pass", staging__digest=digest(6))
    asked.mlflow.aliases.update(canary="7", production="6")
    asked.app.serves(7)
    repository = BASE.partition("@")[0]
    asked.allow("crane", "tag", f"{repository}@{digest(7)}", "production-1.0.7", **says("crane", "tag"))
    asked.application("production", 6)
    asked.patchable("production")
    asked.pods_watched("production", (0, "ADDED", pod(7)))
    return asked


def approved(world, found, **env):
    answer = {"stdout": found} if found else says("kubectl", "not-found")
    world.allow("kubectl", *GET, "--output", "json", **answer)
    return promote(world, "canary", "production", APPROVAL=RULES, **env)


def test_promotes_what_people_approved(promotable):
    done = approved(promotable, request(BEN, CARL, phase="Approved"))
    assert done.returncode == 0, done.stderr
    assert promotable.held() == ["1.0.7"]
    keys = {signing_keys.key_id(key): key for key in [promotable.keys.key("release").public_key()]}
    signed = statement.read(promotable.attestations(digest(7))[-1], keys, release_statement.PREDICATE)
    assert signed.subject.sha256 == digest(7)[7:]
    approvals = [{"user": user, "message": message} for user, _, message in (BEN, CARL)]
    about = {"environment": "production", "version": "1.0.7", "workflow": "parent", "requestedBy": "anna"}
    assert signed.predicate == about | {"approvals": approvals, "at": signed.predicate["at"]}


def test_promotes_in_an_emergency_and_says_so(promotable):
    done = approved(promotable, request(BEN, CARL), packages=True, WINDOWS=CLOSED, EMERGENCY="production is down")
    assert done.returncode == 0, done.stderr
    assert promotable.output("reason") == "production serves 1.0.7, in an emergency: production is down"


@pytest.mark.parametrize(
    "found, reason",
    [
        (None, "Nobody approved a promotion to production: parent has no request any more."),
        (request(BEN, DORA), "dora rejected the promotion of 1.0.7 to production: too many soups"),
        (
            request(BEN, CARL, digest=digest(6)),
            f"The approval is void, since it is for {digest(6)}, and the version's image is {digest(7)} now: "
            "ask again.",
        ),
    ],
)
def test_promotes_nothing_that_people_did_not_approve(promotable, found, reason):
    done = approved(promotable, found)
    assert done.returncode == 1 and promotable.output("outcome") == "refused"
    assert promotable.output("reason") == reason and not promotable.patches()
    assert [status["phase"] for status in closed(promotable)] == (["Void"] if "void" in reason else [])


def test_one_person_is_not_two(promotable):
    done = approved(promotable, request(BEN))
    assert done.returncode == 1 and "1 of 2 people had approved" in promotable.output("reason")
    assert not promotable.patches()
