"""How users are split: which share meets a version, and which rules of the route follow from it."""

import json
import re

import pytest

from conftest import digest
from lib import traffic
from lib.inputs import Backend
from lib.last_release import Served
from lib.traffic import Shape, Split

PRODUCTION, CANARY = Backend("production"), Backend("canary")
STEPS = (1, 10, 25, 50)
NOW = 1_000_000
REMOVED = ("RequestHeaderModifier", "", "", '{"remove": ["X-Probe"]}')
TO_PRODUCTION = [Shape((("gourmetgram-production-gateway", 8000, 1, "[]"),), (REMOVED,))]


def served(version):
    return Served(f"1.0.{version}", digest(version))


def begun(version):
    """The split of a version that users meet since now."""
    return Split(f"1.0.{version}", (1,), NOW, digest=digest(version), mark=str(NOW))


BASE = Served("base", digest("b"))


SPLITS = {
    "nothing is known of canary": (None, None, served(6), None),
    "canary has only the base image": (None, BASE, BASE, None),
    "a first version in canary": (None, served(7), BASE, begun(7)),
    "a new version in canary": (Split("1.0.6", (1, 10), 5), served(7), served(5), begun(7)),
    "a new image of the same version in canary": (
        Split("1.0.7", (1, 10), 5, "ill", digest=digest(1)),
        served(7),
        served(6),
        begun(7),
    ),
    "the same image in canary": (
        begun(7)._replace(percents=(1, 10)),
        served(7),
        served(6),
        begun(7)._replace(percents=(1, 10)),
    ),
    "the same version in canary": (Split("1.0.7", (1, 10), 5), served(7), served(6), Split("1.0.7", (1, 10), 5)),
    "production serves it too": (Split("1.0.7", (1, 10, 25), 5), served(7), served(7), None),
    "it was withdrawn": (Split("1.0.7", (1,), 5, "ill"), served(7), served(6), Split("1.0.7", (1,), 5, "ill")),
    "another version after that": (Split("1.0.7", (1,), 5, "ill"), served(8), served(6), begun(8)),
    "canary went back to the base image": (Split("1.0.7", (1,), 5), BASE, served(6), None),
}


@pytest.mark.parametrize("what", SPLITS)
def test_the_split_follows_what_the_environments_serve(what):
    split, canary, production, wanted = SPLITS[what]
    assert traffic.decide(split, canary, production, STEPS, NOW) == wanted


@pytest.mark.parametrize(
    ("percents", "age", "wanted"),
    [
        ((1,), 299, (1,)),
        ((1,), 300, (1, 10)),
        ((1, 10), 10_000, (1, 10, 25)),
        ((1, 10, 25, 50), 10_000, (1, 10, 25, 50)),
        ((30,), 300, (30, 50)),  # from a step that the setting no longer has
    ],
)
def test_each_step_lasts_its_time_and_the_last_one_for_ever(percents, age, wanted):
    split = Split("1.0.7", percents, NOW - age)
    after = traffic.advance(split, STEPS, 300, NOW)
    assert after.percents == wanted
    assert after.since == (split.since if wanted == percents else NOW)


def test_a_version_that_was_withdrawn_comes_back_to_nobody():
    split = Split("1.0.7", (1, 10), 0, "OOMKilled")
    assert traffic.advance(split, STEPS, 300, NOW) == split
    assert split.percent == 0
    assert traffic.shape(traffic.rules(split, PRODUCTION, CANARY, mirror=True)) == TO_PRODUCTION


def test_a_route_has_room_for_all_shares_of_a_split():
    steps = tuple(range(1, 40, 2))
    split = Split("1.0.7", steps[:1], 0)
    for now in range(1, len(steps)):
        split = traffic.advance(split, steps, 1, now)
        # Gateway API: an HTTPRoute has 16 rules at most.
        assert len(traffic.rules(split, PRODUCTION, CANARY)) <= 16
    assert split.percents == steps[-14:]


