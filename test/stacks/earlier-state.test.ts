import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { objectsOfEarlierPlugin, refuseEarlierState } from "../../stacks/earlier-state";
import type { Recorded } from "../../stacks/state";

const provider: Recorded = { type: "pulumi:providers:kubernetes", custom: true, outputs: { version: "4.34.2" } };
const command: Recorded = { type: "command:local:Command", custom: true, outputs: { stdout: "" } };
const group: Recorded = { type: "kubernetes:yaml:ConfigGroup", custom: false, outputs: {} };
const byProvider: Recorded = {
  type: "kubernetes:core/v1:Namespace",
  custom: true,
  outputs: { __fieldManager: "pulumi-kubernetes-1", __initialApiVersion: "v1" },
};
const byOwnPlugin: Recorded = {
  type: "kubernetes:core/v1:Namespace",
  custom: true,
  outputs: { __fieldManager: "pulumi-kubernetes-1" },
};

describe("a state", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "gourmetgram-stacks-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const record = (stack: string, resources: Recorded[]) =>
    writeFileSync(join(directory, `${stack}.json`), JSON.stringify({ checkpoint: { latest: { resources } } }));

  it("of Pulumi's provider is taken as it is, and so is none", () => {
    expect(objectsOfEarlierPlugin([provider, command, group, byProvider])).toEqual([]);
    record("staging", [provider, command, group, byProvider]);
    expect(() => refuseEarlierState(directory)).not.toThrow();
    expect(() => refuseEarlierState(join(directory, "nowhere"))).not.toThrow();
  });

  it("of an earlier version's plugin is refused, with what to do", () => {
    record("staging", [provider, group, byOwnPlugin, byOwnPlugin, command]);
    expect(() => refuseEarlierState(directory)).toThrow(
      new Error(
        "The stack staging was made by an earlier version of GourmetGram, whose own Kubernetes plugin " +
          "recorded 2 objects. Nothing was touched: Pulumi's own provider, which is used now, would replace all of " +
          "them, the volumes with the models and images too. " +
          "Either keep running the version that made it; " +
          "or run npm stop, which deletes everything, and then npm start.",
      ),
    );
  });
});
