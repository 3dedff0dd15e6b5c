import { describe, expect, it } from "vitest";
import { runProgram } from "../program";
import { runnableStack } from "../stack-files";

/** Names of what the program asks Pulumi to protect. */
async function kept(changes: Record<string, object> = {}): Promise<string[]> {
  const stack = runnableStack("staging");
  const environments = stack["gourmetgram:environments"] as Record<string, object>;
  const changed = Object.fromEntries(
    Object.entries(environments).map(([name, environment]) => [name, { ...environment, ...changes[name] }]),
  );
  const { registrations } = await runProgram({ ...stack, "gourmetgram:environments": changed });
  return registrations
    .filter(({ protect }) => protect)
    .map(({ name }) => name)
    .sort();
}

describe("what Pulumi refuses to delete", () => {
  it("is nothing where no environment asks for it", async () => {
    expect(await kept()).toEqual([]);
    expect(await kept({ production: { protect: false } })).toEqual([]);
  });

  it("is what a protected environment's release and its record are kept in, and nothing of the others", async () => {
    const shared = ["argo-cd-namespace", "mlflow-data", "mlflow-namespace", "registry-data"];
    expect(await kept({ production: { protect: true } })).toEqual(
      [...shared, "production-application", "production-bundle", "production-namespace"].sort(),
    );
  });
});
