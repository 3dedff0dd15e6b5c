import { expect, it } from "vitest";
import { runProgram } from "../program";
import { runnableStack } from "../stack-files";

interface Rule {
  readonly verbs: readonly string[];
  readonly resources?: readonly string[];
}

it("lets everybody who patches an object read it too, since kubectl reads what it patches", async () => {
  const { registrations } = await runProgram(runnableStack("staging"));
  const patching = registrations
    .filter(({ type }) => /:(Cluster)?Role$/.test(type))
    .flatMap(({ name, inputs }) => (inputs.rules as Rule[]).map((rule) => ({ name, rule })))
    .filter(({ rule }) => rule.verbs.includes("patch"));
  expect(patching.length).toBeGreaterThan(10);
  // Argo's own executor patches its results without kubectl, and Events are patched by the library that made them.
  const others = ["workflowtaskresults", "events"];
  const blind = patching.filter(
    ({ rule: { verbs, resources } }) => !verbs.includes("get") && !resources?.every((name) => others.includes(name)),
  );
  expect(blind).toEqual([]);
});