def test_nobody_meets_a_version_that_is_paused_and_its_share_stays():
    split = Split("1.0.7", (1, 10), 0, paused="Pending")
    assert traffic.advance(split, STEPS, 300, NOW) == split
    assert traffic.shape(traffic.rules(split, PRODUCTION, CANARY, mirror=True)) == TO_PRODUCTION


def shares(rules, cookie, find=re.fullmatch):
    """
    Which share of requests with this cookie each backend gets, by the first rule that matches. `find`: how a gateway
    reads a regular expression, which Gateway API leaves to it: Envoy as all of the header, Traefik as a part of it.
    """
    for rule in rules:
        patterns = [header["value"] for match in rule.get("matches", []) for header in match["headers"]]
        if not patterns or any(find(pattern, cookie) for pattern in patterns):
            weights = {reference["name"]: reference["weight"] for reference in rule["backendRefs"]}
            return {name: weight / sum(weights.values()) for name, weight in weights.items()}
    raise AssertionError(f"no rule matches {cookie!r}")


def canary_share(percents, cookie="", find=re.fullmatch):
    rules = traffic.rules(Split("1.0.7", percents, NOW), PRODUCTION, CANARY)
    return shares(rules, cookie, find).get("gourmetgram-canary-gateway", 0)


@pytest.mark.parametrize("percents", [(1,), (1, 10), (1, 10, 25), (1, 10, 25, 50)])
def test_a_new_user_meets_canary_with_todays_share(percents):
    assert canary_share(percents) == percents[-1] / 100
    assert canary_share(percents, "theme=dark; session=1") == percents[-1] / 100


as_any_gateway = pytest.mark.parametrize("find", [re.fullmatch, re.search])


@as_any_gateway
def test_who_met_the_version_stays_with_it_whatever_other_cookies_he_has(find):
    for cookie in (
        "gourmetgram-version=canary.1.0.7",
        "a=b; gourmetgram-version=canary.1.0.7",
        "a=b;gourmetgram-version=canary.1.0.7; c=d",
    ):
        assert canary_share((1, 10), cookie, find) == 1


@as_any_gateway
def test_who_met_production_stays_with_it_for_todays_step(find):
    assert canary_share((1, 10), "gourmetgram-version=production.1.0.7.10", find) == 0
    assert canary_share((1,), "a=b; gourmetgram-version=production.1.0.7.1; c=d", find) == 0


@as_any_gateway
def test_of_those_who_met_production_before_so_many_are_drawn_that_the_share_of_all_is_todays(find):
    percents = (1, 10, 25, 50)
    for earlier in percents[:-1]:
        drawn = canary_share(percents, f"gourmetgram-version=production.1.0.7.{earlier}", find)
        assert earlier / 100 + (1 - earlier / 100) * drawn == pytest.approx(0.5)


@as_any_gateway
def test_each_cookie_of_production_is_of_one_rule(find):
    rules = traffic.rules(Split("1.0.7", (1, 10), NOW), PRODUCTION, CANARY)
    for cookie in ("production.1.0.7.1", "production.1.0.7.10", "production.1.0.7.100", "canary.1.0.7.1"):
        patterns = [match["headers"][0]["value"] for rule in rules for match in rule.get("matches", [])]
        found = [pattern for pattern in patterns if find(pattern, f"gourmetgram-version={cookie}")]
        assert len(found) == (cookie in ("production.1.0.7.1", "production.1.0.7.10"))


@as_any_gateway
@pytest.mark.parametrize(
    "cookie",
    [
        "gourmetgram-version=canary.1.0.6",  # an earlier version
        "gourmetgram-version=canary.1.0.77",
        "gourmetgram-version=canary.1x0.7",
        "my-gourmetgram-version=canary.1.0.7",
    ],
)
def test_a_cookie_of_another_version_counts_nothing(find, cookie):
    assert canary_share((1, 10), cookie, find) == 0.1


