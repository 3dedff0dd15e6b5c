/** Data that is lost, and people whose input or haste would cost what serves. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { submit } from "../../client/workflows";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { python } from "../../local/toolchain/virtual-environment";
import { knownUrls } from "../../local/urls";
import { connect } from "../../stacks/stack-cluster";
import { npm, npmOf } from "./commands";
import {
  awaitEvent,
  deleteClaim,
  deleteWorkflow,
  eventsOf,
  followToEnd,
  newVersionInCanary,
  platformParts,
  podOf,
  runSchedule,
  waitFor,
} from "./faults";
import { environment, expectSettled, newestVersion, running, status, unfinished, workflowsPath } from "./observations";
import { readManifest } from "./registry";
import { Report } from "./report";
import { withProgramCopy } from "./stack-change";

const report = new Report("losses.md", "What the pipeline does with losses and with what people send", [
  "lost or sent",
  "end state",
]);
let root: string;
/** The version that staging and canary serve before each test. */
let good: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "gourmetgram-losses-"));
  const { version } = await environment("canary");
  if (!(await environment("production")).version?.startsWith("1.0."))
    expect((await npm("run", "promote", "--", version!.replace("1.0.", ""), "canary", "production")).code).toBe(0);
});
beforeEach(async () => {
  good = (await environment("staging")).version!.replace("1.0.", "");
  expect((await environment("canary")).version).toBe(`1.0.${good}`);
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  report.finish();
});

/** A new version is in canary, and the pipeline is idle. @returns its number */
async function settledInCanary(of: string): Promise<string> {
  const version = await newVersionInCanary(of);
  await expectSettled({ staging: `1.0.${version}`, canary: `1.0.${version}` });
  return version;
}

/** Sends a picture to production. @returns the status of the answer */
async function predict(picture: Buffer, name: string): Promise<number> {
  const body = new FormData();
  body.append("file", new Blob([picture]), name);
  const answer = await fetch(`${knownUrls().production}/predict`, { method: "POST", body });
  await answer.arrayBuffer();
  return answer.status;
}

/** How many requests had which answer. */
function counted(answers: number[]): string {
  const told = [...new Set(answers)]
    .sort()
    .map((code) => `${answers.filter((one) => one === code).length} with ${code}`);
  return `${answers.length} requests, ${told.join(", ")}`;
}

