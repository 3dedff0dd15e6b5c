import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ResourceValidationArgs } from "@pulumi/policy";
import { specialSecretSig, specialSigKey } from "@pulumi/pulumi/runtime/rpc";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";
import { podsOf } from "../../policy/pods";
import { gaps, policies } from "../../policy/policies";
import type { Resource } from "../../policy/resource";
import { runProgram } from "../program";
import { one, type Registration } from "../registrations";
import { runnableStack, shippedStacks, stacksOfTwoClusters } from "../stack-files";

type Config = Record<string, object>;

const program = async (config: Record<string, unknown>, stack?: string) =>
  (await runProgram(config, stack)).registrations;

const exceptionsFile = join(repositoryRoot, "policy", "exceptions.json");
/** The configuration with which the commands check the stacks of this repository. */
const reviewed = (existsSync(exceptionsFile) ? JSON.parse(readFileSync(exceptionsFile, "utf8")) : {}) as Config;

/** What the pack reports of a program, `policy: message` each. */
async function violations(registrations: Registration[], config: Config = reviewed): Promise<string[]> {
  const found: string[] = [];
  for (const { type, name, inputs } of registrations)
    for (const policy of [...policies, gaps[0]]) {
      const args = {
        type,
        name,
        props: plain(inputs),
        getConfig: () => config[policy.name] ?? {},
      } as ResourceValidationArgs;
      for (const validate of [policy.validateResource!].flat())
        await validate(args, (message) => found.push(`${policy.name}: ${message}`));
    }
  return found;
}

/** As Pulumi hands properties to a policy: secrets as plain values. */
function plain(value: any): any {
  if (Array.isArray(value)) return value.map(plain);
  if (!value || typeof value !== "object") return value;
  if (value[specialSigKey] === specialSecretSig) return plain(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

describe("the whole program", () => {
  it.each(shippedStacks)("keeps to every policy on the stack %s", async (stack) => {
    expect(await violations(await program(runnableStack(stack), stack))).toEqual([]);
  });

  it("keeps to them with an environment on another cluster, whose token it hands to Argo CD", async () => {
    const { platform, canary } = stacksOfTwoClusters();
    const { registrations } = await runProgram(canary, "canary", platform);
    expect(one(registrations, "canary-cluster-registration").inputs.stringData.value.config).toContain(
      '"bearerToken":"e30.',
    );
    expect(await violations(registrations)).toEqual([]);
  });

  it("keeps to them with the node option too", async () => {
    const registry = { clusterIp: "10.96.0.50", configureNodes: true };
    const registrations = await program({ ...runnableStack("staging"), "gourmetgram:registry": registry });
    expect(registrations.filter(({ type }) => type === "kubernetes:apps/v1:DaemonSet").map(({ name }) => name)).toEqual(
      ["registry-nodes"],
    );
    expect(await violations(registrations)).toEqual([]);
  });

  it("keeps to them with receivers of notifications too", async () => {
    const notifications = { ops: { secret: "ops-webhook" } };
    const config = { ...runnableStack("staging"), "gourmetgram:pipeline": { notifications } };
    expect(await violations(await program(config, "staging"))).toEqual([]);
  });

  it("has its environments' pods judged", async () => {
    const resources = (await program(runnableStack("staging"))).map(
      ({ name, inputs }) => ({ name, object: inputs }) as unknown as Resource,
    );
    const pods = resources.flatMap(podsOf);
    expect(pods.filter(({ environment }) => environment).map(({ title }) => title)).toEqual([
      "Deployment gourmetgram-canary in ConfigMap canary-bundle",
      "Deployment gourmetgram-production in ConfigMap production-bundle",
      "Deployment gourmetgram-staging in ConfigMap staging-bundle",
    ]);
    const templates = new Set(pods.flatMap(({ title }) => /^WorkflowTemplate (\S+),/.exec(title)?.[1] ?? []));
    expect(templates.size).toBe(11);
  });

  it("raises a memory limit only with an exception", async () => {
    const config = runnableStack("staging");
    const environments = config["gourmetgram:environments"] as Record<string, object>;
    const registrations = await program({
      ...config,
      "gourmetgram:environments": { ...environments, canary: { ...environments.canary, memory: "512Mi" } },
    });
    expect(await violations(registrations, {})).toEqual([
      "memory-limits: Deployment gourmetgram-canary in ConfigMap canary-bundle " +
        "gives its container app a memory limit of 512Mi: " +
        "write 256Mi, or name canary with 512Mi in policy/exceptions.json",
    ]);
    expect(await violations(registrations, { "memory-limits": { exceptions: { canary: "512Mi" } } })).toEqual([]);
  });
});