@pytest.mark.parametrize(
    "between",
    [[served(7), served(6)], [served(6), served(6)], [served(8), served(6)], [Served("1.0.7", digest(1)), served(6)]],
    ids=["nothing", "an abort", "another version", "another image of it"],
)
def test_who_met_a_version_is_drawn_anew_when_it_comes_back(between):
    met = traffic.decide(None, served(7), served(6), (10,), NOW)
    left = traffic.decide(met, *between, (10,), NOW + 300)
    again = traffic.decide(left, served(7), served(6), (10,), NOW + 600)
    [answer] = traffic.rules(met, PRODUCTION, CANARY)[-1]["backendRefs"][-1]["filters"]
    cookie = answer["responseHeaderModifier"]["add"][0]["value"].partition(";")[0]
    stays = shares(traffic.rules(again, PRODUCTION, CANARY), cookie)
    assert stays["gourmetgram-canary-gateway"] == (1 if again == met else 0.1)
    assert (again == met) == (between == [served(7), served(6)])


def test_each_answer_of_a_draw_says_who_gave_it():
    last = traffic.rules(Split("1.0.7", (1, 10), NOW), PRODUCTION, CANARY)[-1]
    cookies = [
        reference["filters"][0]["responseHeaderModifier"]["add"][0]["value"] for reference in last["backendRefs"]
    ]
    attributes = "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
    assert cookies == [
        f"gourmetgram-version=production.1.0.7.10{attributes}",
        f"gourmetgram-version=canary.1.0.7{attributes}",
    ]


AS_PEOPLE = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["X-Probe"]}}
CANARY_SERVICE = {"name": "gourmetgram-canary-gateway", "namespace": "gourmetgram-canary", "port": 8000}
COPY = {"type": "RequestMirror", "requestMirror": {"backendRef": CANARY_SERVICE}}


@pytest.mark.parametrize("split", [None, Split("1.0.7", (1,), NOW, "ill"), Split("1.0.7", (1, 10), NOW)])
def test_no_user_of_the_gateway_is_counted_as_the_pipeline(split):
    rules = traffic.rules(split, PRODUCTION, CANARY, mirror=True)
    assert [rule["filters"][0] for rule in rules] == [AS_PEOPLE] * len(rules)


@pytest.mark.parametrize("changed", [[], [{**AS_PEOPLE, "requestHeaderModifier": {"remove": ["Cookie"]}}]])
def test_a_header_that_a_person_lets_through_is_another_shape(changed):
    rules = traffic.rules(Split("1.0.7", (1,), NOW), PRODUCTION, CANARY)
    assert traffic.shape(first(rules, filters=changed)) != traffic.shape(rules)


def test_canary_gets_copies_of_what_may_lead_to_production_and_of_nothing_else():
    split = Split("1.0.7", (1, 10), NOW)
    rules = traffic.rules(split, PRODUCTION, CANARY, mirror=True)
    assert [rule.get("filters") for rule in rules] == [[AS_PEOPLE], *[[AS_PEOPLE, COPY]] * 3]
    plain = traffic.rules(split, PRODUCTION, CANARY)
    assert [{**rule, "filters": None} for rule in rules] == [{**rule, "filters": None} for rule in plain]


@pytest.mark.parametrize("changed", [[], [COPY, COPY], [{**COPY, "requestMirror": {"percent": 5}}]])
def test_copies_that_a_person_changed_are_another_shape(changed):
    rules = traffic.rules(Split("1.0.7", (1,), NOW), PRODUCTION, CANARY, mirror=True)
    shown = [{**rule, "filters": [AS_PEOPLE, *changed]} if COPY in rule["filters"] else rule for rule in rules]
    assert traffic.shape(shown) != traffic.shape(rules)


def first(rules, **changes):
    """The rules, with another first one."""
    return [{**rules[0], **changes}, *rules[1:]]


