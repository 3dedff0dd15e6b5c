"""The look at canary's figures: which share follows from them, and which pictures the pipeline sends by itself."""

import json
import math
import re
import time
from urllib.parse import parse_qs, urlparse

import pytest

from conftest import pod, says
from lib import answers, gateway, inputs, prometheus, traffic
from lib.traffic import Split
from servers import Server
from test_copies import copy, told, user
from test_shift_traffic import SETTINGS, freeze, has_route, only_pods, takes_changes, without, written
from test_shift_traffic import canary as canary_world

canary = canary_world
BARS = {
    "minimumRequests": 100,
    "confidencePercent": 95,
    "success": {"minPercent": 95, "dryRun": False},
    "p95": {"maxMs": 2000, "dryRun": False},
    "confidence": {"maxDrop": 0.15, "dryRun": False},
    "classes": {"maxDifference": 0.2, "dryRun": False},
    "metrics": {},
}
MEMORY = {"query": 'memory{v="{version}",e="{environment}"}', "atMost": 200, "failureLimit": 1, "dryRun": False}


class Prometheus(Server):
    """
    Speaks the API of queries. `requests` and `errors` by model version; `error`: the status of those; `polls`: how
    often `/version` was asked besides; `own`: the number of every other query. `users`: how many of its predictions by
    version were of users, if not all; `dish`: what they send. `own_answer`: what every other query gets instead of a
    number.
    """

    def __init__(self):
        self.requests, self.errors, self.own, self.queries = {}, {}, 100.0, []
        self.error, self.users, self.dish = "503", {}, ""
        self.whole_answer, self.own_answer, self.polls = None, None, 0
        super().__init__()

    def answer(self, _method, path, _body):
        text = parse_qs(urlparse(path).query)["query"][0]
        self.queries.append(text)
        is_own = not re.search("http_request|predict", text)
        return self.whole_answer or (is_own and self.own_answer) or (200, self.vector(text).encode())

    def vector(self, text):
        version = re.search(r'model_version="([^"]+)"', text)
        total = self.requests.get(version[1], 0) if version else 0
        failed = self.errors.get(version[1], 0) if version else 0
        if "http_request" in text and 'path=~"/predict|/test"' not in text:
            total += self.polls
        is_of_users = 'probe=~"false|copy"' in text
        if version and version[1] in self.users and "predict" in text and 'probe=~".*"' not in text:
            total = self.users[version[1]] if is_of_users else total - self.users[version[1]]
        if "http_requests_total" in text:
            found = [({"status": "200"}, total - failed), ({"status": self.error}, failed)]
        elif "duration" in text:
            found = [({"le": "2.0"}, total), ({"le": "+Inf"}, total)]
        elif "confidence_bucket" in text:
            found = [({"le": "0.7"}, 0), ({"le": "0.8"}, total), ({"le": "+Inf"}, total)]
        elif "confidence_sum" in text:
            found = [({}, 0.75 * total)]
        elif "class" in text and is_of_users and self.dish:
            found = [({"class_name": self.dish}, total)]
        elif "class" in text:
            found = [({"class_name": name}, total / 4) for name in ("Egg", "Rice", "Soup", "Meat")]
        else:
            found = [({}, self.own)]
        result = [{"metric": labels, "value": [1.5, str(number)]} for labels, number in found]
        return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.fixture
def server():
    server = Prometheus()
    server.requests = {"1.0.7": 400, "1.0.6": 400}
    yield server
    server.stop()


def shift(world, server, url=None, **bars):
    given = {"TRAFFIC": json.dumps(SETTINGS), "ANALYSIS": json.dumps({**BARS, **bars})}
    return world.run("shift_traffic", PROMETHEUS_URL=url or server.url, **given)


def long_ago(**fields):
    return Split("1.0.7", (1,), int(time.time()) - 61, **fields)


def looks_once(world, split):
    has_route(world, split)
    takes_changes(world)


def test_figures_that_pass_lead_to_the_next_share_and_are_told(canary, server):
    looks_once(canary, long_ago())
    done = shift(canary, server)
    assert done.returncode == 0, done.stderr
    [split] = written(canary)
    assert split["percents"] == [1, 50]
    assert split["analysis"].startswith("pass, 400 requests, success 100 %, p95 < 2 s")
    assert done.stdout.splitlines()[-1].startswith("50 % of the users meet 1.0.7 in canary. Analysis: pass, 400")


