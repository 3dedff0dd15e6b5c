"""Copies of users' requests: what canary answered to them beside production's answers, and what is said of it."""

import json
import socket

import pytest

from lib import answers, copies, disagreement
from lib.copies import Answer
from lib.inputs import Backend, Traffic
from lib.last_release import Served
from lib.traffic import Split
from servers import App

SETTINGS = Traffic(Backend("production"), Backend("canary"), (1, 50), 60, mirror=True)
PRODUCTION = Served("1.0.6", "sha256:" + "6" * 64)
NOW = 1000
SPLIT = Split("1.0.7", (1,), 5)


def user(request, name="Soup", at=900.0):
    return Answer(at, request, False, name)


def copy(request, name="Soup", at=900.0):
    return Answer(at, request, True, name)


def compare(canary, production, after=800, until=985):
    count, differing = copies.compare(canary, production, after, until)
    return count, dict(differing)


def test_a_copy_is_compared_with_the_request_of_its_id_and_counts_by_canarys_class():
    canary = [copy("a", "Soup"), copy("b", "Meat"), copy("c", "Meat")]
    production = [user("a", "Soup"), user("b", "Rice"), user("c", "Soup"), user("d", "Egg")]
    assert compare(canary, production) == (3, {"Meat": 2})


@pytest.mark.parametrize(
    ("canary", "production"),
    [
        ([copy("a")], [user("b")]),  # production has forgotten it, or it was drawn for canary
        ([user("a")], [user("a")]),  # canary's own user
        ([copy("a")], [copy("a")]),
        ([copy("")], [user("")]),  # of a client that came without the gateway
        ([copy("a"), copy("a")], [user("a")]),
        ([copy("a")], [user("a"), user("a", "Meat")]),
        ([copy("a", at=800.0)], [user("a")]),  # was counted at the last look
        ([copy("a", at=985.5)], [user("a")]),  # production may not have answered yet
    ],
)
def test_what_has_no_original_of_its_own_is_not_compared(canary, production):
    assert compare(canary, production) == (0, {})


def told(version, *given):
    listed = [{"at": a.at, "request": a.request, "copy": a.is_copy, "class": a.name, "confidence": 1} for a in given]
    return json.dumps({"model_version": version, "environment": "canary", "answers": listed})


def whole(text, version):
    return copies.whole(answers.parse(text, version))


def test_an_answer_is_what_a_pod_of_the_version_told():
    assert whole(told("1.0.7", copy("a"), user("b", "Meat")), "1.0.7") == [copy("a"), user("b", "Meat")]
    assert whole(told("1.0.6", copy("a")), "1.0.7") == []