@pytest.mark.parametrize(
    "change",
    [
        {"matches": []},
        {"matches": [{"path": {"type": "PathPrefix", "value": "/predict"}}]},
        {"backendRefs": [{**CANARY_SERVICE, "port": 80, "weight": 1}]},
    ],
)
def test_requests_and_ports_that_are_not_those_of_the_split_are_another_shape(change):
    rules = traffic.rules(Split("1.0.7", (1,), NOW), PRODUCTION, CANARY)
    assert traffic.shape(first(rules, **change)) != traffic.shape(rules)


def test_a_cookie_that_a_person_changed_is_another_shape():
    rules = traffic.rules(Split("1.0.7", (1,), NOW), PRODUCTION, CANARY)
    shown = json.loads(json.dumps(rules).replace("Max-Age=86400", "Max-Age=1"))
    assert traffic.shape(shown) != traffic.shape(rules)


def test_what_the_api_server_adds_to_a_rule_is_no_other_shape():
    path = {"path": {"type": "PathPrefix", "value": "/"}}
    rules = traffic.rules(Split("1.0.7", (1,), NOW), PRODUCTION, CANARY)
    shown = [
        {
            **rule,
            "matches": [{**path, **match} for match in rule.get("matches", [{}])],
            "backendRefs": [{"group": "", "kind": "Service", **reference} for reference in rule["backendRefs"]],
        }
        for rule in rules
    ]
    assert traffic.shape(shown) == traffic.shape(rules)


def test_what_the_api_server_adds_to_a_copy_is_no_other_shape():
    rules = traffic.rules(Split("1.0.7", (1,), NOW), PRODUCTION, CANARY, mirror=True)
    to = {"group": "", "kind": "Service", **COPY["requestMirror"]["backendRef"]}
    shown = [AS_PEOPLE, {**COPY, "requestMirror": {"backendRef": to}}]
    assert traffic.shape([{**rule, "filters": shown} if COPY in rule["filters"] else rule for rule in rules]) == (
        traffic.shape(rules)
    )


def test_without_a_split_all_meet_production_and_no_cookie_is_set():
    assert traffic.rules(None, PRODUCTION, CANARY) == [
        {
            "filters": [AS_PEOPLE],
            "backendRefs": [
                {
                    "name": "gourmetgram-production-gateway",
                    "namespace": "gourmetgram-production",
                    "port": 8000,
                    "weight": 1,
                }
            ],
        }
    ]


def condition(kind, status, generation=3):
    return {
        "type": kind,
        "status": status,
        "reason": "UnsupportedValue",
        "message": "the filter RequestMirror is not known.",
        "observedGeneration": generation,
    }


def said_of(*conditions):
    """A route in its third state, and what its gateway has said of it."""
    return {"metadata": {"generation": 3}, "status": {"parents": [{"conditions": list(conditions)}]}}


@pytest.mark.parametrize(
    ("kind", "status"), [("Accepted", "False"), ("ResolvedRefs", "False"), ("PartiallyInvalid", "True")]
)
def test_a_route_that_the_gateway_does_not_take_is_refused_with_its_words(kind, status):
    route = said_of(condition("Programmed", "False"), condition(kind, status))
    assert traffic.refusal(route) == (
        f"The gateway does not do what the route gourmetgram says: {kind} is {status}, UnsupportedValue: "
        "the filter RequestMirror is not known"
    )


@pytest.mark.parametrize(
    "route",
    [
        said_of(condition("Accepted", "True"), condition("ResolvedRefs", "True")),
        said_of(condition("Accepted", "Unknown")),
        said_of(condition("Accepted", "False", generation=2)),
        said_of(),
        {"metadata": {}},
    ],
)
def test_a_route_that_it_takes_or_has_not_yet_looked_at_is_not_refused(route):
    assert traffic.refusal(route) == ""


def test_a_gateway_that_says_little_is_quoted_as_far_as_it_goes():
    assert traffic.refusal(said_of({"type": "Accepted", "status": "False"})) == (
        "The gateway does not do what the route gourmetgram says: Accepted is False, no reason"
    )


def route(annotation):
    return {"metadata": {"annotations": {traffic.ANNOTATION: annotation}}}


