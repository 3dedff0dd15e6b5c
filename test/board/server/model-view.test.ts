import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { expect, it } from "vitest";
import { gateOrder } from "../../../board/server/model-view";
import { repositoryRoot } from "../../../lib/paths";

it("shows the gates in the order in which staging runs them", () => {
  const file = readFileSync(join(repositoryRoot, "workflows", "test-staging.yaml"), "utf8");
  const { spec } = load(file) as {
    spec: { templates: { name: string; steps: { name: string; template: string }[][] }[] };
  };
  const { steps } = spec.templates.find(({ name }) => name === "gates")!;
  const gates = steps.flat().filter(({ template }) => template === "gate");
  expect(gates.map(({ name }) => name)).toEqual(gateOrder);
});
