"""Hostile values at every entry: refused with one sentence, exit code 2, and not one call made."""

import pytest

from conftest import digest
from lib import inputs
from lib.errors import InvalidInput

HOSTILE = [
    "1; rm -rf /",
    "../../x",
    "$(id)",
    "`id`",
    "1\n2",
    "1\r\n",
    "1 ",
    " 1",
    "-1",
    "0",
    "00",
    "1.0",
    "1e3",
    "0x1",
    "9" * 10,
    "9" * 10_000,
    "\u0661",
    "\uff11",
    "kube-system",
    "{{workflow.name}}",
    "1' || 'a' == 'a",
    "--all",
    "",
    "null",
]

ENTRIES = {  # script: (its good values, the values to attack)
    "run_training": ({}, ["SCENARIO"]),
    "build_image": ({"MODEL_VERSION": "7"}, ["MODEL_VERSION", "SOURCE_COMMIT"]),
    "deploy": ({"ENVIRONMENT": "staging", "MODEL_VERSION": "7"}, ["ENVIRONMENT", "MODEL_VERSION", "DIGEST"]),
    "run_gate": ({"GATE": "load", "MODEL_VERSION": "7"}, ["GATE", "MODEL_VERSION", "DIGEST"]),
    "act_on_verdict": ({"MODEL_VERSION": "7", "ACTION": "promote"}, ["MODEL_VERSION", "DIGEST", "ACTION"]),
    "exit_handler": ({}, ["MODEL_VERSION"]),
    "promote": (
        {"SOURCE_ENVIRONMENT": "staging", "TARGET_ENVIRONMENT": "canary", "MODEL_VERSION": "7"},
        ["SOURCE_ENVIRONMENT", "TARGET_ENVIRONMENT", "MODEL_VERSION", "REMOTE_ENVIRONMENTS"],
    ),
    "restore": ({}, ["TARGET_ENVIRONMENT", "ENVIRONMENTS", "REMOTE_ENVIRONMENTS"]),
    "revert": ({}, ["FAILED_VERSION"]),
    "start_workflow": (
        {"TEMPLATE": "test-staging", "WAIT": "yes", "MODEL_VERSION": "7"},
        ["TEMPLATE", "MODEL_VERSION", "DIGEST", "WAIT"],
    ),
}
OPTIONAL = {"DIGEST", "FAILED_VERSION", "SOURCE_COMMIT"}
ATTACKS = [(script, name) for script, (_, names) in ENTRIES.items() for name in names]


@pytest.mark.parametrize("script,name", ATTACKS)
@pytest.mark.parametrize("value", ["$(id); rm -rf /\n2", "\u0661" + "9" * 10_000])
def test_refused_by_the_script(world, script, name, value):
    done = world.run(script, **{**ENTRIES[script][0], name: value})
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Invalid input: ") and done.stderr.count("\n") == 1 and len(done.stderr) < 300
    assert done.stderr.isascii() and f"Invalid input: {world.output('reason')}\n" == done.stderr
    assert not world.calls("kubectl") and not world.calls("crane") and not world.mlflow.writes


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("check", ["version", "digest", "environment", "scenario", "image"])
def test_refused_by_the_check(monkeypatch, check, value):
    monkeypatch.setattr(inputs, "_given", lambda _: value)
    with pytest.raises(InvalidInput) as refusal:
        getattr(inputs, check)("X")
    assert len(str(refusal.value)) < 250 and "\n" not in str(refusal.value)


@pytest.mark.parametrize("value", ["7", "1", "999999999"])
def test_good_versions(monkeypatch, value):
    monkeypatch.setattr(inputs, "_given", lambda _: value)
    assert inputs.version() == value


@pytest.mark.parametrize(
    "pair",
    [
        ("staging", "production"),
        ("production", "canary"),
        ("canary", "staging"),
        ("staging", "staging"),
        ("canary", "canary"),
    ],
)
def test_no_other_way_up(world, pair):
    done = world.run("promote", SOURCE_ENVIRONMENT=pair[0], TARGET_ENVIRONMENT=pair[1], MODEL_VERSION="7")
    assert done.returncode == 2 and "from staging to canary and from canary to production" in done.stderr


@pytest.mark.parametrize("value", ["{{workflow.failures}}", "a\nb", "x" * 501, "\x1b[31m"])
def test_reason_for_the_record(world, value):
    assert world.run("revert", FAILED_VERSION="7", REASON=value).returncode == 2


def test_digest_of_another_image_is_refused(world):
    world.mlflow.add(7, image_digest=digest(7))
    world.current_workflow()
    done = world.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7", DIGEST=digest(8))
    assert done.returncode == 1 and "not sha256:888" in done.stderr and not world.patches()


@pytest.mark.parametrize(
    "value",
    ["", "1e3", "0x10", "10\n", "10;id", "-10", "nan", "inf", "1_0", "\u0661\u0660", "10.", "4", "301", "9" * 400],
)
def test_a_number_is_a_number_within_its_bounds(monkeypatch, value):
    monkeypatch.setenv("X", value)
    with pytest.raises(InvalidInput, match=r"^X .* is not a number from 5 to 300\.$"):
        inputs.number("X", 5, 300)