@pytest.mark.parametrize(
    "split",
    [
        Split("1.0.7", (1, 10), 5),
        Split("1.0.7", (50,), 5, "OOMKilled"),
        Split("1.0.7", (1,), 5, paused="Pending"),
        Split("1.0.7", (1,), 5, "", "", "pass, 431 requests", 110, (("Egg", 2), ("Rice", 1)), (("memory", 2),), 108),
        Split("1.0.7", (1,), 5, copies=340, copies_differing=(("Egg", 2),), copies_until=900),
        Split("1.0.7", (1,), 5, digest=digest(7), mark="5"),
        Split("1.0.7", (1,), 5, measured=(("memory", 2),), measured_at=(("memory", 900),)),
        Split("1.0.7", (1,), 5, probes=11, counted=28),
    ],
)
def test_the_route_holds_the_split(split):
    annotation = traffic.patch(split, PRODUCTION, CANARY, "12")["metadata"]["annotations"][traffic.ANNOTATION]
    assert traffic.read(route(annotation)) == split


def test_a_split_from_before_there_was_an_analysis_stays_readable():
    text = '{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"","paused":""}'
    assert traffic.read(route(text)) == Split("1.0.7", (1,), 5)


def test_a_split_from_before_there_were_copies_has_compared_its_probes():
    text = '{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"","paused":"","probes":11,"differing":[["Egg",2]]}'
    split = Split("1.0.7", (1,), 5, probes=11, differing=(("Egg", 2),), paired=11, counted=11)
    assert traffic.read(route(text)) == split


@pytest.mark.parametrize("is_again,cookie", [("false", "canary.1.0.7"), ("true", "canary.1.0.7-77777777")])
def test_a_split_from_before_there_were_marks_keeps_its_users(is_again, cookie):
    text = '{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"","paused":"","digest":"%s","is_again":%s}'
    rules = traffic.rules(traffic.read(route(text % (digest(7), is_again))), PRODUCTION, CANARY)
    assert shares(rules, f"gourmetgram-version={cookie}") == {"gourmetgram-canary-gateway": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        '{"version":"1.0.7"}',
        '{"version":"latest","percents":[1],"since":5,"withdrawn":"","paused":""}',
        '{"version":"1.0.7","percents":[100],"since":5,"withdrawn":"","paused":""}',
        '{"version":"1.0.7","percents":[0],"since":5,"withdrawn":"","paused":""}',
        '{"version":7,"percents":[1],"since":5,"withdrawn":"","paused":""}',
        '{"version":"1.0.7","percents":[],"since":5,"withdrawn":"","paused":""}',
        '{"version":"1.0.7","percents":[10,1],"since":5,"withdrawn":"","paused":""}',
        '{"version":"1.0.7","percents":[Infinity],"since":5,"withdrawn":"","paused":""}',
        '{"version":"1.0.7","percents":[1],"since":5,"withdrawn":null,"paused":""}',
        '{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"","paused":"","digest":"latest"}',
        '{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"","paused":"","mark":".*"}',
        '{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"","paused":"","mark":5}',
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_what_a_person_wrote_there_is_no_split(text):
    assert traffic.read(route(text)) is None


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (None, "All users meet live"),
        (Split("1.0.7", (1, 10), 5), "10 % of the users meet 1.0.7 in preview"),
        (Split("1.0.7", (1,), 5, "OOMKilled"), "No user meets 1.0.7 in preview any more: OOMKilled"),
        (Split("1.0.7", (1,), 5, paused="Pending"), "No user meets 1.0.7 in preview for the time being: Pending"),
    ],
)
def test_the_sentence_names_the_environments_of_the_stack(split, said):
    assert traffic.sentence(split, Backend("preview"), Backend("live")) == said


def test_a_change_names_what_it_changes_so_that_no_other_change_is_lost():
    assert traffic.patch(None, PRODUCTION, CANARY, "12")["metadata"] == {
        "annotations": {traffic.ANNOTATION: None},
        "resourceVersion": "12",
    }
