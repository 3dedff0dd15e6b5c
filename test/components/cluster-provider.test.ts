import { afterEach, describe, expect, it, vi } from "vitest";
import { clusterProvider } from "../../components/shared/cluster-provider";
import { runProgram } from "../program";
import { one, record } from "../registrations";
import { runnableStack } from "../stack-files";

afterEach(() => vi.unstubAllEnvs());

describe("the provider of a cluster", () => {
  const registered = async (cluster: { context: string; kubeconfig?: string }) =>
    one((await record({}, () => clusterProvider("cluster", cluster).id)).registrations, "cluster");

  it("keeps the identifier with which the stack was made, so that a renamed context replaces nothing", async () => {
    expect(await registered({ context: "kind" })).toMatchObject({
      inputs: { context: "kind", clusterIdentifier: "kind" },
      ignoreChanges: ["clusterIdentifier"],
    });
  });

  it("names a kubeconfig only if the stack file does, and never that of the shell", async () => {
    vi.stubEnv("KUBECONFIG", "/runner/kubeconfig");
    expect((await registered({ context: "kind" })).inputs.kubeconfig).toBe("");
    expect((await registered({ context: "kind", kubeconfig: "/home/kubeconfig" })).inputs.kubeconfig).toBe(
      "/home/kubeconfig",
    );
  });

  it("is made like this by the program", async () => {
    const { registrations } = await runProgram(runnableStack("staging"));
    const providers = registrations.filter(({ type }) => type === "pulumi:providers:kubernetes");
    expect(providers.map(({ name, ignoreChanges }) => [name, ignoreChanges])).toEqual([
      ["cluster", ["clusterIdentifier"]],
    ]);
  });
});
