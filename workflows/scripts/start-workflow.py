"""Starts the next Workflow of the chain; with WAIT=yes, waits until it has ended and fails when it failed."""

import children
import inputs
import outputs

PARAMETERS = {
    "build-container-image": ("model-version",),
    "deploy-container-image": ("model-version", "digest"),
    "test-staging": ("model-version", "digest"),
}


def main():
    template, wait = inputs.choice("TEMPLATE", tuple(PARAMETERS)), inputs.choice("WAIT", ("yes", "no"))
    version, digest = inputs.version(), inputs.optional_digest()
    given = {"model-version": version, "digest": digest or ""}
    parameters = {name: given[name] for name in PARAMETERS[template]}
    # What starts from here runs under the lock on staging that this workflow holds; asking for it again would never end.
    under_lock = template != "build-container-image"
    name = children.start(children.manifest(children.own(), template, version, parameters, under_lock))
    outputs.write("workflow", name)
    if wait == "no":
        return
    ended = children.finished(name, inputs.number("CHILD_SECONDS", 10, 86400))
    if ended["status"]["phase"] != "Succeeded":
        raise inputs.StepFailed(f"{name}: {children.explain(ended)}")
    print(children.output(ended, "outcome"), children.output(ended, "reason"))


if __name__ == "__main__":
    inputs.run(main)
