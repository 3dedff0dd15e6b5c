"""shift_traffic.py: a new version in canary meets more and more users, and one that is ill meets none."""

import json
import time

import pytest

from conftest import BASE, digest, passed, pod, says
from lib import gateway, inputs, traffic
from lib.inputs import Backend, Traffic
from lib.traffic import Split
from steps import shift_traffic

PRODUCTION, CANARY = Backend("production"), Backend("canary")
ROUTE = ["httproutes.gateway.networking.k8s.io", "gourmetgram", "--namespace", "gourmetgram-gateway"]
SETTINGS = {
    "production": PRODUCTION._asdict(),
    "canary": CANARY._asdict(),
    "steps": [1, 50],
    "pauseSeconds": 60,
}


def has_route(world, split, rules=None, conditions=()):
    """
    The route as the API server shows it: with the defaults that it adds to every backend. `conditions`: what the
    gateway says of it.
    """
    shown = [
        {**rule, "backendRefs": [{"group": "", "kind": "Service", **one} for one in rule["backendRefs"]]}
        for rule in (traffic.rules(split, PRODUCTION, CANARY) if rules is None else rules)
    ]
    annotations = traffic.patch(split, PRODUCTION, CANARY, "12")["metadata"]["annotations"] if split else {}
    metadata = {"name": "gourmetgram", "resourceVersion": "12", "annotations": annotations}
    status = {"parents": [{"conditions": list(conditions)}]} if conditions else {}
    whole = {"metadata": metadata, "spec": {"rules": shown}, "status": status}
    world.allow("kubectl", "get", *ROUTE, "--output", "json", stdout=whole)


def route_becomes(world, split, rules=None):
    """The route is another one from now on."""
    call = ["get", *ROUTE, "--output", "json"]
    world.rules["kubectl"] = [rule for rule in world.rules["kubectl"] if rule["args"] != call]
    has_route(world, split, rules)


def takes_changes(world, **answer):
    how = ["--type", "merge", "--field-manager", "promotion-pipeline", "--patch", "*"]
    world.allow("kubectl", "patch", *ROUTE, *how, **answer)


def written(world):
    """The splits that were written, in order; None for none."""
    patches = [json.loads(call["args"][-1]) for call in world.calls("kubectl", "patch")]
    texts = [patch["metadata"]["annotations"][traffic.ANNOTATION] for patch in patches]
    return [json.loads(text) if text else None for text in texts]


def has_no_route(world):
    world.allow("kubectl", "get", *ROUTE, "--output", "json", **says("kubectl", "not-found"))


def shift(world, settings=SETTINGS):
    return world.run("shift_traffic", TRAFFIC=json.dumps(settings) if settings else "")


@pytest.fixture
def canary(world):
    """Version 7 in canary, 6 in production, no freeze, and Events can be written."""
    world.application("canary", 7, held=7)
    world.application("production", 6, held=6)
    world.pods_listed("canary", pod(7))
    world.frozen()
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    return world


def test_a_stack_without_a_gateway_has_nothing_to_shift(world):
    done = shift(world, settings=None)
    assert (done.returncode, done.stdout) == (0, "This stack has no gateway.\n")


def test_a_version_meets_its_next_share_once_the_last_one_has_lasted(canary):
    has_route(canary, Split("1.0.7", (1,), int(time.time()) - 61))
    takes_changes(canary)
    done = shift(canary)
    assert done.returncode == 0, done.stderr
    assert [split["percents"] for split in written(canary)] == [[1, 50]]
    assert done.stdout.splitlines()[-1] == "50 % of the users meet 1.0.7 in canary."


def test_a_new_version_meets_its_first_share(canary):
    has_route(canary, Split("1.0.5", (1, 50), 5))
    takes_changes(canary)
    done = shift(canary, {**SETTINGS, "steps": [50]})
    assert done.returncode == 0, done.stderr
    assert [(split["version"], split["percents"]) for split in written(canary)] == [("1.0.7", [50])]


def test_a_withdrawn_version_that_another_one_took_the_place_of_loses_its_pass(canary):
    canary.mlflow.add(5, **passed(5))
    has_route(canary, Split("1.0.5", (1, 50), 5, "OOMKilled"))
    takes_changes(canary)
    done = shift(canary, {**SETTINGS, "steps": [50]})
    assert done.returncode == 0, done.stderr
    assert [split["version"] for split in written(canary)] == ["1.0.7"]
    tags = canary.mlflow.versions["5"]
    assert (tags["staging.verdict"], tags["staging.reason"]) == ("withdrawn", "OOMKilled")


