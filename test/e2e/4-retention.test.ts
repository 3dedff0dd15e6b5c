import { beforeAll, describe, expect, it } from "vitest";
import { submit } from "../../client/workflows";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import { execIn, followToEnd, platformParts, waitFor, withParameters } from "./faults";
import { environment, expectSettled, status } from "./observations";

/** What is in the volumes, in KiB. */
const used = async (part: "registry" | "mlflow", folder: string) =>
  Number((await execIn(platformParts[part], part, ["du", "-sk", folder])).split("\t")[0]);
const usedByImages = () => used("registry", "/var/lib/registry");
const usedByModels = () => used("mlflow", "/data/artifacts");

/** Makes MLflow believe that everything happened two days earlier: no API of it sets a time of registration. */
const age = () =>
  execIn(platformParts.mlflow, "mlflow", [
    "python3",
    "-c",
    `import sqlite3
database, days = sqlite3.connect("/data/mlflow.db"), 2 * 86_400_000
database.execute("UPDATE model_versions SET creation_time = creation_time - ?", (days,))
database.execute("UPDATE runs SET start_time = start_time - ?, end_time = end_time - ?", (days, days))
database.commit()`,
  ]);

const limits = { "retention-days": "1", "retention-versions": "2" };
const collected = async () =>
  (await status()).models.filter((model) => model.collected).map(({ version }) => version.replace("1.0.", ""));

/** Trained last: staging and canary serve it. */
let newest: string;
beforeAll(async () => {
  // Two that passed, each with files of its own. Older ones are there from the tests before.
  for (const _ of [1, 2]) expect((await npm("run", "train", "--", "normal")).code).toBe(0);
  newest = (await environment("staging")).version!.replace("1.0.", "");
  await age();
}, 20 * 60_000);

describe("Given versions that nothing keeps", () => {
  it("When they are listed, Then nothing is deleted", async () => {
    const before = await collected();
    const { code, stdout } = await withParameters(limits, () => npm("run", "collect", "--", "--dry-run"));
    expect(code).toBe(0);
    expect(stdout).toContain(`keep 1.0.${newest}: staging runs it`);
    // Where the schedule has looked at staging in between, staging holds the one before.
    const [held, passed] = ["staging holds it as its last release", "it is among the last 2 that passed staging"];
    expect(stdout).toMatch(new RegExp(`^keep 1\\.0\\.${Number(newest) - 1}: (${held}|${passed})$`, "m"));
    expect(stdout).toMatch(/^collect 1\.0\.\d+: nothing keeps it$/m);
    expect(await collected()).toEqual(before);
  });

  it("When they are collected, Then both volumes have more room, and what serves keeps serving", async () => {
    const [images, models] = [await usedByImages(), await usedByModels()];
    const { code, stdout } = await withParameters(limits, () => npm("run", "collect"));
    expect([code, stdout]).toEqual([0, expect.stringContaining("Collected: ")]);
    expect(await usedByModels()).toBeLessThan(models);
    await waitFor("more room in the registry", async () => (await usedByImages().catch(() => images)) < images);
    await expectSettled({ staging: `1.0.${newest}`, canary: `1.0.${newest}` });
    expect((await npm("run", "status")).stdout).toMatch(/collected \d{4}-\d\d-\d\dT/);
  });

  it("When one of them is to be promoted, Then that is refused, and says when it was collected", async () => {
    const [gone] = await collected();
    const { code, output } = await npm("run", "promote", "--", gone, "staging", "canary");
    expect([code, output]).toEqual([1, expect.stringContaining(`Version ${gone} was collected at `)]);
  });

  it("When staging is reverted, Then it goes back to one that was kept", async () => {
    const revert = await submit(connect(), "revert-staging", { "failed-version": newest });
    expect((await followToEnd(revert)).sentence).toBe(`staging is back on 1.0.${Number(newest) - 1}`);
    await expectSettled({ staging: `1.0.${Number(newest) - 1}`, canary: `1.0.${newest}` });
  });

  it("When a model is trained then, Then it reaches canary", async () => {
    expect((await npm("run", "train", "--", "normal")).code).toBe(0);
  });
});
