"""
Makes room: deletes the images and the files of model versions that nothing keeps, the runs of trainings that have no
version, and images of the program and bundles of the environments that nothing uses. What is kept, `retention` decides.
The versions stay in MLflow, with their runs, figures and verdicts, and so does the record of releases. Safe to run
twice: what is gone already is done.
"""

import json
import re
import time

from lib import (
    argocd,
    attestations,
    child_workflows,
    constants,
    crane,
    inputs,
    instant,
    last_release,
    model_registry,
    outputs,
    pods,
    release_log,
    retention,
    rollout,
    step,
    trainings,
)
from lib.attestations import Image
from lib.counted import counted
from lib.errors import StepFailed
from lib.model_registry import ModelVersion
from lib.retention import Decision, Environment, Facts, Limits
from lib.trainings import Training

BASE_IMAGE = "gourmetgram.io/base-image"  # annotation of an Application: the base image that its bundle names

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_VERSION_TAG = re.compile(r"[a-z0-9-]+-1\.0\.([1-9][0-9]{0,8})", re.ASCII)
_BUNDLE_TAG = re.compile(r"[0-9a-f]{12}", re.ASCII)  # see components/environments/bundle.ts
# Behind it is the list of what is signed of an image.
_ATTESTATIONS_TAG = re.compile(r"sha256-[0-9a-f]{64}", re.ASCII)
# What the program pushes has a tag that no later push moves: see image-builder/push.ts.
_CONTENT_TAG = re.compile(r"content-[0-9a-f]{12}", re.ASCII)
# Where MLflow keeps the files of one run, or of one model, and nothing else. Whoever registers a version names its
# source, and could name a folder with the files of all.
_OWN_FOLDER = re.compile(r"mlflow-artifacts:/[\w-]+/(models/)?[\w-]+/artifacts(/(?!\.+(/|$))[^/?#%]+)*", re.ASCII)


def main() -> None:
    limits = Limits(int(inputs.number("RETENTION_DAYS", 1, 3650)), int(inputs.number("RETENTION_VERSIONS", 1, 1000)))
    is_dry_run = inputs.choice("DRY_RUN", ("yes", "no")) == "yes"
    try:
        sentence = collect(limits, is_dry_run)
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise
    outputs.outcome("collected", sentence)


def collect(limits: Limits, is_dry_run: bool) -> str:
    """Does it, or with `is_dry_run` only says what it would do; returns a sentence."""
    applications = {name: rollout.application(name) for name in inputs.environments()}
    facts = look(applications)
    decision = retention.decide(facts, limits)
    images = [*old_images(facts, decision), *program_images(applications, decision)]
    bundles = [bundle for name, one in applications.items() for bundle in old_bundles(name, one, facts.now)]
    outputs.write("plan", plan(decision, [*images, *bundles]))
    versions = (
        f"{counted(len(decision.collected), 'model version')}, {counted(len(decision.trainings), 'training')}, "
        f"{counted(len(images), 'image')} and {counted(len(bundles), 'bundle')}"
    )
    kept_count = counted(len(decision.kept), "version")
    if is_dry_run:
        return f"{versions} would be collected, and {kept_count} kept"
    for image in (*images, *bundles):
        # Before the image: without it, nobody would find them again.
        attestations.remove(Image(*image.split("@")))
        if crane.delete(image):
            print(f"Deleted {image}.", flush=True)
    kept = [version.source for version in facts.versions if version.number in decision.kept]
    for version in decision.collected:
        collect_files(version, kept)
    for training in decision.trainings:
        collect_training(training)
    return f"{versions} were collected, and {kept_count} {'is' if len(decision.kept) == 1 else 'are'} kept"


def look(applications: dict[str, argocd.Application]) -> Facts:
    """Reads everything that the decision depends on; raises Unavailable or StepFailed where a part cannot be read."""
    environments = {name: look_at(name, application) for name, application in applications.items()}
    busy, named, is_training = look_at_workflows()
    return Facts(
        versions=model_registry.all_versions(),
        aliases=model_registry.aliases(),
        environments=environments,
        records=release_log.read_all(),
        busy=busy,
        named=named,
        trainings=trainings.read_all(),
        is_training=is_training,
        now=int(time.time() * 1000),
    )


def look_at(name: str, application: argocd.Application) -> Environment:
    """What is known of an environment."""
    held = last_release.held(application)
    if held is None and last_release.ANNOTATION in application["metadata"].get("annotations", {}):
        unreadable = f"The annotation {last_release.ANNOTATION} of {constants.workload(name)} cannot be read"
        raise StepFailed(f"{unreadable}: nothing is collected. The schedules of the pipeline put it right.")
    running = set(argocd.seen_digests(application))
    if name not in inputs.remote_environments():
        running |= pods.told_digests(rollout.list_pods(name))
    return Environment(argocd.released_digest(application), frozenset(running), held)


def look_at_workflows() -> tuple[frozenset[str], frozenset[str], bool]:
    """Model versions and digests that unfinished Workflows name, and whether one of them trains."""
    unfinished = child_workflows.unfinished()
    busy = {
        str(parameter.get("value", ""))  # a person may have written it as a number
        for workflow in unfinished
        for parameter in workflow.get("spec", {}).get("arguments", {}).get("parameters", [])
        if parameter["name"] == "model-version"
    }
    templates = {one.get("spec", {}).get("workflowTemplateRef", {}).get("name") for one in unfinished}
    return frozenset(busy), frozenset(_DIGEST.findall(json.dumps(unfinished))), "train-model" in templates