def test_the_split_is_kept_until_the_registry_has_taken_the_signature(canary):
    canary.mlflow.add(5, **passed(5))
    canary.registry_has(5)
    index = ["crane", "manifest", f"{BASE.partition('@')[0]}:{digest(5).replace(':', '-')}"]
    canary.allow(*index, **says("crane", "refused"))
    has_route(canary, Split("1.0.5", (1, 50), 5, "OOMKilled", digest=digest(5)))
    takes_changes(canary)
    given = {"TRAFFIC": json.dumps(SETTINGS), "SIGNING_KEY": str(canary.keys.private("release"))}
    assert canary.run("shift_traffic", **given).returncode == 75 and written(canary) == []
    assert canary.mlflow.versions["5"]["staging.verdict"] == "withdrawn"
    canary.rules["crane"].pop()
    assert canary.run("shift_traffic", **given).returncode == 0
    assert (len(canary.attestations(digest(5))), len(written(canary))) == (1, 1)


def test_a_withdrawn_image_that_another_one_of_its_version_took_the_place_of_loses_its_pass(canary):
    canary.mlflow.add(7, **passed(7))
    canary.registry_has(5)
    has_route(canary, Split("1.0.7", (1, 50), 5, "OOMKilled", digest=digest(5)))
    takes_changes(canary)
    done = canary.run("shift_traffic", TRAFFIC=json.dumps(SETTINGS), SIGNING_KEY=str(canary.keys.private("release")))
    assert done.returncode == 0, done.stderr
    assert (len(canary.attestations(digest(5))), canary.attestations(digest(7))) == (1, [])
    assert canary.mlflow.versions["7"]["staging.verdict"] == "pass"


def test_the_split_is_kept_until_mlflow_has_taken_that(canary):
    canary.mlflow.add(5, **passed(5))
    canary.mlflow.fail_on("set-tag")
    has_route(canary, Split("1.0.5", (1, 50), 5, "OOMKilled"))
    given = {"TRAFFIC": json.dumps(SETTINGS), "MLFLOW_PATIENCE_SECONDS": "1"}
    assert canary.run("shift_traffic", **given).returncode == 75 and written(canary) == []


def test_a_withdrawn_version_that_production_serves_keeps_its_pass(world):
    world.mlflow.add(7, **passed(7))
    world.application("canary", 7, held=7)
    world.application("production", 7, held=7)
    has_route(world, Split("1.0.7", (1, 50), 5, "OOMKilled"))
    takes_changes(world)
    assert shift(world).returncode == 0
    assert written(world) == [None] and world.mlflow.versions["7"]["staging.verdict"] == "pass"


def test_the_last_share_lasts_until_a_person_promotes(canary):
    has_route(canary, Split("1.0.7", (1, 50), 5))
    done = shift(canary)
    assert (done.returncode, written(canary)) == (0, [])


def test_no_user_meets_a_version_that_runs_out_of_memory(canary):
    only_pods(canary, pod(7, "oom-looping"))
    has_route(canary, Split("1.0.7", (1,), 5))
    takes_changes(canary)
    done = shift(canary)
    assert done.returncode == 0, done.stderr
    [split] = written(canary)
    assert split["withdrawn"].startswith("OOMKilled: the model needs more than the memory limit")
    rules = json.loads(canary.calls("kubectl", "patch")[0]["args"][-1])["spec"]["rules"]
    assert rules == traffic.rules(None, PRODUCTION, CANARY)
    [(reason, message)] = canary.events()
    assert reason == "TrafficWithdrawn" and message.startswith("No user meets 1.0.7 in canary any more: OOMKilled")


def test_users_keep_a_version_whose_node_restarted_however_often(canary):
    restarted = pod(7, "crash-recovered", restarts=3)
    restarted["status"]["containerStatuses"][0]["lastState"]["terminated"].update(reason="Unknown", exitCode=255)
    only_pods(canary, restarted)
    has_route(canary, Split("1.0.7", (1, 50), 5))
    done = shift(canary)
    assert (done.returncode, written(canary)) == (0, [])


def test_an_end_that_the_node_no_longer_knows_is_a_crash(canary):
    only_pods(canary, pod(7, restarts=1))
    has_route(canary, Split("1.0.7", (1, 50), 5))
    takes_changes(canary)
    assert shift(canary).returncode == 0
    [split] = written(canary)
    assert split["withdrawn"] == "the container ended 1 time, and its node no longer knows how"


