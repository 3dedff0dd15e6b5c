import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import {
  alias,
  environment,
  expectSettled,
  lastRelease,
  newestVersion,
  podUids,
  status,
  stepPhases,
  tags,
  workflowPhases,
} from "./observations";
import { withProgramCopy, withStackChange } from "./stack-change";

const environmentNames = ["staging", "shadow", "canary", "production"];
const shadow = {
  environments: { shadow: { port: 8083, promotesFrom: "staging" }, canary: { promotesFrom: "shadow" } },
};

const gate = `"""Latency gate: one request is answered in time."""

import time

from lib import http_client, inputs
from lib.verdict import Verdict


def check(_version: str, _digest: str) -> Verdict:
    began = time.monotonic()
    http_client.request(f"{inputs.service_url('staging')}/test", timeout=30.0)
    milliseconds = round(1000 * (time.monotonic() - began))
    verdict = "pass" if milliseconds < 10_000 else "fail"
    return Verdict(verdict, f"one request took {milliseconds} ms", milliseconds=milliseconds)
`;
const step = `        - - name: latency
            template: gate
            when: *undecided
            arguments:
              parameters:
                - { name: gate, value: latency }
`;

/** Adds a gate as ARCHITECTURE.md says: its module, and its step. */
function addGate(program: string): void {
  writeFileSync(join(program, "workflows", "gates", "latency.py"), gate);
  const file = join(program, "workflows", "test-staging.yaml");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace("        - - name: promote-on-success\n", (next) => step + next),
  );
}

/** The pods of the environments that were there before. */
const otherPods = async () =>
  Object.fromEntries(
    await Promise.all(["staging", "canary", "production"].map(async (name) => [name, await podUids(name)] as const)),
  );

describe("Given a running pipeline", () => {
  it("When an environment and a gate are added and removed, Then a model takes that path meanwhile", async () => {
    const before = {
      pods: await otherPods(),
      canary: (await environment("canary")).version,
      production: (await environment("production")).version,
    };
    let version = "";
    let last: typeof before.pods = {};
    await withProgramCopy(async (program) => {
      addGate(program);
      await withStackChange(
        shadow,
        async (update) => {
          await update;
          expect(await otherPods()).toEqual(before.pods);
          // Its Application is there, and Argo CD at work.
          await expect
            .poll(() => environment("shadow"), { timeout: 60_000, interval: 500 })
            .toMatchObject({ health: "Healthy", version: null });

          const train = await npm("run", "train", "--", "normal");
          version = await newestVersion();
          expect(train.output.trimEnd().split("\n").at(-1)).toBe(`Promoted: shadow serves 1.0.${version}`);
          expect(train.code).toBe(0);
          await expectSettled({
            staging: `1.0.${version}`,
            shadow: `1.0.${version}`,
            canary: before.canary,
            production: before.production,
          });
          expect([await alias("shadow"), await alias("canary")]).toEqual([
            `1.0.${version}`,
            before.canary ?? undefined,
          ]);

          const pipelineRun = /▶ (train-model-[0-9a-f]+)/.exec(train.output)![1];
          expect(await stepPhases(pipelineRun, "test-staging")).toMatchObject({
            integration: "Succeeded",
            resource: "Succeeded",
            load: "Succeeded",
            latency: "Succeeded",
            "promote-on-success": "Succeeded",
          });
          expect(await workflowPhases(pipelineRun)).toMatchObject({
            "test-staging": "Succeeded",
            "promote-model": "Succeeded",
          });
          expect(JSON.parse((await tags(version))["gate.latency"])).toMatchObject({
            verdict: "pass",
            reason: expect.stringMatching(/^one request took \d+ ms$/),
          });
          expect((await status()).models[0].verdicts.latency.verdict).toBe("pass");

          expect((await npm("run", "promote", "--", version, "staging", "canary")).output).toContain(
            "there is no promotion from staging to canary: " +
              "write staging shadow, or shadow canary, or canary production",
          );
          expect((await npm("run", "promote", "--", version, "shadow", "canary")).code).toBe(0);
          await expectSettled({
            staging: `1.0.${version}`,
            shadow: `1.0.${version}`,
            canary: `1.0.${version}`,
            production: before.production,
          });
          expect(await lastRelease("canary")).toMatchObject({
            action: "promote",
            outcome: "promoted",
            version: `1.0.${version}`,
            requestedBy: await connect().username(),
          });

          const lines = (await npm("run", "status")).stdout.split("\n");
          // A warning may stand above the table.
          const rows = lines.slice(lines.findIndex((line) => line.startsWith("ENVIRONMENT")) + 1).slice(0, 4);
          expect(rows.map((row) => row.split(/\s+/)[0])).toEqual(environmentNames);
          last = await otherPods();
        },
        { program },
      );
    });
    expect(await otherPods()).toEqual(last);
    await expectSettled({ staging: `1.0.${version}`, canary: `1.0.${version}`, production: before.production });
    expect((await status()).environments.map(({ name }) => name)).toEqual(["staging", "canary", "production"]);
    await expect(connect().api("/api/v1/namespaces/gourmetgram-shadow")).rejects.toThrow(
      'namespaces "gourmetgram-shadow" not found',
    );
    const { data } = await connect().api<{ data: Record<string, string> }>(
      "/api/v1/namespaces/argo/configmaps/pipeline-gates",
    );
    expect(Object.keys(data)).toEqual(["integration.py", "load.py", "resource.py"]);
  });
});
