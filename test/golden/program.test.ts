import { join } from "node:path";
import * as yaml from "js-yaml";
import { describe, expect, it } from "vitest";
import { runProgram } from "../program";
import { referenceStacks, runnableStack } from "../stack-files";

const root = join(__dirname, "..", "..");

/** Machine independent: file names relative to the checkout, scripts and templates by their first line. */
function portable(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll(root, ".");
  if (Array.isArray(value)) return value.map(portable);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, portable(inner)]));
  return value;
}

describe("the whole program", () => {
  it.each(referenceStacks)("registers for the stack %s what its golden file says", async (stack) => {
    const { registrations, outputs } = await runProgram(runnableStack(stack), stack);
    const golden = yaml.dump(portable({ outputs, resources: registrations.map(summary) }), {
      lineWidth: -1,
      noRefs: true,
      sortKeys: true,
    });
    await expect(golden).toMatchFileSnapshot(join(__dirname, `${stack}.yaml`));
  });
});

/** What a step script or a template says is reviewed in its own file, not twice. */
function summary({
  type,
  name,
  parent,
  inputs,
}: {
  type: string;
  name: string;
  parent: string | null;
  inputs: Record<string, any>;
}) {
  // Changes with every byte of the images' sources.
  if (name === "images-push") return { type, name, parent, inputs: { ...inputs, triggers: ["<content of images/>"] } };
  if (["pipeline-steps", "pipeline-gates", "pipeline-lib"].includes(name))
    return { type, name, parent, inputs: { ...inputs, data: Object.keys(inputs.data ?? {}) } };
  if (name === "pipeline-parameters")
    return { type, name, parent, inputs: { ...inputs, data: { ...inputs.data, "source-commit": "<of images/app>" } } };
  if (name === "pipeline-pictures")
    return { type, name, parent, inputs: { ...inputs, binaryData: Object.keys(inputs.binaryData ?? {}) } };
  if (["pipeline", "schedules"].includes(parent ?? "") && inputs.apiVersion === "argoproj.io/v1alpha1")
    return { type, name, parent, inputs: { kind: inputs.kind, metadata: inputs.metadata } };
  return { type, name, parent, inputs };
}
