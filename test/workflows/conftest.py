"""Runs the steps as Argo does: a process of its own, values by environment, output parameters from files."""

import hashlib
import json
import os
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest

from servers import App, Mlflow
from step_process import StepProcesses

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
WORKFLOWS = HERE.parents[1] / "workflows"
sys.path.insert(0, str(WORKFLOWS))
# Where bytecode is kept: where the whole run keeps it, else nowhere.
BYTECODE = {"PYTHONPYCACHEPREFIX": sys.pycache_prefix} if sys.pycache_prefix else {"PYTHONDONTWRITEBYTECODE": "1"}
sys.dont_write_bytecode = sys.pycache_prefix is None

BASE = "registry.kube-system.svc.cluster.local:5000/gourmetgram-app@sha256:" + "b" * 64


def digest(version):
    """A digest for a version's image: sha256:777... for 7."""
    return "sha256:" + (str(version) * 64)[:64]


def recorded(file):
    """A recording of what a real tool said; `record/` makes them."""
    return json.loads((RECORDED / file).read_text())


def says(tool, call):
    """Exit code, stdout and stderr of a recorded call, for `allow`."""
    return {key: value for key, value in recorded(f"{tool}.json")[call].items() if key != "call"}


def get_pods(environment):
    """The call of kubectl that lists the app's pods of an environment."""
    name = f"gourmetgram-{environment}"
    return ["kubectl", "get", "pods", "--namespace", name, "--selector", f"app={name}", "--output", "json"]


def watch_pods(environment):
    """The call of kubectl that watches them."""
    return [*get_pods(environment), "--watch", "--output-watch-events"]


# The key that a step's pod has.
SIGNERS = {"build_image": "build", "run_gate": "gates", "promote": "release", "abort_canary": "release"}


