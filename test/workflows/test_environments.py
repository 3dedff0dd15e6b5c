"""A stack with a fourth environment: the order of promotion comes with ENVIRONMENTS, and from nowhere else."""

import json

import pytest

from conftest import BASE, act_on_verdict, digest, pod, says
from lib import inputs

FOUR = ("staging", "shadow", "canary", "production")


def promote(world, source, target, **env):
    return world.run(
        "promote",
        SOURCE_ENVIRONMENT=source,
        TARGET_ENVIRONMENT=target,
        MODEL_VERSION="7",
        ENVIRONMENTS=world.environments(*FOUR),
        **env,
    )


@pytest.fixture
def passed(world):
    world.mlflow.add(7, image_digest=digest(7), staging__verdict="pass", staging__digest=digest(7))
    world.registry_has(7)
    world.passes(7)
    world.mlflow.aliases["staging"] = "7"
    world.app.serves(7)
    world.current_workflow()
    world.frozen()
    world.allow("crane", "tag", "*", "*")
    return world


def promotable(world, source, target):
    world.application(target)
    world.source(source, pod(7))
    world.patchable(target)
    world.pods_watched(target, (0, "ADDED", pod(7)))


@pytest.mark.parametrize("source,target", [("staging", "shadow"), ("shadow", "canary"), ("canary", "production")])
def test_promotes_to_the_next_one(passed, source, target):
    promotable(passed, source, target)
    done = promote(passed, source, target)
    assert done.returncode == 0, done.stderr
    assert passed.mlflow.aliases[target] == "7" and passed.output("reason") == f"{target} serves 1.0.7"


@pytest.mark.parametrize(
    "source,target", [("staging", "canary"), ("shadow", "production"), ("canary", "shadow"), ("shadow", "shadow")]
)
def test_and_to_no_other(passed, source, target):
    done = promote(passed, source, target)
    ways = "from staging to shadow and from shadow to canary and from canary to production"
    assert (
        done.returncode == 2 and done.stderr == f"Invalid input: A model goes {ways}, not from {source} to {target}.\n"
    )
    assert not passed.patches()


def test_soaks_in_every_environment_but_staging(passed):
    promotable(passed, "shadow", "canary")
    done = promote(passed, "shadow", "canary", MINIMUM_SOAK_MINUTES="60")
    assert (
        done.returncode == 1
        and passed.output("reason")
        == "shadow has to run version 7 for 60.0 more minutes before it can be promoted: promote it then."
    )


def test_staging_needs_no_soak(passed):
    promotable(passed, "staging", "shadow")
    assert promote(passed, "staging", "shadow", MINIMUM_SOAK_MINUTES="60").returncode == 0


def test_what_passed_goes_to_the_environment_after_staging(passed):
    passed.child(outcome="promoted", reason="")
    assert (
        act_on_verdict(passed, "promote", "pass", "pass", "pass", ENVIRONMENTS=passed.environments(*FOUR)).returncode
        == 0
    )
    parameters = {one["name"]: one["value"] for one in passed.created()[0]["spec"]["arguments"]["parameters"]}
    assert parameters == {"source-environment": "staging", "target-environment": "shadow", "model-version": "7"}
    assert passed.output("reason") == "shadow serves 1.0.7"


def test_what_passed_is_held_where_there_is_no_other_environment(passed):
    done = act_on_verdict(passed, "promote", "pass", "pass", "pass", ENVIRONMENTS=passed.environments("staging"))
    assert done.returncode == 0 and not passed.created() and passed.output("outcome") == "held"
    assert passed.output("reason") == "1.0.7 passed staging, and this stack has no environment to promote it to"


def test_restores_every_one_that_models_are_promoted_to(world):
    world.mlflow.add(6)
    for name in FOUR[1:]:
        world.mlflow.served(name, "1.0.6", digest(6))
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    world.mlflow.aliases.update({name: "6" for name in FOUR[1:]})
    world.app.serves(6)
    world.current_workflow()
    for name, runs in (("shadow", 7), ("canary", 6), ("production", 6)):
        world.application(name, runs, held=6)
    world.registry_has(6)
    world.patchable("shadow")
    world.pods_watched("shadow", (0, "ADDED", pod(6)))
    for name in ("canary", "production"):
        world.pods_listed(name, pod(6))
    done = world.run("restore", ENVIRONMENTS=world.environments(*FOUR))
    assert done.returncode == 0, done.stderr
    assert world.output("restored") == "shadow is back on 1.0.6"
    assert world.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(6)}"]]


MALFORMED = [
    "staging,canary",
    "[]",
    "{}",
    "null",
    "7",
    '["staging"]',
    '{"canary": "http://canary:1"}',
    '{"staging": 8081}',
    '{"staging": null}',
    '{"staging": "file:///etc/passwd"}',
    '{"staging": "http://a:1/b"}',
    '{"staging": "http://a:1", "Canary": "http://b:1"}',
    '{"staging": "http://a:1", "../x": "http://b:1"}',
    '{"staging": "http://a:1", "": "http://b:1"}',
    "[" * 10_000,
]


@pytest.mark.parametrize("value", MALFORMED)
def test_malformed_environments_are_refused(world, value):
    done = promote_with(world, value)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not world.calls("kubectl")
    assert done.stderr.startswith("Invalid input: ENVIRONMENTS ") and done.stderr.endswith(
        " is no JSON object of environments with their URLs, staging first: run pulumi up.\n"
    )


def promote_with(world, environments):
    return world.run(
        "promote",
        SOURCE_ENVIRONMENT="staging",
        TARGET_ENVIRONMENT="canary",
        MODEL_VERSION="7",
        ENVIRONMENTS=environments,
    )


@pytest.mark.parametrize(
    "value",
    [
        "canary",
        "null",
        "7",
        '"canary"',
        '{"canary": true}',
        "[7]",
        '["canary", null]',
        '["Canary"]',
        '["shadow"]',
        "[" * 10_000,
    ],
)
@pytest.mark.parametrize("script", ["promote", "restore"])
def test_malformed_remote_environments_are_refused(world, script, value):
    given = {"SOURCE_ENVIRONMENT": "staging", "TARGET_ENVIRONMENT": "canary", "MODEL_VERSION": "7"}
    done = world.run(script, REMOTE_ENVIRONMENTS=value, **given)
    assert (
        done.returncode == 2
        and done.stderr.count("\n") == 1
        and not world.calls("kubectl")
        and not world.mlflow.releases()
    )
    assert done.stderr.startswith("Invalid input: REMOTE_ENVIRONMENTS ") and done.stderr.endswith(
        " is no JSON list of environments: run pulumi up.\n"
    )


@pytest.mark.parametrize(
    "value,expected", [("", []), ("[]", []), ('["canary", "production"]', ["canary", "production"])]
)
def test_remote_environments_are_those_of_the_stack(monkeypatch, value, expected):
    monkeypatch.setenv("REMOTE_ENVIRONMENTS", value)
    assert inputs.remote_environments() == expected


def test_by_hand_they_are_those_of_the_document(monkeypatch):
    monkeypatch.delenv("ENVIRONMENTS", raising=False)
    monkeypatch.delenv("REMOTE_ENVIRONMENTS", raising=False)
    assert inputs.promotions() == [("staging", "canary"), ("canary", "production")]
    assert (
        inputs.service_url("production") == "http://gourmetgram-production.gourmetgram-production.svc.cluster.local:80"
    )
    monkeypatch.setenv("ENVIRONMENTS", json.dumps({"staging": "http://other:9"}))
    assert inputs.service_url("staging") == "http://other:9"