def test_a_stack_of_an_earlier_release_is_judged_too(canary, server):
    server.errors["1.0.7"] = 60
    looks_once(canary, long_ago())
    settings = {**SETTINGS, "analysis": BARS}
    canary.run("shift_traffic", TRAFFIC=json.dumps(settings), PROMETHEUS_URL=server.url)
    assert written(canary)[0]["withdrawn"].startswith("success 85 % of 400")


def test_a_share_lasts_its_time_whatever_its_figures_are(canary, server):
    freeze(canary)
    looks_once(canary, Split("1.0.7", (1,), int(time.time())))
    shift(canary, server)
    assert [split["percents"] for split in written(canary)] == [[1]]


def test_figures_beyond_a_bar_take_its_users_away_and_the_reason_has_value_and_bar(canary, server):
    server.errors["1.0.7"] = 60
    looks_once(canary, long_ago())
    done = shift(canary, server)
    assert done.returncode == 0, done.stderr
    [split] = written(canary)
    assert split["percents"] == [1]
    assert re.match(r"success 85 % of 400, between .* %, the bar is 95 %", split["withdrawn"])
    assert (canary.out / "withdrawn").read_text() == "yes"


def test_the_pipelines_pictures_are_not_compared_with_those_of_users(canary, server):
    # Production's users all send soup. Canary has hardly any, and the pipeline's pictures, which are of all classes.
    server.users, server.dish = {"1.0.7": 4, "1.0.6": 300}, "Soup"
    server.requests = {"1.0.7": 120, "1.0.6": 416}
    looks_once(canary, long_ago())
    done = shift(canary, server)
    assert done.returncode == 0, done.stderr
    [split] = written(canary)
    assert (split["withdrawn"], split["percents"]) == ("", [1, 50])
    assert "classes differ by at most 0 %" in split["analysis"]


def test_users_pictures_are_compared_where_both_have_enough(canary, server):
    server.users, server.dish = {"1.0.7": 200, "1.0.6": 300}, "Soup"
    looks_once(canary, long_ago())
    shift(canary, server)
    assert [split["percents"] for split in written(canary)] == [[1, 50]]
    assert not any('probe=~"true"' in query for query in server.queries)


def test_a_freeze_keeps_no_user_at_a_version_whose_figures_fail(canary, server):
    server.errors["1.0.7"] = 400
    freeze(canary)
    looks_once(canary, long_ago())
    shift(canary, server)
    assert written(canary)[0]["withdrawn"]


def test_a_freeze_holds_the_share_whatever_its_figures_are(canary, server):
    freeze(canary)
    looks_once(canary, long_ago())
    shift(canary, server)
    [split] = written(canary)
    assert split["percents"] == [1] and split["analysis"].startswith("pass, 400 requests")


def test_too_few_requests_hold_the_share(canary, server):
    server.requests["1.0.7"] = 17
    freeze(canary)
    looks_once(canary, long_ago())
    done = shift(canary, server)
    assert done.returncode == 0, done.stderr
    [split] = written(canary)
    assert (split["percents"], split["withdrawn"], split["probes"]) == ([1], "", 0)
    assert split["analysis"] == "inconclusive: 17 of 100 requests: no verdict yet"


def test_who_asks_for_the_version_alone_makes_no_verdict(canary, server):
    server.requests["1.0.7"], server.polls = 17, 100
    assert look(canary, server).analysis == "inconclusive: 17 of 100 requests: no verdict yet"


def test_who_asks_for_the_version_alone_hides_no_errors(canary, server):
    server.errors["1.0.7"], server.polls = 60, 4000
    assert look(canary, server).withdrawn.startswith("success 85 % of 400, ")


def inconclusive(server):
    server.errors["1.0.7"] = 20


def away(server):
    server.whole_answer = (503, b"starting")


def nonsense(server):
    server.whole_answer = (200, b'{"status":"success","data":{}}')


