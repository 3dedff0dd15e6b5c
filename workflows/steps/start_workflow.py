"""Starts the next Workflow of a pipeline run; with WAIT=yes, waits until it has ended and fails when it failed."""

from lib import child_workflows, inputs, outputs, step
from lib.errors import StepFailed

PARAMETERS = {
    "build-container-image": ("model-version",),
    "deploy-container-image": ("model-version", "digest"),
    "test-staging": ("model-version", "digest"),
}


def main() -> None:
    template, wait = inputs.choice("TEMPLATE", tuple(PARAMETERS)), inputs.choice("WAIT", ("yes", "no"))
    version, digest = inputs.version(), inputs.optional_digest()
    given = {"model-version": version, "digest": digest or ""}
    parameters = {name: given[name] for name in PARAMETERS[template]}
    # All others run under the lock on staging that this workflow holds; asking for it again would never end.
    under_lock = template != "build-container-image"
    parent = child_workflows.current()
    name = child_workflows.start(child_workflows.manifest(parent, template, version, parameters, under_lock))
    outputs.write("workflow", name)
    if wait == "no":
        return
    ended = child_workflows.wait_until_finished(name, child_workflows.timeout())
    if ended["status"]["phase"] != "Succeeded":
        raise StepFailed(f"{name}: {child_workflows.failure_reason(ended)}")
    print(child_workflows.output(ended, "outcome"), child_workflows.output(ended, "reason"))


if __name__ == "__main__":
    step.run(main)
