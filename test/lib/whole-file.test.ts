import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readWhole, writeWhole } from "../../lib/whole-file";
import { recordedPorts } from "../../local/cluster/forward";
import { recordedListen } from "../../local/cluster/listen";
import { recordedNodeCount, recordNodeCount } from "../../local/cluster/nodes";
import { processRuns, startedProcesses, stopProcess } from "../../local/cluster/processes";
import { readLocalImages } from "../../local/toolchain/third-party-images/images-file";
import { knownUrls } from "../../local/urls";

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "whole-"));
  vi.stubEnv("GOURMETGRAM_STATE", state);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(state, { recursive: true });
});

describe("a file that is written at once", () => {
  it("is there whole, and nothing beside it", () => {
    writeWhole(join(state, "a.json"), "[1]");
    writeWhole(join(state, "a.json"), "[2]");
    expect([readdirSync(state), readWhole(join(state, "a.json"))]).toEqual([["a.json"], [2]]);
  });

  it("stays as it was where the new one cannot be written", () => {
    writeWhole(join(state, "a.json"), "[1]");
    mkdirSync(join(state, ".a.json.part"));
    expect(() => writeWhole(join(state, "a.json"), "[2]")).toThrow("EISDIR");
    expect(readFileSync(join(state, "a.json"), "utf8")).toBe("[1]");
  });
});

describe("what the local cluster has recorded, and a crash of the machine cut off", () => {
  it.each(["nodes.json", "forwards.json", "listen.json", "urls.json", "images.json", "pids/etcd.json"])(
    "keeps neither npm start nor npm stop from its work (%s)",
    async (name) => {
      mkdirSync(dirname(join(state, name)), { recursive: true });
      writeFileSync(join(state, name), "");
      expect([recordedNodeCount(), recordedPorts(), recordedListen(), knownUrls()]).toEqual([
        1,
        undefined,
        undefined,
        {},
      ]);
      expect(() => readLocalImages()).toThrow("The local cluster has no images yet: run npm start");
      expect(processRuns("etcd")).toBe(false);
      await stopProcess("etcd");
      expect(startedProcesses()).toEqual([]);
      recordNodeCount(2);
      expect(recordedNodeCount()).toBe(2);
    },
  );
});
