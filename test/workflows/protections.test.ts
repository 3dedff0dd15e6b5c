import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readWorkflows } from "../../components/pipeline/workflow-files";

const folder = join(__dirname, "../../workflows");
const names = [
  "build-container-image",
  "collect-old-versions",
  "deploy-container-image",
  "notify",
  "promote-model",
  "restore-releases",
  "revert-staging",
  "test-staging",
  "train-model",
];
const specs = Object.fromEntries(readWorkflows(folder).map(({ metadata, spec }) => [metadata.name, spec]));
const template = (workflow: string, name: string) => specs[workflow].templates.find((one: any) => one.name === name);

/** Names of the steps of a template that run, given what their conditions ask for. */
function running(workflow: string, name: string, known: Record<string, string>): string[] {
  const value = (_: string, key: string) => known[key] ?? expect.unreachable(`nothing is known of ${key}`);
  const steps = template(workflow, name).steps.flat();
  return steps
    .filter(({ when }: any) => !when || new Function(`return ${when.replace(/\{\{([^}]+)\}\}/g, value)}`)())
    .map((step: any) => step.name);
}

describe("when it ends", () => {
  /** Entry point that an exit handler comes to, with the lock that it takes on the way. */
  const handled = (workflow: string, status: string, entrypoint: string) =>
    running(workflow, specs[workflow].onExit, { "workflow.status": status, "workflow.mainEntrypoint": entrypoint }).map(
      (name) => {
        const { template: next } = template(workflow, specs[workflow].onExit)
          .steps.flat()
          .find((step: any) => step.name === name);
        const { synchronization, steps, container } = template(workflow, next);
        return [
          synchronization?.mutexes[0].name,
          (container ?? template(workflow, steps[0][0].template).container).command[2],
        ];
      },
    );

  it.each([
    ["build-container-image", "main", ["staging", "steps.exit_handler"]],
    ["promote-model", "main", ["promotion", "steps.restore"]],
    ["test-staging", "main", ["staging", "steps.exit_handler"]],
    ["test-staging", "under-lock", [undefined, "steps.exit_handler"]],
  ])("%s, begun at %s, makes good what it left undone", (workflow, entrypoint, handler) => {
    for (const status of ["Failed", "Error"]) expect(handled(workflow, status, entrypoint)).toEqual([handler]);
    expect(handled(workflow, "Succeeded", entrypoint)).toEqual([]);
  });

  it("needs a handler where it leaves an environment between two steps, and nowhere else", () => {
    expect(names.filter((name) => specs[name].onExit)).toEqual([
      "build-container-image",
      "promote-model",
      "test-staging",
    ]);
  });
});

it("hands on the digest that was built, to every step that takes one", () => {
  const digests = (name: string) => {
    const steps = template("build-container-image", name).steps.flat();
    return steps.map((step: any) => step.arguments.parameters.find((one: any) => one.name === "digest")?.value);
  };
  const given = "{{inputs.parameters.digest}}";
  expect(digests("main")).toEqual([undefined, "{{steps.build.outputs.parameters.digest}}"]);
  expect(digests("release")).toEqual([given, given]);
  for (const entrypoint of ["main", "under-lock"])
    expect(template("deploy-container-image", entrypoint).steps[0][0].arguments.parameters).toContainEqual({
      name: "digest",
      value: given,
    });

  const pods = names.flatMap((name) => specs[name].templates).filter(({ container }: any) => container);
  const takers = pods.filter(({ container }: any) =>
    /optional_digest\(/.test(readFileSync(join(folder, `${container.command[2].replace(".", "/")}.py`), "utf8")),
  );
  const handed = takers.map(({ name, container }: any) => [
    name,
    container.env.find((one: any) => one.name === "DIGEST")?.value,
  ]);
  const own = "{{workflow.parameters.digest}}";
  expect(Object.fromEntries(handed)).toEqual({
    start: given,
    deploy: given,
    gate: own,
    act: own,
    "start-build": undefined,
  });
});