def only_pods(canary, *pods):
    without(canary, "pods")
    canary.pods_listed("canary", *pods)


def freeze(canary):
    """Promotions are frozen."""
    without(canary, "configmaps")
    canary.frozen(who="anna", since="today", why="exams")


def without(canary, kind):
    canary.rules["kubectl"] = [rule for rule in canary.rules["kubectl"] if rule["args"][1] != kind]


@pytest.mark.parametrize("state", ["unschedulable", "starting"])
def test_no_user_meets_a_version_without_a_ready_pod_for_the_time_being(canary, state):
    only_pods(canary, pod(7, state))
    has_route(canary, Split("1.0.7", (1, 50), 5))
    takes_changes(canary)
    freeze(canary)
    done = shift(canary)
    assert done.returncode == 0, done.stderr
    [split] = written(canary)
    assert (split["withdrawn"], split["percents"]) == ("", [1, 50]) and split["paused"]


def test_one_ready_pod_of_several_is_enough(canary):
    only_pods(canary, pod(7), pod(7, "starting", name="pod-7-other"))
    has_route(canary, Split("1.0.7", (1, 50), 5))
    done = shift(canary)
    assert (done.returncode, written(canary)) == (0, [])


def test_users_meet_it_again_once_a_pod_is_ready_and_the_share_lasts_its_time_anew(canary):
    has_route(canary, Split("1.0.7", (1, 50), 5, paused="Pending"))
    takes_changes(canary)
    done = shift(canary)
    assert done.returncode == 0, done.stderr
    [split] = written(canary)
    assert (split["paused"], split["percents"]) == ("", [1, 50]) and split["since"] > time.time() - 60


def test_a_freeze_holds_the_share(canary):
    freeze(canary)
    has_route(canary, Split("1.0.7", (1,), 5))
    done = shift(canary)
    assert (done.returncode, written(canary)) == (0, [])
    assert done.stdout == "1 % of the users meet 1.0.7 in canary.\n"


def watches(monkeypatch, *splits, seconds=6600.0, written=dict):
    """
    Watches for so many seconds, of which none really pass. Each look comes to the next of the splits. `written`: gives
    the settings of each moment.
    """
    left, now = list(splits), [0.0]

    def look(_settings, watch):
        assert watch
        return left.pop(0) if len(left) > 1 else left[0]

    def sleep(duration):
        now[0] += duration

    monkeypatch.setattr(gateway, "put_right", look)
    last = shift_traffic.follow(SHIFTED, seconds, written, lambda: now[0], sleep)
    return last, now[0]


SHIFTED = Traffic(PRODUCTION, CANARY, (50,), 60)
LARGEST = Split("1.0.7", (50,), 5)
WITHDRAWN = LARGEST._replace(withdrawn="OOMKilled")


@pytest.mark.parametrize("left", [None, WITHDRAWN])
def test_it_watches_at_the_largest_share_too_until_no_version_is_left(monkeypatch, left):
    assert watches(monkeypatch, LARGEST, LARGEST, LARGEST, left) == (left, 30)


def test_it_ends_when_the_settings_have_changed_so_that_the_next_watch_goes_by_them(monkeypatch, tmp_path, capsys):
    """As Kubernetes writes a ConfigMap: its files are links into a folder that is changed as a whole."""

    def mounted(number, traffic):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "traffic").write_text(traffic)
        (tmp_path / "..new").symlink_to(f"..{number}")
        (tmp_path / "..new").rename(tmp_path / "..data")

    mounted(1, "1 %")
    (tmp_path / "traffic").symlink_to("..data/traffic")
    moments = iter([lambda: None, lambda: mounted(2, "1 %"), lambda: mounted(3, "10 %")])

    def written():
        next(moments)()
        return shift_traffic.written_settings(tmp_path)

    assert watches(monkeypatch, LARGEST, written=written) == (LARGEST, 20)
    assert capsys.readouterr().out == "The stack's settings have changed: the next watch goes by them.\n"


def test_a_setting_that_goes_while_it_is_read_is_a_change(tmp_path):
    (tmp_path / "traffic").symlink_to(tmp_path / "gone")
    (tmp_path / "analysis").write_text("{}")
    assert shift_traffic.written_settings(tmp_path) == {}


def test_run_by_hand_it_has_no_settings_that_could_change(tmp_path):
    assert shift_traffic.written_settings(tmp_path / "none") == {}