class Pipeline:
    """A step's world: an MLflow, an app at each environment's address, and tools that answer what a test allows."""

    def __init__(self, folder, processes):
        self.folder, self.processes, self.rules = folder, processes, {}
        self.out = folder / "out"
        self.out.mkdir()
        self.mlflow, self.app = Mlflow(), App()
        (folder / "keys").mkdir()
        from signed import Keys  # it needs the modules of WORKFLOWS

        self.keys = Keys(folder / "keys")
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in ("kubectl", "crane", "hey"):
            fake = self.bin / tool
            parts = ["fake_registry.py", "fake_tool.py"] if tool == "crane" else ["fake_tool.py"]
            fake.write_text("".join([f"#!{sys.executable} -IS\n", *((HERE / part).read_text() for part in parts)]))
            fake.chmod(0o755)

    def allow(self, tool, *args, **answer):
        if not isinstance(answer.get("stdout", ""), str):
            answer["stdout"] = json.dumps(answer["stdout"])
        self.rules.setdefault(tool, []).append({"args": list(args), **answer})

    def calls(self, tool, verb=None):
        log = self.folder / "calls"
        lines = [literal_eval(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [line for line in lines if line["tool"] == tool and verb in (None, line["args"][0])]

    def environment_of_a_step(self, workflows=WORKFLOWS, step=None):
        """The variables of a step, once the tools answer what the test allows by now."""
        for tool, rules in self.rules.items():
            (self.folder / f"{tool}.rules").write_text(ascii(rules))
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            **BYTECODE,
            "PYTHONPATH": str(workflows),
            "FAKE_STATE": str(self.folder),
            "OUTPUT_DIR": str(self.out),
            "PUBLIC_KEYS": str(self.keys.public),
            "SIGNING_KEY": str(self.keys.private(SIGNERS[step])) if step in SIGNERS else "/keys/private/none",
            "MLFLOW_TRACKING_URI": self.mlflow.url,
            "ENVIRONMENTS": self.environments("staging", "canary", "production"),
            "APP_BASE_IMAGE": BASE,
            "ROLLOUT_TIMEOUT_SECONDS": "10",
            "CHILD_SECONDS": "10",
            # A watch of canary has no time left for a second look.
            "WATCH_BEGAN": "0",
            "WATCH_SECONDS": "0",
            "WORKFLOW_NAME": "parent",
            "WORKFLOW_NAMESPACE": "argo",
        }

    def run(self, step, workflows=WORKFLOWS, packages=False, **env):
        """
        Runs an entry point as a pod of its Workflow does, with the modules of the folder `workflows`. `packages`:
        whether it has those of the tools image, which most steps do not need.
        """
        given = {**self.environment_of_a_step(workflows, step), **env}
        if packages:
            command = [sys.executable, "-m", f"steps.{step}"]
            done = subprocess.run(command, cwd=self.folder, env=given, capture_output=True, text=True, timeout=60)
        else:
            done = self.processes.run(step, self.folder, workflows, given)
        # pytest shows it where the test fails.
        print(done.stderr)
        return done

    def environments(self, *names):
        """What a stack with these environments hands to its steps; the same app answers for all of them."""
        return json.dumps({name: self.app.url for name in names})

    def output(self, name):
        file = self.out / name
        return file.read_text() if file.exists() else None

    # What the environments answer

    def application(self, environment, version=None, status=None, held=None, held_at=0):
        """
        The environment's Application tells Argo CD to run this version's image, or the base image. `held`: the version
        that it holds as its last release (`base`, or None for none).
        """
        self.allow(
            "kubectl",
            "get",
            "applications.argoproj.io",
            f"gourmetgram-{environment}",
            "--namespace",
            "argocd",
            "--output",
            "json",
            stdout={"metadata": holds(held, held_at), "spec": {"source": source(version)}, "status": status or {}},
        )

    def registry_has(self, version):
        """The registry has the image of this version."""
        self.allow("crane", "manifest", f"{BASE.partition('@')[0]}@{digest(version)}", stdout="{}")

    def judge(self, version, gate, verdict="pass", key="gates", at="2026-01-01T00:00:00Z", **figures):
        """A gate's verdict on the image of a version is signed, with one of the pipeline's keys."""
        from lib import bundle, gate_verdicts, statement
        from lib.statement import Statement, Subject

        said = {"gate": gate, "verdict": verdict, "reason": "why", "figures": figures, "bars": {}, "at": at}
        subject = Subject(BASE.partition("@")[0], digest(version)[7:])
        stated = Statement(subject, gate_verdicts.PREDICATE, said)
        return self.attest(digest(version), bundle.pack(statement.sign(stated, self.keys.key(key))))

    def withdrawn(self, version, at, key="release"):
        """It is signed that the image of a version lost its pass."""
        from lib import bundle, gate_verdicts, statement
        from lib.statement import Statement, Subject

        subject = Subject(BASE.partition("@")[0], digest(version)[7:])
        stated = Statement(subject, gate_verdicts.WITHDRAWAL, {"reason": "why", "at": at})
        self.attest(digest(version), bundle.pack(statement.sign(stated, self.keys.key(key))))

    def passes(self, version, **figures):
        """Every gate has signed that the image of a version passed; `figures`: of the load gate."""
        for gate in ("integration", "resource", "load"):
            self.judge(version, gate, **(figures if gate == "load" else {}))

    def attest(self, image_digest, content):
        """Something is kept beside an image; returns the digest of its manifest."""
        folder = self.folder / "referrers"
        folder.mkdir(exist_ok=True)

        def blob(data):
            sha256 = hashlib.sha256(data).hexdigest()
            (folder / f"blob-{sha256}").write_bytes(data)
            return {"digest": f"sha256:{sha256}"}

        entry = blob(json.dumps({"layers": [blob(content)]}).encode())
        index = folder / image_digest.replace(":", "-")
        listed = json.loads(index.read_text())["manifests"] if index.exists() else []
        index.write_text(json.dumps({"manifests": [*listed, entry]}))
        return entry["digest"]

    def attestations(self, image_digest):
        """The envelopes that are kept beside an image."""
        folder = self.folder / "referrers"
        index = folder / image_digest.replace(":", "-")
        entries = json.loads(index.read_text())["manifests"] if index.exists() else []
        manifests = [json.loads((folder / f"blob-{entry['digest'][7:]}").read_text()) for entry in entries]
        layers = [folder / f"blob-{manifest['layers'][0]['digest'][7:]}" for manifest in manifests]
        return [json.loads(layer.read_text())["dsseEnvelope"] for layer in layers]

    def registry_lost(self, version):
        """It had, and does not have it any more."""
        self.allow("crane", "manifest", f"{BASE.partition('@')[0]}@{digest(version)}", **says("crane", "unknown"))

    def patchable(self, environment, *before):
        """The environment's Application takes a release; `before` are the pods that run there until then."""
        self.pods_listed(environment, *before)
        self.allow(
            "kubectl",
            "patch",
            "applications.argoproj.io",
            f"gourmetgram-{environment}",
            "--namespace",
            "argocd",
            "--type",
            "merge",
            "--field-manager",
            "promotion-pipeline",
            "--patch",
            "*",
        )

    def patches(self):
        """The `images` of every release, in order."""
        return [patch["spec"]["source"]["kustomize"]["images"] for patch in self._all_patches() if "spec" in patch]

    def _all_patches(self):
        return [json.loads(call["args"][-1]) for call in self.calls("kubectl", "patch")]

    def held(self):
        """The versions that the Applications were made to hold, in order."""
        return [held["version"] for held in self._held()]

    def held_since(self):
        """Since when, in milliseconds since 1970."""
        return [held["at"] for held in self._held()]

    def _held(self):
        annotations = [patch["metadata"].get("annotations", {}) for patch in self._all_patches() if "metadata" in patch]
        return [json.loads(found[HELD]) for found in annotations if HELD in found]

    def events(self):
        """Reason and message of every Event."""
        created = [one for one in self.created() if one["kind"] == "Event"]
        return [(event["reason"], event["message"]) for event in created]

    def syncs_again(self):
        """The environments whose failed sync Argo CD was told to forget, with the request to look at them at once."""
        again = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}
        again["status"] = {"operationState": None}
        return [
            call["args"][2].removeprefix("gourmetgram-")
            for call in self.calls("kubectl", "patch")
            if json.loads(call["args"][-1]) == again
        ]

    def pods_watched(self, environment, *events):
        stream = [(delay, json.dumps({"type": kind, "object": pod})) for delay, kind, pod in events]
        self.allow(
            *watch_pods(environment),
            stream=stream,
            hold=True,
        )
        if any(
            kind == "ADDED" and container["ready"]
            for _, kind, pod in events
            for container in pod["status"].get("containerStatuses", [])
        ):
            left = {pod["metadata"]["name"]: pod for _, kind, pod in events if kind != "DELETED"}
            gone = {pod["metadata"]["name"] for _, kind, pod in events if kind == "DELETED"}
            self.pods_listed(environment, *(pod for name, pod in left.items() if name not in gone))

    def source(self, environment, *pods, replicas=1):
        """What a promotion asks of its source: its pods, and how many the Deployment is to have."""
        self.pods_listed(environment, *pods)
        name = f"gourmetgram-{environment}"
        deployment = {"metadata": {"name": name}, "spec": {"replicas": replicas}}
        call = ["get", "deployments.apps", name, "--namespace", name, "--output", "json"]
        self.allow("kubectl", *call, stdout=deployment)

    def pods_listed(self, environment, *pods):
        listed = {**recorded("rollout/list.json"), "items": list(pods)}
        self.allow(
            *get_pods(environment),
            stdout=listed,
        )

    def current_workflow(self, labels=None, annotations=None, nodes=None):
        begun = {"creationTimestamp": "2026-01-05T00:00:00Z"}
        metadata = {
            "name": "parent",
            "namespace": "argo",
            "uid": "uid-1",
            **begun,
            "labels": labels or {},
            "annotations": annotations or {},
        }
        self.workflow(
            "parent", {"metadata": metadata, "status": {"nodes": nodes or {}, **holding("argo/parent/parent-1")}}
        )

    def workflow(self, name, content):
        call = ["get", "workflows.argoproj.io", name, "--namespace", "argo", "--output", "json"]
        self.rules["kubectl"] = [rule for rule in self.rules.get("kubectl", []) if rule["args"] != call]
        self.allow("kubectl", *call, **({"stdout": content} if content else says("kubectl", "not-found")))

    def under_lock(self, key="argo/holder/holder-1"):
        """
        This Workflow was started by `holder`, under the lock on staging; `key` is the step that holds it now, None for
        none.
        """
        labels = {
            "gourmetgram.io/pipeline-run": "train-model-abcde",
            "gourmetgram.io/parent": "holder",
            "gourmetgram.io/lock-holder": "holder",
        }
        self.current_workflow(labels, {"gourmetgram.io/lock-key": "argo/holder/holder-1"})
        self.workflow("holder", {"metadata": {"name": "holder"}, "status": {"phase": "Running", **holding(key)}})

    def frozen(self, **data):
        self.allow(
            "kubectl",
            "get",
            "configmaps",
            "promotion-freeze",
            "--namespace",
            "argo",
            "--output",
            "json",
            stdout={"metadata": {"name": "promotion-freeze"}, **({"data": data} if data else {})},
        )

    def child(self, phase="Succeeded", **outputs):
        """A child Workflow can be created, and ends in this phase with these global outputs."""
        self.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
        parameters = [{"name": key.replace("_", "-"), "value": value} for key, value in outputs.items()]
        status = {"phase": phase, "outputs": {"parameters": parameters}}
        stream = [
            (0, json.dumps({"type": "ADDED", "object": {"metadata": {}}})),
            (0.1, json.dumps({"type": "MODIFIED", "object": {"status": status}})),
        ]
        self.allow(
            "kubectl",
            "get",
            "workflows.argoproj.io",
            "*",
            "--namespace",
            "argo",
            "--output",
            "json",
            "--watch",
            "--output-watch-events",
            stream=stream,
            hold=True,
        )

    def created(self):
        return [json.loads(call["stdin"]) for call in self.calls("kubectl", "create")]


