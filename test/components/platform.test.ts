import { describe, expect, it } from "vitest";
import { placementErrors, referToPlatform } from "../../components/environments/platform";
import { deletionScript } from "../../components/shared/command-env";
import { namespacesWithNewPods, runProgram } from "../program";
import { childrenOf, one, record } from "../registrations";
import { runnableStack, settingsWith } from "../stack-files";

const fullName = "organization/gourmetgram/platform";
const images = { app: "registry/app@sha256:a", tools: "registry/tools@sha256:c" };
const platformOutput = {
  images,
  project: "gourmetgram",
  rolloutTimeoutSeconds: 90,
  promotionPath: { canary: { port: 8080, promotesFrom: "staging", stack: "canary" }, staging: { port: 8081 } },
};
const refer = (outputs: object) =>
  record({}, () => referToPlatform("platform"), { name: "canary", references: { [fullName]: outputs } });

describe("a reference to the platform", () => {
  it("reads what that stack hands out, in the order of promotion", async () => {
    const { result } = await refer({ platform: platformOutput });
    expect(result).toEqual(platformOutput);
    expect(Object.keys(result.promotionPath)).toEqual(["staging", "canary"]);
  });

  it.each<[string, object]>([
    ["is empty", {}],
    ["is of an older program", { platform: { ...platformOutput, promotionPath: undefined } }],
  ])("says what to do where that stack %s", async (_title, outputs) => {
    await expect(refer(outputs)).rejects.toThrow(
      new Error(
        'The stack platform has no output "platform" that this program can read: ' +
          "update that stack with this program first.",
      ),
    );
  });
});

describe("the location of an environment", () => {
  const { promotionPath } = settingsWith({
    environments: { staging: { port: 1 } },
    remoteEnvironments: {
      canary: { stack: "canary", port: 2, promotesFrom: "staging" },
      production: { stack: "production", port: 3, promotesFrom: "canary" },
    },
  });

  const canaryStack = { stack: "canary", platformStack: "platform", environments: ["canary"], isRemote: false };

  it("is in the stack that the platform names", () => expect(placementErrors(promotionPath, canaryStack)).toEqual([]));

  it("is in no other stack, and the remedy names the right one", () => {
    const addition =
      "add it to remoteEnvironments in the stack platform, with stack: canary, and update that stack first";
    const environments = ["canary", "production", "shadow", "staging"];
    expect(placementErrors(promotionPath, { ...canaryStack, environments })).toEqual([
      `gourmetgram:environments.production: the stack production holds it: remove it here, or ${addition}`,
      `gourmetgram:environments.shadow: ${addition}`,
      `gourmetgram:environments.staging: the stack platform holds it: remove it here, or ${addition}`,
    ]);
  });

  it("is on the cluster that both stacks name", () => {
    const remotePath = { ...promotionPath, canary: { ...promotionPath.canary, cluster: "edge", url: "http://edge:2" } };
    const remoteStack = { ...canaryStack, isRemote: true };
    expect(placementErrors(remotePath, remoteStack)).toEqual([]);
    expect(placementErrors(remotePath, canaryStack)).toEqual([
      "gourmetgram:platform.cluster: missing: write the platform's cluster, " +
        "since the stack platform has canary on the cluster edge",
    ]);
    expect(placementErrors(promotionPath, remoteStack)).toEqual([
      "gourmetgram:platform.cluster: remove it, since the stack platform has canary on the platform's cluster",
    ]);
  });

  it("is checked by the program before it declares anything", async () => {
    await expect(runProgram(runnableStack("canary"), "production")).rejects.toThrow(
      "gourmetgram:environments.canary: the stack canary holds it: remove it here, or add it to remoteEnvironments",
    );
  });
});

describe("a stack per environment", () => {
  it("declares together what the whole pipeline in one stack does, the same but for the stacks' names", async () => {
    // A gateway needs canary and production in the stack of the platform.
    const { "gourmetgram:gateway": _, ...withoutGateway } = runnableStack("staging");
    const whole = await runProgram(withoutGateway, "staging");
    const platform = runnableStack("platform");
    const parts = [
      await runProgram(platform, "platform"),
      await runProgram(runnableStack("canary"), "canary", platform),
      await runProgram(runnableStack("production"), "production", platform),
    ];
    const text = ({ type, name, parent, inputs }: (typeof whole.registrations)[number]) =>
      JSON.stringify({ type, name, parent, inputs }).replace(
        /"gourmetgram.io\/stack":"\w+"|"GOURMETGRAM_STACK":"\w+"/g,
        "",
      );
    const declared = (programs: typeof parts) =>
      new Set(programs.flatMap(({ registrations }) => registrations.map(text)));
    expect([...declared(parts)].sort()).toEqual([...declared([whole])].sort());
  });

  it("holds nothing but its environment and its provider", async () => {
    const { registrations } = await runProgram(runnableStack("production"), "production");
    expect(registrations.filter(({ parent }) => parent === null).map(({ name }) => name)).toEqual([
      "production",
      "cluster",
    ]);
    expect(childrenOf(registrations, "production")).toHaveLength(18);
    expect(one(registrations, "production-application").inputs.metadata.labels).toEqual({
      "gourmetgram.io/stack": "production",
    });
  });

  it("tells the workflows, Argo CD and the API server of all environments", async () => {
    const { registrations } = await runProgram(runnableStack("platform"), "platform");
    expect(Object.keys(JSON.parse(one(registrations, "pipeline-parameters").inputs.data.environments))).toEqual([
      "staging",
      "canary",
      "production",
    ]);
    expect(one(registrations, "argo-cd-cluster").inputs.stringData.value.namespaces).toBe(
      "gourmetgram-staging,gourmetgram-canary,gourmetgram-production",
    );
    expect(
      registrations.filter(({ type }) => type === "gourmetgram:release:Environment").map(({ name }) => name),
    ).toEqual(["staging"]);
  });
});

describe("the gateway of one stack", () => {
  it("adds its own pods, and changes none but the board's, which links to it", async () => {
    const { "gourmetgram:gateway": _, ...withoutGateway } = runnableStack("staging");
    const [before, after] = [
      await runProgram(withoutGateway, "staging"),
      await runProgram(runnableStack("staging"), "staging"),
    ];
    expect(namespacesWithNewPods(before.registrations, after.registrations)).toEqual(["board", "gourmetgram-gateway"]);
    expect(namespacesWithNewPods(after.registrations, after.registrations)).toEqual([]);
  });
});

describe("what refuses to destroy a platform", () => {
  it("is deleted before everything else, with the stack's own name", async () => {
    const { registrations } = await runProgram(runnableStack("platform"), "platform");
    const guard = one(registrations, "destroy-guard-refuse");
    expect(guard).toMatchObject({
      type: "command:local:Command",
      parent: "destroy-guard",
      inputs: {
        delete: deletionScript("stacks/refuse-destroy.ts"),
        environment: { GOURMETGRAM_CONTEXT: "gourmetgram-local", GOURMETGRAM_STACK: "platform" },
      },
    });
    // Installed manifests arrive later, as Pulumi's own component hands them out; their namespaces are among these.
    const guarded = new Set(guard.dependencies);
    const others = registrations.filter(
      ({ custom, name, type }) => custom && name !== guard.name && !type.startsWith("pulumi:providers"),
    );
    expect(others.filter(({ name }) => !guarded.has(name)).map(({ name }) => name)).toEqual([]);
  });
});