def test_a_version_that_waits_for_a_pod_is_watched(monkeypatch):
    assert watches(monkeypatch, LARGEST._replace(paused="Pending"), LARGEST, WITHDRAWN) == (WITHDRAWN, 20)


def test_a_watch_ends_before_its_time_is_up_and_the_next_run_goes_on(monkeypatch):
    assert watches(monkeypatch, LARGEST) == (LARGEST, 6600)
    assert watches(monkeypatch, LARGEST, seconds=6599) == (LARGEST, 6590)


def test_a_watch_whose_pod_came_late_looks_once(monkeypatch):
    assert watches(monkeypatch, LARGEST, seconds=-300) == (LARGEST, 0)


def test_the_time_of_a_watch_counts_from_the_beginning_of_its_workflow(world, monkeypatch):
    given = {"TRAFFIC": json.dumps(SETTINGS), "WATCH_BEGAN": "1000", "WATCH_SECONDS": "6600"}
    for name, value in {**world.environment_of_a_step(), **given}.items():
        monkeypatch.setenv(name, value)
    ends = []
    monkeypatch.setattr(shift_traffic, "follow", lambda _, until, _written: ends.append(until))
    shift_traffic.main()
    assert ends == [7600]


@pytest.mark.parametrize("given", [{"WATCH_BEGAN": ""}, {"WATCH_BEGAN": "today"}, {"WATCH_SECONDS": "-1"}])
def test_a_time_that_is_none_is_refused(canary, given):
    assert canary.run("shift_traffic", TRAFFIC=json.dumps(SETTINGS), **given).returncode == 2


def test_all_users_meet_production_once_it_serves_the_version(world):
    world.application("canary", 7, held=7)
    world.application("production", 7, held=7)
    has_route(world, Split("1.0.7", (1, 50), 5))
    takes_changes(world)
    done = shift(world)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "All users meet production.")
    assert written(world) == [None]


def test_no_user_meets_a_canary_that_is_between_two_releases(world):
    world.application("canary", 7, held=6)  # told to run 7, and still holds 6
    world.application("production", 5, held=5)
    has_route(world, Split("1.0.6", (1, 50), 5))
    takes_changes(world)
    done = shift(world)
    assert done.returncode == 0, done.stderr
    [split] = written(world)
    assert (split["version"], split["percents"]) == ("1.0.6", [1, 50])
    sentence = "No user meets 1.0.6 in canary for the time being: canary is between two releases"
    assert split["paused"] == sentence.rpartition(": ")[2] and sentence in done.stdout
    route_becomes(world, Split("1.0.6", (1, 50), 5, paused=split["paused"]))
    assert (shift(world).returncode, len(written(world))) == (0, 1)


def test_a_canary_that_is_between_two_releases_stays_withdrawn(world):
    world.application("canary", 7, held=6)
    world.application("production", 5, held=5)
    has_route(world, Split("1.0.6", (1, 50), 5, withdrawn="it fails"))
    done = shift(world)
    assert (done.returncode, written(world)) == (0, [])


@pytest.fixture
def releasing(world):
    """Version 7 in canary, which half of the users meet, is on its way to production, which still holds 6."""
    world.application("canary", 7, held=7)
    world.application("production", 7, held=6)
    has_route(world, Split("1.0.7", (1, 50), 5))
    world.frozen()
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    return world


def test_no_user_meets_a_version_that_fails_on_its_way_to_production(releasing):
    releasing.pods_listed("canary", pod(7, "oom-looping"))
    takes_changes(releasing)
    done = shift(releasing)
    assert done.returncode == 0, done.stderr
    [split] = written(releasing)
    assert split["withdrawn"].startswith("OOMKilled") and releasing.output("withdrawn") == "yes"


def test_the_share_stays_while_a_version_is_on_its_way_to_production(releasing):
    releasing.pods_listed("canary", pod(7))
    done = shift(releasing, {**SETTINGS, "mirror": True})
    assert (done.returncode, written(releasing)) == (0, [])


def test_weights_that_a_person_wrote_are_put_right_and_told(canary):
    split = Split("1.0.7", (1, 50), 5)
    by_hand = [{"backendRefs": [{"name": "gourmetgram-canary", "namespace": "gourmetgram-canary", "port": 8080}]}]
    has_route(canary, split, by_hand)
    takes_changes(canary)
    done = shift(canary)
    assert done.returncode == 0, done.stderr
    [restored] = written(canary)
    assert restored == json.loads(json.dumps(split._asdict()))
    assert canary.events() == [("TrafficRestored", "the route had other rules: 50 % of the users meet 1.0.7 in canary")]


