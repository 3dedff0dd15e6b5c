"""notify.py: receivers that take, refuse, fail, hang and lead elsewhere, over HTTP."""

import contextlib
import hashlib
import hmac
import itertools
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from conftest import says
from lib import http_client, instant, notifications, outbox
from lib.inputs import TRIGGERS
from lib.notifications import Message
from lib.outbox import Outbox
from servers import Listener

NOW = int(time.time())
EVENT_NAMESPACES = ["argocd", "kube-system"]
# The outbox of the Events begins with this run, unless a test says otherwise.
NO_EVENTS = "Events: 0 created, 0 wait.\n"


class Receiver(Listener):
    """A webhook. `answers`: statuses, used up to the last one; it keeps the headers and bodies of what came."""

    def __init__(self, *answers, location=None):
        self.came, statuses = [], itertools.chain(answers, itertools.repeat(answers[-1]))
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"] or 0))
                outer.came.append((self.headers, content))
                self.send_response(next(statuses))
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                pass

        super().__init__(Handler)
        self.url += "/hook/secret-part"

    def sentences(self):
        return [json.loads(content)["sentence"] for _, content in self.came]


@pytest.fixture
def receiver():
    made = []

    def make(*answers, **options):
        made.append(Receiver(*answers, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


class Cluster:
    """What the API server shows: what has happened, and the outboxes, which keep what the step writes."""

    def __init__(self, world):
        self.world, self.boxes, self.held, self.asked = world, {}, [], []

    def outbox(self, name, since=NOW - 300, **fields):
        self.boxes[name] = outbox.write(Outbox(since=since, read=NOW - 60, freeze="", **fields))

    def holds(self, *sentences, at=NOW - 100):
        """Versions were held, one after the other."""
        for sentence in sentences:
            number = len(self.held)
            parameters = [{"name": "outcome", "value": "held"}, {"name": "reason", "value": sentence}]
            ended = instant.timestamp(at + number)
            self.held.append(
                {
                    "metadata": {"name": f"test-staging-v{number}", "uid": f"uid-{number}"},
                    "spec": {"workflowTemplateRef": {"name": "test-staging"}},
                    "status": {"finishedAt": ended, "outputs": {"parameters": parameters}},
                }
            )

    def secret(self, name, url, key=None):
        folder = self.world.folder / "receivers" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "url").write_text(f"{url}\n")
        if key:
            (folder / "signing-key").write_text(f"{key}\n")

    def notify(self, *names, form="json", triggers=TRIGGERS, conflict=False, create=None, freeze=None):
        """Runs the step; then the outboxes are what it wrote last. `create`: how the API server answers an Event."""
        world = self.world
        world.rules, get = {}, ["--output", "json"]
        seen = len(world.calls("kubectl", "patch"))
        argo = ["--namespace", "argo"]
        ended = ["--selector", "workflows.argoproj.io/completed=true"]
        box = {"metadata": {"resourceVersion": "1"}, "data": self.boxes}
        world.allow("kubectl", "get", "configmaps", "notifications", *argo, *get, stdout=box)
        world.allow("kubectl", "get", "workflows.argoproj.io", *argo, *ended, *get, stdout={"items": self.held})
        world.allow("kubectl", "get", "approvals.gourmetgram.io", *argo, *get, stdout={"items": self.asked})
        for namespace in EVENT_NAMESPACES:
            created = ["--namespace", namespace, "--field-selector", "source=promotion-pipeline"]
            world.allow("kubectl", "get", "events", *created, *get, stdout={"items": []})
        world.frozen(**(freeze or {}))
        how = ["--type", "merge", "--field-manager", "promotion-pipeline", "--patch-file", "/dev/stdin"]
        refused = {"code": 1, "stderr": "Error from server (Conflict): the object has been modified"}
        for version in range(2, 60):
            patched = {"stdout": {"metadata": {"resourceVersion": str(version)}}}
            answer = refused if conflict else patched
            world.allow("kubectl", "patch", "configmaps", "notifications", *argo, *how, *get, **answer)
        made = create or says("kubectl", "created")
        world.allow("kubectl", "create", "--filename", "-", "--output", "name", **made)
        told = {name: {"format": form, "triggers": triggers} for name in names}
        settings = {"receivers": told, "namespaces": EVENT_NAMESPACES if told else []}
        folder = str(world.folder / "receivers")
        done = world.run("notify", NOTIFICATIONS=json.dumps(settings), RECEIVERS_FOLDER=folder)
        patches = [json.loads(call["stdin"]) for call in world.calls("kubectl", "patch")][seen:]
        versions = [patch["metadata"]["resourceVersion"] for patch in patches]
        assert versions == [str(number) for number in range(1, len(patches) + 1)]
        for patch in patches:
            self.boxes = {key: value for key, value in {**self.boxes, **patch["data"]}.items() if value}
        assert "secret-part" not in done.stdout + done.stderr + json.dumps(world.events())
        return done

    def waiting(self, name):
        return [message.sentence for message in outbox.parse(self.boxes[name]).waiting]


@pytest.fixture
def cluster(world):
    return Cluster(world)


def test_what_happened_is_told_in_order_and_once(cluster, receiver):
    ops = receiver(200)
    cluster.secret("ops", ops.url)
    cluster.outbox("ops")
    cluster.holds("first", "second")
    assert cluster.notify("ops").stdout == f"{NO_EVENTS}ops: 2 sent, 0 wait.\n"
    cluster.holds("third")
    assert cluster.notify("ops").returncode == 0
    assert ops.sentences() == ["first", "second", "third"]
    assert len({headers["X-GourmetGram-Id"] for headers, _ in ops.came}) == 3


def test_a_new_receiver_gets_nothing_old(cluster, receiver):
    ops = receiver(200)
    cluster.secret("ops", ops.url)
    cluster.holds("old")
    assert cluster.notify("ops").stdout == f"{NO_EVENTS}ops: 0 sent, 0 wait.\n"
    assert not ops.came and sorted(cluster.boxes) == ["_events", "ops"]


def test_a_message_is_signed_with_the_key_of_the_secret(cluster, receiver):
    ops = receiver(200)
    cluster.secret("ops", ops.url, key="from the Secret")
    cluster.outbox("ops")
    cluster.holds("held")
    cluster.notify("ops")
    [(headers, content)] = ops.came
    signed = f"{headers['X-GourmetGram-Timestamp']}.".encode() + content
    expected = hmac.new(b"from the Secret", signed, hashlib.sha256).hexdigest()
    assert headers["X-GourmetGram-Signature"] == f"sha256={expected}"
    assert abs(int(headers["X-GourmetGram-Timestamp"]) - time.time()) < 60
    assert headers["Content-Type"] == "application/json"


def test_a_receiver_that_fails_gets_everything_later_in_order(cluster, receiver):
    ops = receiver(200, 500, 200)
    cluster.secret("ops", ops.url)
    cluster.outbox("ops")
    cluster.holds("first", "second", "third")
    assert cluster.notify("ops").stdout == f"{NO_EVENTS}ops: 1 sent, 2 wait: it answered with status 500.\n"
    assert cluster.waiting("ops") == ["second", "third"]
    cluster.held = []  # Argo deletes Workflows, and Events live for an hour
    cluster.notify("ops")
    assert ops.sentences() == ["first", "second", "second", "third"] and not cluster.world.events()
    assert ops.came[1][0]["X-GourmetGram-Id"] == ops.came[2][0]["X-GourmetGram-Id"]


def test_a_receiver_that_is_unreachable_keeps_nobody_waiting(cluster, receiver):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ops = receiver(200)
    cluster.secret("away", f"http://127.0.0.1:{port}/secret-part")
    cluster.secret("ops", ops.url)
    for name in ("away", "ops"):
        cluster.outbox(name)
    cluster.holds("held")
    done = cluster.notify("away", "ops")
    told = ["away: 0 sent, 1 wait: no answer (ConnectionRefusedError).", "ops: 1 sent, 0 wait."]
    assert done.stdout.splitlines()[1:] == told
    assert ops.sentences() == cluster.waiting("away") == ["held"]


def test_what_a_receiver_never_takes_is_skipped_and_told(cluster, receiver):
    ops = receiver(404, 200)
    cluster.secret("ops", ops.url)
    cluster.outbox("ops")
    cluster.holds("first", "second")
    cluster.notify("ops")
    assert ops.sentences() == ["first", "second"] and cluster.waiting("ops") == []
    [(reason, sentence)] = cluster.world.events()
    assert reason == "NotificationRefused" and "(held, it answered with status 404)" in sentence


def test_a_redirect_is_not_followed(cluster, receiver):
    other = receiver(200)
    ops = receiver(302, location=other.url)
    cluster.secret("ops", ops.url)
    cluster.outbox("ops")
    cluster.holds("held")
    assert cluster.notify("ops").stdout == f"{NO_EVENTS}ops: 0 sent, 1 wait: it answered with status 302.\n"
    assert not other.came


@pytest.mark.parametrize("url,what", [(None, "no url"), ("ftp://secret-part", "a url that is not one")])
def test_a_secret_that_is_missing_or_wrong_is_told_once_and_stops_no_other_receiver(cluster, receiver, url, what):
    ops = receiver(200)
    if url:
        cluster.secret("lost", url)
    cluster.secret("ops", ops.url)
    for name in ("lost", "ops"):
        cluster.outbox(name)
    cluster.holds("held")
    for _ in range(2):
        assert f"The Secret of the receiver lost has {what}" in cluster.notify("lost", "ops").stdout
    assert [reason for reason, _ in cluster.world.events()] == ["ReceiverUnknown"]
    assert ops.sentences() == cluster.waiting("lost") == ["held"]
    repaired = receiver(200)
    cluster.secret("lost", repaired.url)
    cluster.notify("lost", "ops")
    assert repaired.sentences() == ["held"]


def test_a_day_of_failing_is_told_once(cluster, receiver):
    ops = receiver(503)
    cluster.secret("ops", ops.url)
    message = notifications.Message("0a", "held", None, None, "held", instant.timestamp(NOW), "Workflow/w")
    cluster.outbox("ops", waiting=(message,), failing=NOW - 90000)
    for _ in range(2):
        cluster.notify("ops")
    [(reason, sentence)] = cluster.world.events()
    assert reason == "NotificationsOverdue" and "it answered with status 503" in sentence
    assert len(ops.came) == 2 and cluster.waiting("ops") == ["held"]


def test_events_that_may_have_gone_unseen_are_told(cluster, receiver):
    cluster.secret("ops", receiver(200).url)
    cluster.boxes["ops"] = outbox.write(Outbox(since=NOW - 7200, read=NOW - 7200, freeze=""))
    cluster.notify("ops")
    assert [reason for reason, _ in cluster.world.events()] == ["NotificationsLost"]
    cluster.notify("ops")
    assert len(cluster.world.events()) == 1


def test_an_outbox_that_a_person_wrote_begins_anew(cluster, receiver):
    cluster.secret("ops", receiver(200).url)
    cluster.boxes["ops"] = "{}"
    cluster.notify("ops")
    assert [reason for reason, _ in cluster.world.events()] == ["NotificationsLost"]
    assert outbox.parse(cluster.boxes["ops"])


def test_at_most_fifty_messages_in_one_run(cluster, receiver):
    ops = receiver(200)
    cluster.secret("ops", ops.url)
    cluster.outbox("ops")
    cluster.holds(*map(str, range(52)))
    assert cluster.notify("ops").stdout == f"{NO_EVENTS}ops: 50 sent, 2 wait.\n"


def test_a_receiver_gets_its_triggers_in_its_format(cluster, receiver):
    ops = receiver(200)
    cluster.secret("ops", ops.url)
    cluster.outbox("ops")
    cluster.holds("held")
    cluster.notify("ops", form="slack", triggers=["promoted"])
    assert not ops.came
    cluster.outbox("ops")
    cluster.notify("ops", form="slack", triggers=["held"])
    assert json.loads(ops.came[0][1])["text"] == "*Held* staging: held"


def test_the_outbox_of_a_receiver_that_is_no_more_goes(cluster, receiver):
    cluster.secret("ops", receiver(200).url)
    cluster.outbox("gone")
    cluster.notify("ops")
    assert sorted(cluster.boxes) == ["_events", "ops"]


def test_a_change_of_somebody_else_is_not_overwritten(cluster, receiver):
    ops = receiver(200)
    cluster.secret("ops", ops.url)
    cluster.outbox("ops")
    cluster.holds("held")
    done = cluster.notify("ops", conflict=True)
    assert done.returncode == 75 and not ops.came


def test_outboxes_that_are_not_there_are_made_by_the_stack(world):
    call = ["get", "configmaps", "notifications", "--namespace", "argo", "--output", "json"]
    world.allow("kubectl", *call, **says("kubectl", "not-found"))
    settings = {"receivers": {"ops": {"format": "json", "triggers": ["held"]}}, "namespaces": []}
    done = world.run("notify", NOTIFICATIONS=json.dumps(settings))
    assert done.returncode == 1 and "is not there: run npm start, or pulumi up." in done.stderr


def created(cluster):
    return [(event["type"], event["reason"], event["message"]) for event in cluster.world.created()]


def test_a_request_for_approval_is_told_once_to_who_may_look_for_it(cluster):
    cluster.outbox("_events")
    cluster.asked = [asked("2", "Waiting"), asked("3", "Approved")]
    assert cluster.notify().returncode == 0
    sentence = (
        "anna asks to promote 1.0.7 to production, in an emergency: production is down. To approve it until "
        '2026-01-06T10:00:00Z: npm run approve -- 7 production --message "<why>"'
    )
    assert created(cluster) == [("Warning", "ApprovalWanted", sentence)]
    assert cluster.notify().returncode == 0 and len(created(cluster)) == 1


def asked(uid, phase):
    """A request for approval in one of its phases."""
    metadata = {"uid": uid, "name": f"promote-model-{uid}", "creationTimestamp": instant.timestamp(NOW - 100)}
    spec = {"target": "production", "version": "1.0.7", "requestedBy": "anna", "expiresAt": "2026-01-06T10:00:00Z"}
    return {"metadata": metadata, "spec": {**spec, "emergency": "production is down"}, "status": {"phase": phase}}


def test_a_stack_without_receivers_creates_events_once_and_nothing_old(cluster):
    cluster.holds("old")
    assert cluster.notify().stdout == "Events: 0 created, 0 wait.\n"
    cluster.outbox("_events")
    cluster.holds("first", "second", at=NOW - 90)
    cluster.held = cluster.held[1:]
    assert cluster.notify().stdout == "Events: 2 created, 0 wait.\n"
    assert cluster.notify().stdout == "Events: 0 created, 0 wait.\n"
    assert created(cluster) == [("Warning", "Held", "first"), ("Warning", "Held", "second")]


TOLD = [
    ("train-model", "below_accuracy_bar", "Warning", "TurnedAway", ("Workflow", "argo", "train-model-x")),
    ("promote-model", "refused", "Warning", "TurnedAway", ("Application", "argocd", "gourmetgram-canary")),
    ("test-staging", "reverted", "Warning", "Reverted", ("Application", "argocd", "gourmetgram-staging")),
    ("build-container-image", "inconclusive", "Warning", "Reverted", ("Application", "argocd", "gourmetgram-staging")),
    ("test-staging", "held", "Warning", "Held", ("Application", "argocd", "gourmetgram-staging")),
    ("promote-model", "promoted", "Normal", "Promoted", ("Application", "argocd", "gourmetgram-canary")),
]


@pytest.mark.parametrize("template,outcome,kind,reason,about", TOLD)
def test_an_outcome_becomes_an_event_of_the_same_sentence(cluster, receiver, template, outcome, kind, reason, about):
    ops = receiver(200)
    cluster.secret("ops", ops.url)
    cluster.holds("why")
    [ended] = cluster.held
    ended["metadata"]["name"] = f"{template}-x"
    arguments = {"parameters": [{"name": "target-environment", "value": "canary"}]}
    ended["spec"] = {"workflowTemplateRef": {"name": template}, "arguments": arguments}
    ended["status"]["outputs"]["parameters"][0]["value"] = outcome
    for name in ("ops", "_events"):
        cluster.outbox(name)
    cluster.notify("ops")
    [event], [told] = cluster.world.created(), [json.loads(content) for _, content in ops.came]
    assert (event["type"], event["reason"], event["message"]) == (kind, reason, "why")
    involved = event["involvedObject"]
    assert (involved["kind"], involved["namespace"], involved["name"]) == about
    assert event["metadata"] == {"name": f"{about[2]}.{told['id']}", "namespace": about[1]}
    assert (told["sentence"], event["firstTimestamp"]) == ("why", told["time"])


def test_a_message_that_no_event_is_made_of_is_passed_over(cluster):
    told = Message("a", "drifted", "production", "1.0.7", "why", instant.timestamp(NOW), "Event/e")
    cluster.boxes = {"_events": outbox.write(outbox.begin("", NOW)._replace(waiting=(told,)))}
    done = cluster.notify()
    assert (done.returncode, done.stdout) == (0, "Events: 0 created, 0 wait.\n"), done.stderr


def test_a_freeze_and_its_end_become_events_of_it(cluster):
    cluster.outbox("_events")
    cluster.notify(freeze={"who": "ada", "since": instant.timestamp(NOW), "why": "exams"})
    cluster.notify()
    assert [(kind, reason) for kind, reason, _ in created(cluster)] == [("Warning", "Frozen")] * 2
    frozen, ended = (event["message"] for event in cluster.world.created())
    assert frozen.startswith("Promotions are frozen by ada") and ended == "Promotions are no longer frozen."
    assert {event["involvedObject"]["name"] for event in cluster.world.created()} == {"promotion-freeze"}


@pytest.mark.parametrize(
    "answer,left,stdout",
    [
        (says("kubectl", "create-refused"), ["why"], "Events: 0 created, 1 wait.\n"),
        (says("kubectl", "forbidden"), [], "Events: 0 created, 0 wait.\n"),
        (says("kubectl", "already-exists"), [], "Events: 1 created, 0 wait.\n"),
    ],
    ids=["unreachable", "forbidden", "there-already"],
)
def test_an_event_that_cannot_be_written_fails_nothing(cluster, receiver, answer, left, stdout):
    ops = receiver(200)
    cluster.secret("ops", ops.url)
    for name in ("ops", "_events"):
        cluster.outbox(name)
    cluster.holds("why")
    done = cluster.notify("ops", create=answer)
    assert (done.returncode, done.stdout) == (0, f"{stdout}ops: 1 sent, 0 wait.\n")
    assert cluster.waiting("_events") == left


@pytest.mark.parametrize(
    "settings", ["", "[]", '{"receivers": {"ops": {"format": "xml", "triggers": []}}, "namespaces": []}']
)
def test_a_setting_that_says_nothing_is_refused(world, settings):
    done = world.run("notify", NOTIFICATIONS=settings)
    assert done.returncode == 2 and "does not say who is told: run pulumi up." in done.stderr


@pytest.mark.parametrize("drip", [b"", b"H"])
def test_a_receiver_that_hangs_or_drips_takes_its_time_and_no_more(drip):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang():
            connection, _ = listener.accept()
            with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(25):
                    connection.sendall(drip)
                    time.sleep(0.2)

        threading.Thread(target=hang, daemon=True).start()
        # Whoever waits for the receiver's end meets a connection that is closed.
        with pytest.raises(http_client.Unreachable, match=r"^TimeoutError$"):
            http_client.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, 1)