HELD = "gourmetgram.io/last-release"


def holds(version, at=0):
    """The metadata of an Application that holds this version as its last release."""
    if version is None:
        return {}
    served = ("base", BASE.partition("@")[2]) if version == "base" else (f"1.0.{version}", digest(version))
    return {"annotations": {HELD: json.dumps({"version": served[0], "digest": served[1], "at": at})}}


def source(version):
    """The source of an Application that tells Argo CD to run this version's image, or with None the base image."""
    return {"kustomize": {"images": [f"gourmetgram-app={BASE.partition('@')[0]}@{digest(version)}"]}} if version else {}


def holding(key):
    """The part of a Workflow's status that says which of its steps holds the lock on staging."""
    return {"synchronization": {"mutex": {"holding": [{"mutex": "argo/Mutex/staging", "holder": key}] if key else []}}}


def pod(version, state="ready", name=None, restarts=None):
    """A pod of a version's image in a recorded state; name, image and count of restarts are the test's own."""
    one = recorded(f"pods/{state}.json")
    one["metadata"]["name"] = name or f"pod-{version}"
    one["spec"]["containers"][0]["image"] = BASE if version == "base" else f"{BASE.partition('@')[0]}@{digest(version)}"
    if restarts is not None:
        one["status"]["containerStatuses"][0]["restartCount"] = restarts
    return one


