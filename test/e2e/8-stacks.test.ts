import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { parseStack } from "../../config";
import { destroy, localStackFile, prepareStack, recordedResources, stackExists, up } from "../../stacks/local-stack";
import { connect } from "../../stacks/stack-cluster";
import { isInEveryStack } from "../../stacks/state";
import { namespacesWithNewPods, resourceCount, runProgram } from "../program";
import { runnableStack } from "../stack-files";
import { type Finished, npm, npmOn } from "./commands";
import { runSchedule } from "./faults";
import { alias, environment, podUids, releases, status } from "./observations";
import { withStackChange } from "./stack-change";

interface Pod {
  metadata: {
    uid: string;
    namespace: string;
    name: string;
    deletionTimestamp?: string;
    ownerReferences?: { kind: string }[];
  };
  status: { containerStatuses?: { restartCount: number }[] };
}

/** Every pod that is there to stay, with how often it was restarted. */
async function lastingPods(): Promise<string[]> {
  const { items } = await connect().api<{ items: Pod[] }>("/api/v1/pods");
  const passing = ["Job", "Workflow"];
  return items
    .filter(
      ({ metadata }) =>
        !metadata.deletionTimestamp && // it takes a while to answer its last requests
        !metadata.ownerReferences?.some(({ kind }) => passing.includes(kind)),
    )
    .map(
      ({ metadata: { namespace, name, uid }, status: now }) =>
        `${namespace}/${name} ${uid} ${now.containerStatuses?.map(({ restartCount }) => restartCount)}`,
    )
    .sort();
}

/** Those of the pods that are in none of some namespaces. */
const podsOutside = (namespaces: string[], pods: string[]): string[] =>
  pods.filter((pod) => !namespaces.includes(pod.split("/")[0]));

/** What Pulumi has recorded in these stacks together, by type and name. A move neither loses nor adds any of it. */
const recorded = (...stacks: string[]): string[] =>
  stacks
    .flatMap(recordedResources)
    .filter((resource) => !isInEveryStack(resource))
    .map(({ urn }) => urn!.split("::").slice(2).join(" "))
    .sort();

/** What teams would lose: what is served, the aliases, the records. */
async function whatTeamsKeep(): Promise<object> {
  const { environments, models } = await status();
  return {
    environments: environments.map(({ name, version, health }) => ({ name, version, health })),
    aliases: models.map(({ version, aliases }) => [version, aliases]),
    releases: (await releases()).length,
  };
}