def of_earlier_release(rules):
    """The same rules as an earlier release wrote them: they lead to the Services that people open."""
    ports = {"gourmetgram-production": 80, "gourmetgram-canary": 8080}
    return [
        {
            **rule,
            "backendRefs": [
                {**backend, "name": backend["namespace"], "port": ports[backend["namespace"]]}
                for backend in rule["backendRefs"]
            ],
        }
        for rule in rules
    ]


def test_a_route_of_an_earlier_release_leads_to_the_services_of_the_gateway_after_the_next_look(canary):
    split = Split("1.0.7", (1, 50), 5)
    has_route(canary, split, of_earlier_release(traffic.rules(split, PRODUCTION, CANARY)))
    takes_changes(canary)
    done = shift(canary)
    assert done.returncode == 0, done.stderr
    rules = json.loads(canary.calls("kubectl", "patch")[0]["args"][-1])["spec"]["rules"]
    assert rules == traffic.rules(split, PRODUCTION, CANARY)


def test_another_port_of_an_environment_does_not_touch_the_route(canary):
    """An earlier release wrote ports into the setting: those that people open."""
    has_route(canary, Split("1.0.7", (1, 50), 5))
    for port in (80, 8099):
        done = shift(canary, {**SETTINGS, "production": {"environment": "production", "port": port}})
        assert (done.returncode, written(canary)) == (0, [])


def test_weights_that_a_person_wrote_are_told_where_the_split_changes_too(canary):
    by_hand = [{"backendRefs": [{"name": "gourmetgram-canary", "namespace": "gourmetgram-canary", "port": 8080}]}]
    has_route(canary, Split("1.0.7", (1, 50), 5, paused="Pending"), by_hand)
    takes_changes(canary)
    assert shift(canary).returncode == 0
    assert [reason for reason, _ in canary.events()] == ["TrafficRestored"]


def test_a_route_that_something_keeps_changing_is_put_right_each_time_and_told_once(canary):
    by_hand = [{"backendRefs": [{"name": "gourmetgram-canary", "namespace": "gourmetgram-canary", "port": 8080}]}]
    has_route(canary, Split("1.0.7", (1, 50), 5), by_hand)
    takes_changes(canary)
    assert shift(canary).returncode == 0
    canary.rules["kubectl"] = [rule for rule in canary.rules["kubectl"] if rule["args"][0] != "create"]
    canary.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "already-exists"))
    done = shift(canary)
    assert done.returncode == 0 and "An Event says so already: the route had other rules" in done.stdout, done.stderr
    assert len(written(canary)) == 2
    first, second = [one["metadata"] for one in canary.created() if one["reason"] == "TrafficRestored"]
    assert first == second


def test_what_is_told_of_a_changed_route_is_the_same_whatever_its_figures_are(canary, monkeypatch):
    takes_changes(canary)
    for name, value in {**canary.environment_of_a_step(), "TRAFFIC": json.dumps(SETTINGS)}.items():
        monkeypatch.setenv(name, value)
    route = {"metadata": {"resourceVersion": "12"}, "spec": {"rules": []}}
    for analysis in ("inconclusive: 22 of 100 requests", "pass: 100 % of 120 requests"):
        split = Split("1.0.7", (1, 50), 5, analysis=analysis)
        gateway.write(inputs.traffic(), route, split, split)
    first, second = [one["metadata"] for one in canary.created()]
    assert first == second


def test_a_header_that_a_person_lets_through_is_taken_away_again_and_told(canary):
    split = Split("1.0.7", (1, 50), 5)
    rules = traffic.rules(split, PRODUCTION, CANARY)
    has_route(canary, split, [{key: value for key, value in rule.items() if key != "filters"} for rule in rules])
    takes_changes(canary)
    done = shift(canary)
    assert done.returncode == 0, done.stderr
    assert json.loads(canary.calls("kubectl", "patch")[0]["args"][-1])["spec"]["rules"] == rules
    assert [reason for reason, _ in canary.events()] == ["TrafficRestored"]