describe("Given a backup, and a version that came to canary after it", () => {
  it("When MLflow's volume is lost, Then what serves stays, and all that the backup has comes back", async () => {
    const folder = join(root, "backup");
    expect((await npm("run", "backup", "--", folder)).code).toBe(0);
    const known = (await status()).models.map(({ version, verdicts }) => [version, verdicts]);
    const later = await settledInCanary(good);
    const before = await running();
    const served = before.answer.body.model_version;
    expect(before.answer).toMatchObject({ status: 200 });

    await deleteClaim(platformParts.mlflow, "mlflow-data");
    const started = await npm("start");
    expect([started.code, started.output]).toEqual([
      0,
      expect.stringContaining("What the volume of gourmetgram-platform/mlflow-data held is kept in "),
    ]);
    await runSchedule("cron-restore-releases");
    await runSchedule("cron-revert-staging");
    expect(await running()).toEqual(before);
    const lost = (await eventsOf("canary")).find((event) => event.includes(`no longer has version ${later}, `))!;
    expect(lost).toMatch(/^VersionLost: /);
    const promotion = await npm("run", "promote", "--", later, "canary", "production");
    expect([promotion.code, promotion.output]).toEqual([
      1,
      expect.stringContaining(`MLflow knows no version ${later}`),
    ]);
    expect(await running()).toEqual(before);

    const restored = await npm("run", "restore", "--", folder, "--replace");
    expect([restored.code, restored.output]).toEqual([
      0,
      expect.stringContaining("Every environment serves what the backup backup says."),
    ]);
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}`, production: served });
    expect((await status()).models.map(({ version, verdicts }) => [version, verdicts])).toEqual(known);
    // It has the number of the one that was lost.
    expect(await settledInCanary(good)).toBe(later);
    report.add(
      "MLflow's volume",
      `${lost.replace("VersionLost: ", "")}; the backup was restored, and a model reached canary`,
    );
  });

  it("When the registry's volume is lost, Then an update pushes and builds again what it had", async () => {
    const before = await running();
    await deleteClaim(platformParts.registry, "registry-data");
    const started = await npm("start");
    const notice = `The registry no longer has the image of 1.0.${good}, the last release of canary`;
    expect([started.code, started.output]).toEqual([0, expect.stringContaining(notice)]);
    expect(started.output).toContain("What the volume of kube-system/registry-data held is kept in ");
    await waitFor(
      "the images of all environments in the registry",
      async () => {
        const found = await Promise.all(before.digests.map((digest) => readManifest(digest!)));
        return found.every(({ digest }, index) => digest === before.digests[index]);
      },
      300,
    );
    await expect.poll(unfinished, { timeout: 120_000, interval: 1_000 }).toEqual([]);
    const rebuilt = `the registry had lost the image of 1.0.${good}, which is built again from its model`;
    await awaitEvent("canary", `ImageLost: ${rebuilt}`);
    expect(await running()).toEqual(before);
    await settledInCanary(good);
    report.add("the registry's volume", `${rebuilt}, with the same digest; a model reached canary`);
  });
});

describe("Given a stack's file in which an environment is missing", () => {
  it("When the stack is updated, Then that is refused with what would be lost, and nothing is touched", async () => {
    const before = await running();
    const lost = "Namespace gourmetgram-production is deleted: everything in it is deleted too";
    await withProgramCopy(async (program) => {
      const file = join(program, "Pulumi.staging.yaml");
      const production = "    production:\n      port: 80\n      promotesFrom: canary\n";
      // Without production there is nobody whose users a gateway could split.
      const gateway = "  gourmetgram:gateway: {}\n";
      const settings = readFileSync(file, "utf8");
      expect(settings).toContain(production);
      expect(settings).toContain(gateway);
      writeFileSync(file, settings.replace(production, "").replace(gateway, ""));
      const preview = await npmOf(program, "run", "preview");
      expect([preview.code, preview.stdout.split("\n")[0]]).toEqual([1, expect.stringContaining("DATA LOSS: ")]);
      expect(preview.stdout.split("\n")[0]).toContain(lost);
      const update = await npmOf(program, "start");
      expect(update.code).toBe(1);
      expect(update.output).toContain("This update of staging loses data, so nothing was changed:");
      expect(update.output).toContain(lost);
      expect(update.output).toContain("To lose the data, run npm start -- --allow-data-loss.");
    });
    expect(await running()).toEqual(before);
    const own = await npm("start");
    expect([own.code, own.output]).toEqual([0, expect.stringContaining("unchanged")]);
    expect(await running()).toEqual(before);
    report.add(
      "an update by a stack's file in which production is missing",
      `npm run preview and npm start refused it: ${lost}; nothing was touched`,
    );
  });
});

describe("Given people who use the pipeline", () => {
  it("When they send hostile pictures to production, Then its pod answers each, and lives", async () => {
    const pictures = join(root, "pictures");
    mkdirSync(pictures);
    await exec(await python(), [join(repositoryRoot, "test", "images", "hostile_pictures.py"), pictures]);
    const names = readdirSync(pictures);
    expect(names.length).toBeGreaterThanOrEqual(40);
    const before = await podOf("production");
    const answers: number[] = [];
    for (const name of names) answers.push(await predict(readFileSync(join(pictures, name)), name));
    expect(await podOf("production")).toEqual(before);
    expect(new Set(answers)).toEqual(new Set([200, 400]));
    report.add(
      "pictures to production that are large, slow or broken",
      `${counted(answers)}; the pod was neither killed nor restarted`,
    );
  });

  it("When 120 of them ask at once, Then each is answered or sent away, and the pod stays in its Service", async () => {
    const seen = async () => [await podOf("production"), (await environment("production")).pods!.readySince];
    const before = await seen();
    const picture = readFileSync(join(repositoryRoot, "images", "app", "test.jpg"));
    const end = Date.now() + 30_000;
    const clients = Array.from({ length: 120 }, async () => {
      const answers: number[] = [];
      while (Date.now() < end) {
        const answer = await predict(picture, "test.jpg");
        answers.push(answer);
        // Whoever is sent away comes again after a moment, as `Retry-After` says.
        if (answer === 503) await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      return answers;
    });
    const answers = (await Promise.all(clients)).flat();
    expect([200, 503]).toEqual(expect.arrayContaining([...new Set(answers)]));
    expect(await seen()).toEqual(before);
    report.add(
      "120 clients at once to production, for half a minute",
      `${counted(answers)}; the pod was neither restarted nor out of its Service`,
    );
  });

  it("When somebody asks for a revert from a version that never was, Then nothing moves", async () => {
    const before = await running();
    const { exitCode, sentence } = await followToEnd(
      await submit(connect(), "revert-staging", { "failed-version": "777" }),
    );
    expect([exitCode, sentence]).toEqual([2, expect.stringContaining("FAILED_VERSION 777 is no version in MLflow")]);
    expect(await running()).toEqual(before);
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    report.add("a revert from a version that never was", sentence);
  });

  it("When the Workflow that somebody follows is deleted, Then the command ends and says so", async () => {
    const trainings = async () => {
      const { items } = await connect().api<{ items: { metadata: { name: string } }[] }>(workflowsPath);
      return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("train-model-"));
    };
    const earlier = await trainings();
    const newest = await newestVersion();
    const following = npm("run", "train", "--", "normal");
    const name = await waitFor("the training", async () => (await trainings()).find((one) => !earlier.includes(one)));
    await deleteWorkflow(name);
    const { code, output } = await following;
    expect([code, output]).toEqual([2, expect.stringContaining(`${name} was deleted before it ended`)]);
    expect(await newestVersion()).toBe(newest);
    report.add("the Workflow of a training, while somebody follows it", output.trim().split("\n").at(-1)!);
  });
});