/** A start that made nothing anew and took nothing away. */
function expectNoMoreThanUpdates(start: Finished): void {
  expect(start.code).toBe(0);
  expect(/Pulumi stack: (.*) \(/.exec(start.output)![1]).toMatch(/^(\d+ updated, )?\d+ unchanged$/);
}

async function expectMoved(from: string, to: string, what: string): Promise<void> {
  const moved = await npm("run", "move", "--", from, to);
  expect(moved.output).toContain(`Moved from ${from} to ${to}: ${what}. Nothing in the cluster has changed.`);
  expect(moved.code).toBe(0);
}

/** A gateway needs canary and production beside the platform, so the stack has none when these move away. */
async function removeGateway(): Promise<void> {
  const file = parseStack(readFileSync(localStackFile("staging"), "utf8"), localStackFile("staging"));
  const { "gourmetgram:gateway": _, ...config } = file.config!;
  await prepareStack("staging", { ...file, config });
  await up("staging", () => undefined);
}

/** Namespaces whose pods a gateway adds or changes: its own, and the board's, which links to it. */
async function changedByGateway(): Promise<string[]> {
  const { "gourmetgram:gateway": _, ...withoutGateway } = runnableStack("staging");
  const [before, after] = [await runProgram(withoutGateway, "staging"), await runProgram(runnableStack("staging"))];
  return namespacesWithNewPods(before.registrations, after.registrations);
}

/** Names of what the program declares in the platform's stack outside of any component, as a move lists them. */
async function topLevelOfPlatform(): Promise<string> {
  const { registrations } = await runProgram(runnableStack("platform"), "platform");
  const ofPlatform = registrations.filter((resource) => resource.parent === null && !isInEveryStack(resource));
  return ofPlatform
    .map(({ name }) => name)
    .sort()
    .join(", ");
}

describe("Given the whole pipeline in one stack, with models", () => {
  let pods: string[];
  let before: object;
  let resources: string[];
  let ofProduction: number;
  let platform: string;
  beforeAll(async () => {
    platform = await topLevelOfPlatform();
    ofProduction = resourceCount(await runProgram(runnableStack("production"), "production"));
    await removeGateway();
    resources = recorded("staging");
    [pods, before] = [await lastingPods(), await whatTeamsKeep()];
  });

  async function expectOthersToStay(): Promise<void> {
    const production = ["gourmetgram-production"];
    expect(podsOutside(production, await lastingPods())).toEqual(podsOutside(production, pods));
  }

  it("When it is moved to a stack per environment, Then nothing is lost and nothing restarts", async () => {
    await expectMoved("staging", "canary", "canary");
    await expectMoved("staging", "production", "production");
    await expectMoved("staging", "platform", platform);
    expect(stackExists("staging")).toBe(false);
    expect(recorded("platform", "canary", "production")).toEqual(resources);
    for (const stack of ["platform", "canary", "production"]) expectNoMoreThanUpdates(await npmOn(stack, "start"));
    expect(await whatTeamsKeep()).toEqual(before);
    expect(await lastingPods()).toEqual(pods);
  });

  it("When production alone is previewed, updated and promoted to, Then the others stay as they are", async () => {
    const preview = await npmOn("production", "run", "preview");
    expect(preview.stdout).toBe(`Preview of production: nothing to change, ${ofProduction} unchanged.\n`);
    await withStackChange(
      { environments: { production: { replicas: 2 } } },
      async (update) => {
        expect(await update).toMatch(/unchanged/);
        await expect.poll(() => podUids("production"), { timeout: 60_000, interval: 500 }).toHaveLength(2);
      },
      { stack: "production" },
    );
    await expect.poll(() => podUids("production"), { timeout: 60_000, interval: 500 }).toHaveLength(1);
    const { version } = await environment("canary");
    expect((await npm("run", "promote", "--", version!, "canary", "production")).output).toContain(
      `Promoted: production serves ${version}`,
    );
    await expectOthersToStay();
  });

  it("When its platform is destroyed first, Then that is refused, and nothing is removed", async () => {
    const stop = await npmOn("platform", "stop");
    expect(stop.code).toBe(1);
    expect(stop.output).toContain(
      "canary and production are on this cluster too, so nothing was stopped or removed. " +
        "Run GOURMETGRAM_STACK=canary npm stop and GOURMETGRAM_STACK=production npm stop first",
    );
    await expect(destroy("platform", () => undefined)).rejects.toThrow(
      "the stack platform holds the platform of canary and production, so nothing was removed: " +
        "destroy the stacks canary and production first",
    );
    expectNoMoreThanUpdates(await npmOn("platform", "start"));
    await expectOthersToStay();
  });

  it("When production is destroyed and made again, Then it serves its alias, and the others stay", async () => {
    const version = await alias("production");
    const stop = await npmOn("production", "stop");
    expect(stop.output).toContain(
      "The stack production is removed. The cluster continues to run, with everything else on it.",
    );
    expect((await status()).environments.map(({ name, health }) => [name, health])).toEqual([
      ["staging", "Healthy"],
      ["canary", "Healthy"],
      ["production", "NoApplication"],
    ]);
    await expect(connect().api("/api/v1/namespaces/gourmetgram-production")).rejects.toThrow(
      'namespaces "gourmetgram-production" not found',
    );

    const start = await npmOn("production", "start");
    expect(start.output).toContain(`Pulumi stack: ${ofProduction} created (`);
    expect(await environment("production")).toMatchObject({ version: null, health: "Healthy" });
    await runSchedule("cron-restore-releases");
    await expect
      .poll(() => environment("production"), { timeout: 120_000, interval: 1_000 })
      .toMatchObject({ version });
    await expect.poll(() => podUids("production"), { timeout: 60_000, interval: 500 }).toHaveLength(1);
    await expectOthersToStay();
  });

  it("When all is moved back to one stack, Then nothing is lost and nothing restarts", async () => {
    [pods, before] = [await lastingPods(), await whatTeamsKeep()];
    await expectMoved("canary", "staging", "canary");
    await expectMoved("production", "staging", "production");
    await expectMoved("platform", "staging", platform);
    for (const stack of ["canary", "production", "platform"]) expect(stackExists(stack)).toBe(false);
    expect(recorded("staging")).toEqual(resources);
    const start = await npm("start");
    expect(start.code).toBe(0);
    // Its gateway comes back.
    expect(/Pulumi stack: (.*) \(/.exec(start.output)![1]).toMatch(/^\d+ created, (\d+ updated, )?\d+ unchanged$/);
    expect(await whatTeamsKeep()).toEqual(before);
    const changed = await changedByGateway();
    expect(podsOutside(changed, await lastingPods())).toEqual(podsOutside(changed, pods));
  });
});