def test_copies_that_a_person_took_away_are_put_right_and_told(canary):
    split = Split("1.0.7", (1, 50), 5)
    has_route(canary, split, traffic.rules(split, PRODUCTION, CANARY))
    takes_changes(canary)
    done = shift(canary, {**SETTINGS, "mirror": True})
    assert done.returncode == 0, done.stderr
    rules = json.loads(canary.calls("kubectl", "patch")[0]["args"][-1])["spec"]["rules"]
    assert rules == traffic.rules(split, PRODUCTION, CANARY, mirror=True)
    assert [reason for reason, _ in canary.events()] == ["TrafficRestored"]


def test_a_route_that_is_gone_is_told_once_and_ends_the_look(canary):
    has_no_route(canary)
    told = "Users reach nothing at the gateway: the route gourmetgram is gone. Run npm start -- --refresh."
    for _ in range(2):
        done = shift(canary)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, told)
    assert canary.events() == [("RouteGone", told)] * 2
    written_events = [json.loads(call["stdin"])["metadata"]["name"] for call in canary.calls("kubectl", "create")]
    assert len(set(written_events)) == 1 and written_events[0].startswith("gourmetgram-production-")
    assert canary.output("withdrawn") == "no"


def test_a_route_that_the_gateway_refuses_is_told_once_and_the_look_goes_on(canary):
    refused = {"type": "Accepted", "status": "False", "reason": "UnsupportedValue", "message": "no filter Copy"}
    has_route(canary, Split("1.0.7", (1,), int(time.time()) - 61), conditions=[refused])
    takes_changes(canary)
    why = "Accepted is False, UnsupportedValue: no filter Copy"
    told = f"The gateway does not do what the route gourmetgram says: {why}"
    for _ in range(2):
        assert shift(canary).returncode == 0
    assert canary.events() == [("RouteRefused", told)] * 2
    names = {json.loads(call["stdin"])["metadata"]["name"] for call in canary.calls("kubectl", "create")}
    assert len(names) == 1 and written(canary)[0]["percents"] == [1, 50]


def has_no_application(world, environment):
    for other in {"canary", "production"} - {environment}:
        world.application(other, 7, held=7)
    application = ["applications.argoproj.io", f"gourmetgram-{environment}", "--namespace", "argocd"]
    world.allow("kubectl", "get", *application, "--output", "json", **says("kubectl", "not-found"))
    has_route(world, Split("1.0.7", (1, 50), 5))
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    takes_changes(world)


def test_no_user_meets_a_canary_whose_application_is_gone(world):
    has_no_application(world, "canary")
    done = shift(world)
    gone = "canary has no Application in Argo CD. Run npm start of its stack, which makes it again."
    assert (done.returncode, world.output("withdrawn")) == (0, "no"), done.stderr
    assert [split["paused"] for split in written(world)] == [gone]
    assert done.stdout.splitlines()[-1] == gone


@pytest.mark.parametrize("state,withdrawn", [("ready", []), ("oom-looping", ["OOMKilled"])])
def test_canary_is_looked_at_where_production_has_no_application(world, state, withdrawn):
    has_no_application(world, "production")
    world.pods_listed("canary", pod(7, state))
    done = shift(world)
    gone = "production has no Application in Argo CD. Run npm start of its stack, which makes it again."
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == gone, done.stderr
    assert [split["withdrawn"].partition(":")[0] for split in written(world)] == withdrawn


def test_no_user_meets_a_canary_beside_whose_pods_another_image_still_answers(canary):
    only_pods(canary, pod(7), pod(8))
    has_route(canary, Split("1.0.7", (1, 50), 5))
    takes_changes(canary)
    assert shift(canary).returncode == 0
    assert [split["paused"] for split in written(canary)] == ["canary still runs another image beside it"]


@pytest.mark.parametrize("call", ["refused", "conflict"])
def test_it_looks_again_where_the_change_was_not_taken(canary, call):
    has_route(canary, None)
    takes_changes(canary, **says("kubectl", call))
    assert shift(canary).returncode == 75


@pytest.mark.parametrize(
    "settings",
    [
        [],
        {},
        {**SETTINGS, "steps": []},
        {**SETTINGS, "steps": [10, 1]},
        {**SETTINGS, "steps": [0, 1]},
        {**SETTINGS, "steps": [1, 100]},
        {**SETTINGS, "canary": {"environment": "nowhere"}},
        {**SETTINGS, "pauseSeconds": "60"},
        {**SETTINGS, "mirror": 50},
    ],
)
def test_a_setting_that_says_nothing_is_refused(world, settings):
    done = world.run("shift_traffic", TRAFFIC=json.dumps(settings))
    assert done.returncode == 2 and "does not say how users are split: run pulumi up." in done.stderr
