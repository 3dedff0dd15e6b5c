import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Status } from "../../client/pipeline-status";
import type { Release } from "../../client/releases";
import { connectTo } from "../../lib/connect";
import { localContext, repositoryRoot, stateDir } from "../../lib/paths";
import { type Finished, npm, npmIn } from "./commands";
import { waitFor } from "./faults";

const other = `${stateDir()}-other`;
const here = stateDir();
const mlflow = "/apis/apps/v1/namespaces/gourmetgram-platform/deployments/mlflow";
let root: string;
let folder: string;

/** What `npm run status` and `npm run history` say of a cluster, without its addresses, its disk and its pods' age. */
async function seen(state: string): Promise<{ status: object; history: Release[] }> {
  const { environments, models, freeze } = JSON.parse(
    (await npmIn(state, "run", "status", "--", "--json")).stdout,
  ) as Status;
  return {
    status: {
      environments: environments.map(({ pods, ...environment }) => ({
        ...environment,
        url: "",
        pods: { ...pods, readySince: "" },
      })),
      models,
      freeze,
    },
    history: JSON.parse((await npmIn(state, "run", "history", "--", "--json", "--all")).stdout),
  };
}

const restore = (...args: string[]): Promise<Finished> => npmIn(other, "run", "restore", "--", folder, ...args);

/** Starts a restore, and kills it as soon as MLflow does not run. */
async function killRestore(): Promise<void> {
  const child = spawn(process.execPath, ["--require", "tsx/cjs", join("cli", "restore.ts"), folder], {
    cwd: repositoryRoot,
    env: { ...process.env, GOURMETGRAM_STATE: other },
    stdio: "inherit",
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const cluster = connectTo(localContext, join(other, "kubeconfig"));
  await waitFor("the end of MLflow", async () => {
    expect(child.exitCode).toBeNull();
    return (await cluster.api<{ spec: { replicas: number } }>(mlflow)).spec.replicas === 0;
  });
  child.kill("SIGKILL");
  await ended;
}

describe("Given a pipeline with models, records of releases and a freeze", () => {
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "gourmetgram-backup-"));
    folder = join(root, "friday");
    expect((await npm("run", "freeze", "--", "exams until Friday")).code).toBe(0);
  });
  afterAll(async () => {
    rmSync(root, { recursive: true, force: true });
    expect((await npmIn(other, "stop")).code).toBe(0);
    expect((await npm("run", "unfreeze")).code).toBe(0);
  }, 20 * 60_000);

  it("When another cluster restores its backup, Then that serves the same versions with the same history", async () => {
    const backup = await npm("run", "backup", "--", folder);
    expect([backup.code, backup.output]).toEqual([0, expect.stringContaining("Backed up in ")]);
    const source = await seen(here);
    expect((await npmIn(other, "start")).code).toBe(0);

    await killRestore();
    const restored = await restore();
    expect([restored.code, restored.output]).toEqual([0, expect.stringContaining(", which was interrupted.")]);
    expect(restored.output).toContain("Every environment serves what the backup friday says.");

    const target = await seen(other);
    expect(target.status).toEqual(source.status);
    const own = target.history.length - source.history.length;
    expect(target.history.slice(own)).toEqual(source.history);
    // Its own records are those of the restore.
    expect(
      target.history.slice(0, own).filter(({ action }) => !["restore", "revert", "deploy"].includes(action)),
    ).toEqual([]);
    expect(await seen(here)).toEqual(source);
  });

  it("When it is to be restored again, Then that is refused, and done with --replace", async () => {
    const before = await seen(other);
    const refused = await restore();
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringMatching(
        /^the stack's MLflow has \d+ model versions \(.*Nothing has changed\. To do that, run npm/m,
      ),
    ]);
    expect(await seen(other)).toEqual(before);
    const replaced = await restore("--replace");
    expect([replaced.code, replaced.output]).toEqual([0, expect.stringContaining("is kept in /data/before-restore-")]);
    expect((await seen(other)).status).toEqual(before.status);
  });
});
