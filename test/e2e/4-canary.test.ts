import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendTraffic } from "../../cli/traffic";
import type { Outcome } from "../../cli/traffic-tally";
import { npm } from "./commands";
import { awaitEvent, followToEnd, registerCandidate, runSchedule, submitBuild, waitFor, withPause } from "./faults";
import { environment, expectSettled, lastRelease, newestVersion, samples, status, tags } from "./observations";
import { Report } from "./report";

const report = new Report("canary.md", "What users meet of a canary", ["story", "what was seen"]);
afterAll(() => report.finish());

/** Version that every environment serves at the beginning of each story. */
let good: string;
beforeAll(async () => {
  good = (await environment("staging")).version!.replace("1.0.", "");
  if ((await environment("production")).version !== `1.0.${good}`)
    expect((await npm("run", "promote", "--", good, "canary", "production")).code).toBe(0);
});

/** What users met while canary had a share of them, in percent, and what they met while the share changed. */
class Visits {
  readonly all: Outcome[] = [];
  readonly byShare = new Map<number, Outcome[]>();

  /** Sends new users, 25 a second for ten seconds. */
  async ofTenSeconds(): Promise<void> {
    const url = new URL("/predict", (await status()).urls.gateway);
    const before = await share();
    const outcomes = await sendTraffic(
      { kind: "normal", rate: 25, seconds: 10, url },
      () => {},
      new AbortController().signal,
    );
    this.all.push(...outcomes);
    if (before === (await share())) this.byShare.set(before, [...(this.byShare.get(before) ?? []), ...outcomes]);
  }

  lost(): Outcome[] {
    return this.all.filter(({ status }) => status !== 200);
  }
}

const share = async () => (await status()).traffic!.percent;

describe("Given users at the gateway", () => {
  it("When a version goes from staging over all shares of them to production, Then no request is lost", async () => {
    const next = await registerCandidate(good);
    const visits = new Visits();
    await withPause(100, async () => {
      const pipelineRun = followToEnd(await submitBuild(next));
      let isReleased = false;
      void pipelineRun.then(() => (isReleased = true));
      while (!isReleased) await visits.ofTenSeconds();
      expect((await pipelineRun).word).toBe("Promoted");
      const untilLastShare = async () => {
        while ((await share()) < 50) await visits.ofTenSeconds();
        for (let round = 0; round < 10; round++) await visits.ofTenSeconds();
      };
      await untilLastShare();
      const promotion = npm("run", "promote", "--", next, "canary", "production");
      let isPromoted = false;
      void promotion.then(() => (isPromoted = true));
      while (!isPromoted || visits.all.length < 10_000) await visits.ofTenSeconds();
      expect((await promotion).code).toBe(0);
    });
    good = next;
    expect(await share()).toBe(0);
    expect(visits.lost()).toEqual([]);
    const withCanary = [...visits.byShare].filter(([percent]) => percent > 0);
    const shares = withCanary.map(([percent, outcomes]) => {
      const inCanary = outcomes.filter(({ version }) => version === `1.0.${next}`).length;
      return { percent, measured: (100 * inCanary) / outcomes.length };
    });
    expect(shares.map(({ percent }) => percent)).toEqual(expect.arrayContaining([1, 10, 25, 50]));
    for (const { percent, measured } of shares) expect(Math.abs(measured - percent)).toBeLessThan(3);
    const met = shares.map(({ percent, measured }) => `${measured.toFixed(1)} % at ${percent} %`);
    report.add(
      "10,000 users or more while a version goes over all shares to production",
      `${visits.all.length} requests, none lost; the version answered ${met.join(", ")}`,
    );
  });

  it("When a drifting model passes staging, Then its figures take it back, and hardly a user notices", async () => {
    const training = npm("run", "train", "--", "drifting");
    let isOver = false;
    void training.then(() => (isOver = true));
    const visits = new Visits();
    while (!isOver) await visits.ofTenSeconds();
    expect((await training).code).toBe(0);
    const drifting = await newestVersion();
    const isWithdrawn = async () => (await tags(drifting))["staging.verdict"] === "withdrawn";
    while (!(await isWithdrawn())) await visits.ofTenSeconds();
    const record = await waitFor("the record of the abort", async () => {
      const last = await lastRelease("canary");
      return last.action === "abort" && last.outcome === "aborted" && last;
    });
    expect(record.reason).toContain(`1.0.${drifting} was withdrawn: `);
    expect(record.reason).toMatch(/confidence 0\.\d+ beside 0\.\d+/);
    await awaitEvent("canary", `Aborted: ${record.reason}`);
    await runSchedule("cron-revert-staging");
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}`, production: `1.0.${good}` });
    // The model answers every picture, only less surely. So an error of its own is a fault of the app, of which users
    // meet few, and no other request may be lost: neither by the abort, nor while canary goes back.
    expect(visits.lost().length / visits.all.length).toBeLessThan(0.01);
    expect(visits.lost().filter(({ version }) => version !== `1.0.${drifting}`)).toEqual([]);
    const met = visits.all.filter(({ version }) => version === `1.0.${drifting}`);
    expect(met.length).toBeGreaterThan(0);
    const counts = `of ${visits.all.length} requests it answered ${met.length}, ${visits.lost().length} with an error`;
    report.add("`drifting`, which passes staging", `${record.reason}; ${counts}, and none was lost`);
  });

  it("When nobody comes, Then the pipeline's own probes give canary its verdict, and the share goes on", async () => {
    const next = await registerCandidate(good);
    await withPause(20, async () => {
      expect((await followToEnd(await submitBuild(next))).word).toBe("Promoted");
      const traffic = await waitFor(
        "a larger share than the first",
        async () => {
          const { traffic } = await status();
          return traffic!.percent > 1 || traffic!.withdrawn ? traffic! : undefined;
        },
        420,
      );
      expect(traffic).toMatchObject({ version: `1.0.${next}`, withdrawn: "", paused: "" });
      report.add("nobody comes", `${traffic.percent} % by the pipeline's own pictures: ${traffic.analysis}`);
    });
    expect((await npm("run", "promote", "--", next, "canary", "production")).code).toBe(0);
    good = next;
  });
});

describe("Given a Prometheus", () => {
  it("When all parts run, Then each answers it, and the kubelets tell it how full the volumes are", async () => {
    const labels = async (query: string, label: string) =>
      (await samples(query)).map(({ metric }) => metric[label]).sort();
    // A pod that has just begun or ended answers at the next look.
    await waitFor("an answer of every target", async () => (await samples("up == 0")).length === 0, 120);
    expect(await labels("count by (job) (up)", "job")).toEqual([
      "app",
      "argo-cd",
      "argo-workflows",
      "mlflow",
      "volumes",
    ]);
    expect(await labels("kubelet_volume_stats_available_bytes", "persistentvolumeclaim")).toEqual([
      "mlflow-data",
      "registry-data",
    ]);
  });
});