@pytest.mark.parametrize("state", [inconclusive, away, nonsense])
def test_the_share_stays_while_there_is_no_verdict(canary, server, state):
    state(server)
    split = look(canary, server)
    assert (split.percents, split.withdrawn) == ((1,), "") and split.analysis.startswith("inconclusive: ")


def look(world, server, split=None, mirror=False, **bars):
    """One look at canary, in this process: a share that stays would be looked at for ever."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world.environment_of_a_step().items():
            patch.setenv(name, value)
        patch.setenv("TRAFFIC", json.dumps({**SETTINGS, "mirror": mirror}))
        patch.setenv("ANALYSIS", json.dumps({**BARS, **bars}))
        patch.setenv("PROMETHEUS_URL", server.url if server else "")
        canary, production = (gateway.released(name) for name in ("canary", "production"))
        return gateway.watched(inputs.traffic(), split or long_ago(), canary, production.served, int(time.time()))


def test_a_prometheus_that_is_away_is_told_once(canary, server):
    away(server)
    split = look(canary, server, look(canary, server))
    assert split.percents == (1,)
    assert [reason for reason, _ in canary.events()] == ["AnalysisWithoutFigures"]


def test_without_monitoring_time_alone_decides(canary):
    looks_once(canary, long_ago())
    done = canary.run("shift_traffic", TRAFFIC=json.dumps(SETTINGS), ANALYSIS=json.dumps(BARS))
    assert done.returncode == 0, done.stderr
    assert [(split["percents"], split["analysis"]) for split in written(canary)] == [([1, 50], "")]


def test_pictures_are_sent_where_users_send_too_few_and_the_same_to_both(canary, server):
    server.requests["1.0.7"] = 17
    canary.app.paths["/predict"] = [(200, '{"class":"Egg"}'), (200, '{"class":"Rice"}')] * 2 + [
        (200, '{"class":"Soup"}')
    ]
    split = look(canary, server)
    assert (split.percents, split.probes, split.differing, split.paired) == ((1,), 11, (("Egg", 2),), 11)
    probes = [probe for path, probe in canary.app.asked if path == "/predict"]
    assert probes == ["analysis"] * 22
    again = look(canary, server, split)
    assert again.analysis.endswith("disagrees with production on 2 of 11 pictures of the pipeline: Egg 2")


def test_no_more_pictures_are_sent_than_requests_are_needed_for_each_share(canary, server):
    server.requests["1.0.7"] = 17
    canary.app.paths["/predict"] = (200, '{"class":"Egg"}')
    split = look(canary, server, long_ago(probes=95))
    assert split.probes == 100
    assert look(canary, server, split).probes == 100
    assert len([path for path, _ in canary.app.asked if path == "/predict"]) == 10
    assert look(canary, server, split._replace(percents=(1, 10))).probes == 111


@pytest.mark.parametrize("how,events", [("not-found", ["FreezeGone"]), ("refused", [])])
def test_a_freeze_that_cannot_be_looked_up_holds_the_share_and_what_was_found_is_kept(canary, server, how, events):
    without(canary, "configmaps")
    call = ["configmaps", "promotion-freeze", "--namespace", "argo", "--output", "json"]
    canary.allow("kubectl", "get", *call, **says("kubectl", how))
    server.own = 300.0
    looks_once(canary, long_ago())
    assert shift(canary, server, metrics={"memory": {**MEMORY, "failureLimit": 3}}).returncode == 0
    [split] = written(canary)
    assert (split["percents"], split["failures"]) == ([1], [["memory", 1]])
    assert [reason for reason, _ in canary.events()] == events


def used_up(**fields):
    """A split whose probes have all been sent, and whose figures have counted as many answers of canary."""
    return long_ago(probes=100, counted=117, **fields)


@pytest.mark.parametrize("version", ["1.0.7", "1.0.6"])
def test_pictures_are_sent_anew_where_the_figures_have_lost_those_of_before(canary, server, version):
    server.requests[version] = 0
    canary.app.paths["/predict"] = (200, '{"class":"Egg"}')
    split = look(canary, server, used_up())
    assert (split.probes, split.counted) == (11, 0)
    server.requests[version] = 11
    assert look(canary, server, split).probes == 22


@pytest.mark.parametrize("counted", [117, 106, float("nan")])
def test_pictures_are_not_sent_anew_for_a_figure_that_goes_up_and_down(canary, server, counted):
    server.requests["1.0.7"] = counted
    split = look(canary, server, used_up())
    assert (split.probes, split.counted) == (100, 117)


def test_a_split_from_before_that_was_counted_has_counted_its_probes(canary, server):
    text = '{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"","paused":"","probes":100}'
    server.requests["1.0.7"] = 0
    canary.app.paths["/predict"] = (200, '{"class":"Egg"}')
    found = traffic.read({"metadata": {"annotations": {traffic.ANNOTATION: text}}})
    assert look(canary, server, found).probes == 11


@pytest.mark.parametrize("answer", [(503, "busy"), (200, "no JSON"), (200, '{"class":"Pizza"}'), (200, "[]")])
def test_a_picture_without_a_class_is_no_disagreement(canary, server, answer):
    server.requests["1.0.7"] = 17
    canary.app.paths["/predict"] = [answer, (200, '{"class":"Egg"}')]
    split = look(canary, server)
    assert (split.probes, split.differing, split.paired) == (11, (), 10)


def mirrored(world, monkeypatch, canary_class="Meat"):
    """One user's request was copied to canary; one app stands for the pods of both."""
    world.app.paths["/answers"] = [
        (200, told("1.0.7", copy("a", canary_class, 1.0))),
        (200, told("1.0.6", user("a", "Soup", 1.0))),
    ]
    monkeypatch.setattr(answers, "addresses", lambda _: [world.app.url])