def old_images(facts: Facts, decision: Decision) -> list[str]:
    """Images of model versions that go: all of a collected version, and of the others those that nothing uses."""
    repository, done = rollout.repository(), {version.number for version in facts.versions if version.collected}
    recorded = {served for record in facts.records for served in record.names if served.number}
    found = {served.digest for served in recorded if served.number not in done}
    for version in facts.versions:
        if not version.collected:
            found |= version.digests
    # The image of a version that MLflow no longer has is found by its tag alone.
    stays = done | decision.kept.keys()
    newest = max((int(version.number) for version in facts.versions), default=0)
    protected = set(decision.digests)
    for tag in crane.tags(repository):
        number = version_of_tag(tag)
        if number and number not in stays and int(number) <= newest:
            found.add(crane.digest(f"{repository}:{tag}") or "")
        elif number is None and not _CONTENT_TAG.fullmatch(tag) and not _ATTESTATIONS_TAG.fullmatch(tag):
            protected.add(crane.digest(f"{repository}:{tag}") or "")
    return [f"{repository}@{digest}" for digest in sorted(found - protected) if digest]


def version_of_tag(tag: str) -> str | None:
    """The model version that a tag of the pipeline names: 7 of canary-1.0.7."""
    found = _VERSION_TAG.fullmatch(tag)
    return found.group(1) if found else None


def program_images(applications: dict[str, argocd.Application], decision: Decision) -> list[str]:
    """Images of the program itself that nothing uses. Those that have no tag of their own are not found."""
    bases = [one["metadata"].get("annotations", {}).get(BASE_IMAGE, "") for one in applications.values()]
    given = [inputs.image(name) for name in ("APP_BASE_IMAGE", "TRAIN_IMAGE", "TOOLS_IMAGE")]
    board = inputs.optional_image("BOARD_IMAGE")
    found = []
    for repository, _, digest in (image.partition("@") for image in (*given, *([board] if board else []))):
        if repository == rollout.repository() and not all(map(_DIGEST.search, bases)):
            print("No base image is collected: an Application does not say which one its bundle names.", flush=True)
            continue
        tags = crane.tags(repository)
        own = [tag for tag in tags if version_of_tag(tag) is None and not _ATTESTATIONS_TAG.fullmatch(tag)]
        behind = {tag: crane.digest(f"{repository}:{tag}") for tag in own}
        named = {known for base in bases for known in _DIGEST.findall(base)}
        others = {found for tag, found in behind.items() if not _CONTENT_TAG.fullmatch(tag)}
        old = set(behind.values()) - others - named - decision.digests - {digest, None}
        found += [f"{repository}@{one}" for one in sorted(old)]
    return found


def old_bundles(environment: str, application: argocd.Application, now: int) -> list[str]:
    """Bundles of an environment that its Application does not name, whichever cluster the environment is on."""
    repository = f"{rollout.repository().partition('/')[0]}/bundles/{constants.workload(environment)}"
    if not application["spec"]["source"].get("targetRevision"):
        print(f"No bundle of {environment} is collected: its Application does not say which one it needs.", flush=True)
        return []
    # What it deploys, what it syncs and what it could go back to: by tag, by digest, or both.
    named = json.dumps(application)
    behind = {tag: crane.digest(f"{repository}:{tag}") for tag in crane.tags(repository)}
    kept = {digest for tag, digest in behind.items() if tag in named or not _BUNDLE_TAG.fullmatch(tag)}
    unnamed = sorted({found for found in behind.values() if found and found not in named} - kept)
    images = [f"{repository}@{digest}" for digest in unnamed]
    return [image for image in images if retention.is_settled_bundle(crane.packed_at(image), now)]


def collect_files(version: ModelVersion, kept: list[str]) -> None:
    """Deletes the files of a version, unless a kept one is of the same place, and says so on the version."""
    source = version.source.rstrip("/")
    shared = [other for other in kept if f"{other}/".startswith(f"{source}/") or f"{source}/".startswith(f"{other}/")]
    if shared:
        print(f"{source} of version {version.number} stays: a version that is kept has its files there.", flush=True)
    elif _OWN_FOLDER.fullmatch(source):
        model_registry.delete_files(source)
    else:
        print(f"{source} of version {version.number} stays: it is no folder of one run in MLflow.", flush=True)
    model_registry.tag(version.number, retention__collected=model_registry.now())
    print(f"Collected version {version.number}.", flush=True)


def collect_training(training: Training) -> None:
    """Deletes the files of a training, and then its run: while that is there, the next collection finds it again."""
    if _OWN_FOLDER.fullmatch(training.files):
        model_registry.delete_files(training.files)
    else:
        print(f"{training.files} of {training.run} stays: it is no folder of one run in MLflow.", flush=True)
    trainings.delete(training)
    print(f"Deleted the training {training.run}.", flush=True)


def plan(decision: Decision, images: list[str]) -> str:
    """What goes and what stays, one a line, for people."""
    by_number = sorted(decision.kept.items(), key=lambda entry: int(entry[0]))
    gone = [f"collect {constants.app_version(version.number)}: nothing keeps it" for version in decision.collected]
    stay = [f"keep {constants.app_version(number)}: {why}" for number, why in by_number]
    runs = [f"delete the training {one.run} of {instant.timestamp(one.at // 1000)}" for one in decision.trainings]
    deleted = [f"delete {image.partition('/')[2]}" for image in images]
    return "\n".join(outputs.clean(line) for line in (*gone, *stay, *runs, *deleted))


if __name__ == "__main__":
    step.run(main)