def evicted(version):
    """A pod that the node threw out; it stays, ended, until someone deletes it."""
    return pod(version, "evicted", name=f"evicted-{version}")


@pytest.fixture(scope="session")
def processes():
    started = StepProcesses(BYTECODE, WORKFLOWS)
    yield started
    started.stop()


@pytest.fixture
def world(tmp_path, processes):
    pipeline = Pipeline(tmp_path, processes)
    yield pipeline
    pipeline.mlflow.stop()
    pipeline.app.stop()
    refused = tmp_path / "refused"
    assert not refused.exists(), f"calls that nothing allows: {refused.read_text()}"
    assert not pipeline.mlflow.refused, f"requests that MLflow does not know: {pipeline.mlflow.refused}"


def report(gate, verdict, reason="why"):
    return json.dumps({"gate": gate, "verdict": verdict, "reason": reason, "metrics": {}})


def step(gate, verdict, unreached=False):
    """What a gate's step left: name, phase and output parameters."""
    if verdict == "skipped":
        return [gate, "Skipped", {"verdict": "inconclusive", "decided": "yes", "report": "", "reason": ""}]
    decided = "no" if verdict == "pass" or unreached else "yes"
    return [gate, "Succeeded", {"verdict": verdict, "decided": decided, "report": report(gate, verdict), "reason": ""}]


def act_on_verdict(world, action, *verdicts, names=("integration", "resource", "load"), **env):
    """`unreached` is the verdict of a gate that could not ask the candidate; Argo hands the steps over by name."""
    steps = sorted(
        step(gate, verdict.replace("unreached", "fail"), verdict == "unreached")
        for gate, verdict in zip(names, verdicts, strict=False)
    )
    return world.run(
        "act_on_verdict", ACTION=action, MODEL_VERSION="7", **{"DIGEST": digest(7), "GATES": json.dumps(steps), **env}
    )


def deploy(world, **env):
    """Deploys version 8 to staging."""
    return world.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="8", DIGEST=digest(8), **env)


def start(world, template="test-staging", wait="yes"):
    return world.run("start_workflow", TEMPLATE=template, WAIT=wait, MODEL_VERSION="7", DIGEST=digest(7))


def passed(version, at="2026-01-01T00:00:00Z"):
    return {
        "image_digest": digest(version),
        "staging__verdict": "pass",
        "staging__digest": digest(version),
        "staging__verdict_at": at,
    }


def comes_back(world, version=5):
    world.pods_watched("staging", (0, "ADDED", pod(version)))
    world.app.serves(version)


@pytest.fixture
def candidate(world):
    world.mlflow.add(7, image_digest=digest(7))
    world.mlflow.aliases["staging"] = "7"
    world.current_workflow({"gourmetgram.io/pipeline-run": "train-model-abcde"})
    return world


@pytest.fixture
def unjudged(world):
    """Staging was told to run 8, which has not passed; its alias is on 8; 5 passed before."""
    world.mlflow.add(5, **passed(5))
    world.mlflow.add(8, image_digest=digest(8))
    world.mlflow.aliases["staging"] = "8"
    world.application("staging", 8)
    world.patchable("staging")
    world.registry_has(5)
    world.under_lock()
    return world