def test_a_look_says_on_how_many_users_pictures_canary_disagrees(canary, server, monkeypatch):
    mirrored(canary, monkeypatch)
    split = look(canary, server, mirror=True)
    assert split.percents == (1, 50)
    assert split.analysis.startswith("pass, 400 requests, ")
    assert split.analysis.endswith("; disagrees with production on 1 of 1 users' pictures: Meat 1")


def test_a_look_without_monitoring_says_it_too(canary, monkeypatch):
    mirrored(canary, monkeypatch)
    split = look(canary, None, mirror=True)
    assert split.analysis == "disagrees with production on 1 of 1 users' pictures: Meat 1"


def test_a_metric_of_the_stacks_own_is_asked_for_this_version(canary, server):
    server.own = 300.0
    split = look(canary, server, metrics={"memory": MEMORY})
    assert 'memory{v="1.0.7",e="canary"}' in server.queries
    assert split.withdrawn == "memory 300, the bar is at most 200"


def test_a_metric_counts_its_failures_over_several_looks(canary, server):
    server.own = 300.0
    metrics = {"memory": {**MEMORY, "failureLimit": 2}}
    first = look(canary, server, metrics=metrics)
    assert (first.percents, first.withdrawn, first.failures) == ((1,), "", (("memory", 1),))
    assert look(canary, server, first, metrics=metrics).withdrawn


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        (400, '1:12: parse error: unexpected "}"'),
        (422, "found duplicate series for the match group {} on the right hand-side of the operation"),
    ],
    ids=["400", "422"],
)
def test_a_metric_whose_query_prometheus_refuses_holds_the_share_and_says_why(canary, server, status, complaint):
    said = {"status": "error", "errorType": "bad_data", "error": complaint}
    server.own_answer = (status, json.dumps(said).encode())
    split = look(canary, server, metrics={"memory": MEMORY})
    assert (split.percents, split.withdrawn, split.failures) == ((1,), "", ())
    refused = f"inconclusive: memory: Prometheus refuses a query with status {status}: {complaint}"
    assert split.analysis == refused
    server.own_answer = None
    assert look(canary, server, split, metrics={"memory": MEMORY}).percents == (1, 50)


def test_a_metric_with_an_interval_is_not_measured_at_each_look(canary, server):
    metrics = {"memory": {**MEMORY, "intervalSeconds": 3600}}
    first = look(canary, server, metrics=metrics)
    assert "memory 100" in first.analysis and [name for name, _ in first.measured_at] == ["memory"]
    server.queries.clear()
    again = first._replace(percents=(1,), since=5)
    assert re.search(r"memory was good \d+ s ago", look(canary, server, again, metrics=metrics).analysis)
    assert [query for query in server.queries if "memory" in query] == []
    later = again._replace(measured_at=(("memory", int(time.time()) - 3601),))
    assert "memory 100" in look(canary, server, later, metrics=metrics).analysis


