/** The stack `durable`, on a cluster of its own: MLflow's data in PostgreSQL and in a bucket. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { submit } from "../../client/workflows";
import { stateDir } from "../../lib/paths";
import { stacksDirectory } from "../../stacks/local-stack";
import { connect } from "../../stacks/stack-cluster";
import { type Finished, npm, npmOn } from "./commands";
import { followToEnd, killPods, registerCandidate, waitFor, waitForPod, waitForStep } from "./faults";
import { environment, expectSettled, releases, status } from "./observations";

const namespace = "gourmetgram-platform";
const before = { ...process.env };
let root: string;
let backup: string;

const durable = (...args: string[]): Promise<Finished> => npmOn("durable", ...args);

/** What teams would lose. */
async function whatTeamsKeep(): Promise<object> {
  const { environments, models } = await status();
  return {
    environments: environments.map(({ name, version, digest }) => ({ name, version, digest })),
    models: models.map(({ version, aliases, verdicts }) => ({ version, aliases, verdicts })),
    releases: await releases(),
  };
}

const secret = (name: string) =>
  connect().api<{ data: Record<string, string> }>(`/api/v1/namespaces/${namespace}/secrets/${name}`);

beforeAll(() => {
  process.env.GOURMETGRAM_STATE = `${stateDir()}-durable`;
  root = mkdtempSync(join(tmpdir(), "gourmetgram-durable-"));
  backup = join(root, "embedded");
});
afterAll(async () => {
  await durable("stop");
  Object.assign(process.env, before);
  if (before.GOURMETGRAM_STACK === undefined) delete process.env.GOURMETGRAM_STACK;
  rmSync(root, { recursive: true, force: true });
}, 30 * 60_000);

describe("Given a stack that keeps MLflow's data on a volume, and its backup", () => {
  let embedded: { releases?: object[] };
  beforeAll(async () => {
    expect((await npm("start")).code).toBe(0);
    expect((await npm("run", "train")).code).toBe(0);
    expect((await npm("run", "backup", "--", backup)).code).toBe(0);
    embedded = await whatTeamsKeep();
    expect((await npm("stop")).code).toBe(0);
  }, 75 * 60_000);

  it("When a stack with PostgreSQL and a bucket restores it, Then nothing is lost", async () => {
    expect((await durable("start")).code).toBe(0);
    process.env.GOURMETGRAM_STACK = "durable";
    const restored = await durable("run", "restore", "--", backup, "--replace");
    expect([restored.code, restored.output]).toEqual([
      0,
      expect.stringContaining("are kept in the schema before_restore_"),
    ]);
    const found = (await whatTeamsKeep()) as { releases: object[] };
    const added = found.releases.length - embedded.releases!.length;
    expect({ ...found, releases: found.releases.slice(added) }).toEqual(embedded);
  });

  it("Then MLflow has two pods and no volume, and Pulumi's state has no password", async () => {
    const { spec } = await connect().api<{ spec: { replicas: number; template: { spec: { volumes: object[] } } } }>(
      `/apis/apps/v1/namespaces/${namespace}/deployments/mlflow`,
    );
    expect([spec.replicas, spec.template.spec.volumes]).toEqual([2, [{ name: "tmp", emptyDir: {} }]]);
    const recorded = readFileSync(join(stacksDirectory(), "durable.json"), "utf8");
    for (const [name, key] of [
      ["mlflow-database", "password"],
      ["mlflow-artifacts", "AWS_SECRET_ACCESS_KEY"],
    ]) {
      const encoded = (await secret(name)).data[key];
      const plain = Buffer.from(encoded, "base64").toString();
      expect(plain).toMatch(/^[0-9a-f]{64}$/);
      expect([recorded.includes(plain), recorded.includes(encoded)]).toEqual([false, false]);
    }
  });

  it("When the stack is started again, Then nothing changes, and the passwords stay", async () => {
    const known = (await secret("mlflow-database")).data;
    expect(/Pulumi stack: (.*) \(/.exec((await durable("start")).output)![1]).toMatch(/^\d+ unchanged$/);
    expect((await secret("mlflow-database")).data).toEqual(known);
  });
});

describe("Given a version that has passed staging", () => {
  let version: string;
  beforeAll(async () => {
    const known = (await environment("staging")).version!.replace("1.0.", "");
    version = await registerCandidate(known);
  });

  it("When the object store is killed while it is built and tested, Then it reaches canary all the same", async () => {
    const run = await submit(connect(), "build-container-image", { "model-version": version });
    await waitForStep(run, "build-container-image", "build");
    expect(await killPods(namespace, "app=mlflow-artifacts")).toBe(1);
    expect((await followToEnd(run)).exitCode).toBe(0);
    await expectSettled({ staging: `1.0.${version}`, canary: `1.0.${version}` });
  });

  it("When the database is killed in mid-promotion, Then it serves in production, with its record", async () => {
    const run = await submit(connect(), "promote-model", {
      "model-version": version,
      "source-environment": "canary",
      "target-environment": "production",
    });
    await waitForStep(run, "promote-model", "promote");
    expect(await killPods(namespace, "app=mlflow-database")).toBe(1);
    expect((await followToEnd(run)).exitCode).toBe(0);
    await waitForPod(namespace, "app=mlflow-database");
    await expectSettled({ production: `1.0.${version}` });
    expect((await releases())[0]).toMatchObject({ environment: "production", outcome: "promoted" });
  });

  it("When a pod of MLflow is killed, Then the other one answers", async () => {
    const { items } = await connect().api<{ items: { metadata: { name: string } }[] }>(
      `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dmlflow`,
    );
    const path = `/api/v1/namespaces/${namespace}/pods/${items[0].metadata.name}`;
    await connect().api(path, { method: "DELETE", body: { gracePeriodSeconds: 0 } });
    expect((await waitFor("an answer", () => status())).models.length).toBeGreaterThan(0);
  });
});