@pytest.mark.parametrize(
    "changed",
    [
        {"class": "Pizza"},
        {"class": ["Soup"]},
        {"at": "900"},
        {"at": float("inf")},
        {"request": 5},
        {"copy": "yes"},
        {"copy": None},
    ],
)
def test_an_answer_that_is_none_is_left_out(changed):
    said = json.loads(told("1.0.7", copy("a"), copy("b")))
    said["answers"][0] |= changed
    assert whole(json.dumps(said), "1.0.7") == [copy("b")]


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON", '{"model_version":"1.0.7","answers":[5]}', "[" * 100_000])
def test_what_tells_no_answers_is_none(text):
    assert whole(text, "1.0.7") == []


@pytest.fixture
def pods(monkeypatch):
    """Two pods of canary and one of production, by their environment."""
    found = {"canary": [App(), App()], "production": [App()]}
    monkeypatch.setattr(answers, "addresses", lambda environment: [pod.url for pod in found[environment]])
    yield found
    for pod in [*found["canary"], *found["production"]]:
        pod.stop()


def tells(pod, version, *given):
    pod.paths["/answers"] = (200, told(version, *given))


def test_a_look_adds_what_is_new_of_all_pods_and_counts_no_request_twice(pods):
    tells(pods["canary"][0], "1.0.7", copy("a", "Meat"), copy("b"))
    tells(pods["canary"][1], "1.0.7", copy("c", "Meat"), copy("late", "Meat", NOW - 5.0))
    tells(pods["production"][0], "1.0.6", user("a"), user("b"), user("c"), user("late"))
    first = copies.counted(SETTINGS, SPLIT, PRODUCTION, NOW)
    assert first == SPLIT._replace(copies=3, copies_differing=(("Meat", 2),), copies_until=NOW - copies.SETTLED)
    assert copies.counted(SETTINGS, first, PRODUCTION, NOW) == first
    later = copies.counted(SETTINGS, first, PRODUCTION, NOW + 10)
    assert (later.copies, later.copies_differing) == (4, (("Meat", 3),))


def test_a_pod_that_cannot_be_asked_is_no_error_and_hides_no_other(pods):
    pods["canary"][0].paths["/answers"] = (None, "")
    tells(pods["canary"][1], "1.0.7", copy("a"))
    tells(pods["production"][0], "1.0.6", user("a"))
    assert copies.counted(SETTINGS, SPLIT, PRODUCTION, NOW).copies == 1


@pytest.mark.parametrize("answer", [(404, "not found"), (None, ""), (200, "no JSON")])
def test_copies_wait_for_a_production_that_tells_nothing(pods, answer):
    tells(pods["canary"][0], "1.0.7", copy("a"))
    pods["production"][0].paths["/answers"] = answer
    assert copies.counted(SETTINGS, SPLIT, PRODUCTION, NOW) == SPLIT


@pytest.mark.parametrize(
    ("settings", "production"), [(SETTINGS._replace(mirror=False), PRODUCTION), (SETTINGS, Served("base", "sha256:b"))]
)
def test_nobody_is_asked_where_there_is_nothing_to_compare(pods, settings, production):
    assert copies.counted(settings, SPLIT, production, NOW) == SPLIT
    assert [pod.asked for listed in pods.values() for pod in listed] == [[], [], []]


def test_each_ready_pod_is_asked_at_its_own_address(monkeypatch):
    def resolved(host, port, type):
        assert (host, port) == ("gourmetgram-canary-metrics.gourmetgram-canary.svc.cluster.local", 9100)
        address = [(socket.AF_INET, "10.0.0.2"), (socket.AF_INET, "10.0.0.1"), (socket.AF_INET6, "fd00::1")]
        return [(family, type, 6, "", (host, port)) for family, host in [*address, address[0]]]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    found = answers.addresses("canary")
    assert found == ["http://10.0.0.1:9100", "http://10.0.0.2:9100", "http://[fd00::1]:9100"]


def test_a_name_that_leads_nowhere_has_no_pods(monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert answers.addresses("canary") == []


MANY = tuple((name, 1) for name in ("Bread", "Egg", "Meat", "Rice", "Seafood", "Soup"))


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (SPLIT, ""),
        (SPLIT._replace(probes=11), ""),  # production serves no model
        (
            SPLIT._replace(copies=340, copies_differing=(("Meat", 5), ("Soup", 7))),
            "disagrees with production on 12 of 340 users' pictures: Soup 7, Meat 5",
        ),
        (SPLIT._replace(copies=340), "disagrees with production on 0 of 340 users' pictures"),
        (
            SPLIT._replace(copies=9, probes=12, paired=11, differing=(("Egg", 2),)),
            "disagrees with production on 0 of 9 users' pictures; on 2 of 11 pictures of the pipeline: Egg 2",
        ),
        (
            SPLIT._replace(copies=9, copies_differing=MANY),
            "disagrees with production on 6 of 9 users' pictures: Bread 1, Egg 1, Meat 1, Rice 1, Seafood 1, others 1",
        ),
    ],
)
def test_what_is_said(split, words):
    assert disagreement.words(split) == words


def test_the_record_has_the_share_and_all_classes_of_each_kind_of_pictures():
    split = SPLIT._replace(copies=9, copies_differing=MANY, probes=12, paired=11)
    assert json.loads(disagreement.record(split)) == {
        "sentence": disagreement.words(split),
        "copies": {"compared": 9, "differing": dict(MANY)},
        "probes": {"compared": 11, "differing": {}},
    }
    assert disagreement.record(SPLIT) == ""