def test_a_share_lasts_until_a_metric_was_measured_often_enough_at_it(canary, server):
    metrics = {"memory": {**MEMORY, "count": 2}}
    first = look(canary, server, metrics=metrics)
    assert (first.percents, first.measured) == ((1,), (("memory", 1),))
    assert first.analysis == "inconclusive: memory 100, measured 1 of 2 times at this share"
    second = look(canary, server, first, metrics=metrics)
    assert (second.percents, second.measured) == ((1, 50), (("memory", 2),))
    at_next_share = second._replace(percents=(1,), since=second.since)
    assert look(canary, server, at_next_share, metrics=metrics).measured == (("memory", 1),)


def crashed(canary, restarts):
    only_pods(canary, pod(7, "crash-recovered", restarts=restarts))


def test_a_container_may_end_as_often_as_the_stack_allows(canary, server):
    crashed(canary, 2)
    split = look(canary, server, restarts={"most": 2, "dryRun": False})
    assert (split.percents, split.withdrawn) == ((1, 50), "")
    assert "the container ended 2 times" in split.analysis and "the bar is 2 ends" in split.analysis


@pytest.mark.parametrize(("restarts", "most"), [(3, 2), (1, 0)])
def test_users_leave_a_version_whose_container_ended_more_often(canary, server, restarts, most):
    crashed(canary, restarts)
    assert look(canary, server, restarts={"most": most, "dryRun": False}).withdrawn.startswith("the container ended")


@pytest.mark.parametrize("is_monitored", [True, False])
def test_a_dry_run_of_the_restarts_is_said_and_decides_nothing(canary, server, is_monitored):
    crashed(canary, 3)
    split = look(canary, server if is_monitored else None, restarts={"most": 0, "dryRun": True})
    assert (split.percents, split.withdrawn) == ((1, 50), "")
    assert "dry run of restarts: fail, the container ended 3 times" in split.analysis


def test_a_dry_run_of_a_metric_is_said_and_decides_nothing(canary, server):
    server.own = 300.0
    split = look(canary, server, metrics={"memory": {**MEMORY, "dryRun": True}})
    assert (split.percents, split.withdrawn) == ((1, 50), "")
    assert "dry run of memory: fail, memory 300, the bar is at most 200" in split.analysis


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, b"starting"), "status 503 and no result"),
        ((400, b'{"status":"error","error":"parse error"}'), "refuses a query with status 400: parse error"),
        ((200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}'), "answers a query with a matrix"),
        ((200, b"[]"), "no result of a query"),
        ((None, b""), "gives no answer"),
    ],
)
def test_what_is_no_answer_is_told(server, answer, said):
    server.whole_answer = answer
    with pytest.raises(prometheus.NoFigures, match=re.escape(said)):
        prometheus.query(server.url, "up")


@pytest.mark.parametrize(
    ("result", "wanted"),
    [([], None), ([5.0], 5.0), ([5.0, 6.0], None), ([math.nan], None), ([math.inf], None)],
)
def test_one_number_is_a_value(server, result, wanted):
    series = [{"metric": {}, "value": [1, str(number)]} for number in result]
    data = {"resultType": "vector", "result": series}
    server.whole_answer = (200, json.dumps({"status": "success", "data": data}).encode())
    assert prometheus.value(server.url, "up") == wanted


UNCLEAR = [
    {"minimumRequests": 0},
    {"confidencePercent": 100},
    {"success": {}},
    {"metrics": []},
    {"metrics": {"memory": {**MEMORY, "count": 0}}},
    {"metrics": {"memory": {**MEMORY, "intervalSeconds": -1}}},
    {"restarts": {"most": -1, "dryRun": False}},
]


@pytest.mark.parametrize("bars", UNCLEAR)
def test_bars_that_say_nothing_are_refused(canary, server, bars):
    done = shift(canary, server, **bars)
    assert done.returncode == 2 and "does not say how figures are judged: run pulumi up." in done.stderr
