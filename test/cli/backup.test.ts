import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backUp, lastReleases, neededImages, prepareFolder, render } from "../../cli/backup";
import { type EnvironmentState, lostEnvironments, recordedStates } from "../../cli/backups/environments";
import type { Manifest } from "../../cli/backups/manifest";
import type { MlflowVolume } from "../../cli/backups/mlflow-volume";
import { parseRelease, type Run } from "../../client/releases";
import { collectedTag } from "../../components/shared/workflow-names";
import { Phases } from "../../lib/phases";
import { reset, withApiServer } from "./api-server";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const state = (name: string, version: string | null, image: string): EnvironmentState => ({
  name,
  application: `gourmetgram-${name}`,
  lastRelease: version ? { version, digest: digest(image) } : null,
  released: version && version !== "base" ? digest(image) : null,
});
const passed = (version: string, image: string, at: string) => ({
  version,
  tags: {
    image_digest: digest(image),
    image_base: digest("f"),
    "staging.verdict": "pass",
    "staging.digest": digest(image),
    "staging.verdict_at": at,
  },
});
const failedVersion = {
  version: "3",
  tags: {
    image_digest: digest("c"),
    image_base: digest("e"),
    "staging.verdict": "fail",
    "staging.digest": digest("c"),
  },
};
const untested = { version: "4", tags: {} };
const versions = [
  untested,
  failedVersion,
  passed("2", "b", "2026-01-02T00:00:00Z"),
  passed("1", "a", "2026-01-01T00:00:00Z"),
];

describe("the images of a backup", () => {
  const named = (...environments: EnvironmentState[]) => Object.fromEntries(neededImages(environments, versions));

  it("are those that staging can go back to, with what they were built on", () =>
    expect(named(state("staging", "base", "d"))).toEqual({
      [digest("b")]: "1.0.2",
      [digest("a")]: "1.0.1",
      [digest("f")]: "base of 1.0.2",
    }));

  it("are also those that an environment runs or last served", () =>
    expect(
      named({ ...state("staging", "1.0.2", "b"), released: digest("c") }, state("canary", "1.0.9", "9")),
    ).toMatchObject({
      [digest("c")]: "1.0.3",
      [digest("e")]: "base of 1.0.3",
      [digest("9")]: "1.0.9, last of canary",
    }));

  it("are none of a version whose files were collected", () => {
    const { version, tags } = passed("2", "b", "2026-01-02T00:00:00Z");
    const collected = { version, tags: { ...tags, [collectedTag]: "2026-02-01T04:37:00Z" } };
    expect(neededImages([], [collected]).size).toBe(0);
  });

  it("are none that a person wrote into a tag by hand", () =>
    expect(
      neededImages([], [{ version: "1", tags: { "staging.verdict": "pass", "staging.digest": "../../etc" } }]).size,
    ).toBe(0));
});

describe("what an environment is to serve again", () => {
  it("is what its Application holds", () =>
    expect(lastReleases([state("canary", "1.0.1", "a"), state("production", null, "")], versions)).toEqual({
      canary: { version: "1.0.1", digest: digest("a") },
      production: null,
    }));

  it.each<[string, EnvironmentState, string, string]>([
    ["runs, if that has passed", state("staging", "1.0.1", "a"), "1.0.1", "a"],
    [
      "passed last, while another one is tested",
      { ...state("staging", "1.0.1", "a"), released: digest("c") },
      "1.0.2",
      "b",
    ],
    ["passed last, if it holds the base image", state("staging", "base", "d"), "1.0.2", "b"],
  ])("is, for staging, what %s", (_when, staging, version, image) =>
    expect(lastReleases([staging], versions)).toEqual({ staging: { version, digest: digest(image) } }),
  );

  it("is, for staging, no version whose files were collected", () => {
    const [newer, older] = [passed("2", "b", "2026-01-02T00:00:00Z"), passed("1", "a", "2026-01-01T00:00:00Z")];
    const collected = { ...newer, tags: { ...newer.tags, [collectedTag]: "2026-02-01T04:37:00Z" } };
    expect(lastReleases([state("staging", "base", "d")], [collected, older])).toEqual({
      staging: { version: "1.0.1", digest: digest("a") },
    });
  });

  it("is, for staging, what it holds as long as nothing has passed", () =>
    expect(lastReleases([state("staging", "base", "d")], [untested, failedVersion])).toEqual({
      staging: { version: "base", digest: digest("d") },
    }));
});

describe("the folder of a backup", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "gourmetgram-backup-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("is not there before the backup is whole, and only this person may read it", async () => {
    const unfinished = await prepareFolder(join(root, "friday"));
    expect(unfinished).toBe(join(root, "friday.unfinished"));
    expect(statSync(unfinished).mode & 0o777).toBe(0o700);
    expect(existsSync(join(root, "friday"))).toBe(false);
  });

  it("keeps the blobs of an interrupted backup, and nothing else of it", async () => {
    const unfinished = join(root, "friday.unfinished");
    const blob = join(unfinished, "images/blobs/sha256/abc");
    mkdirSync(join(unfinished, "images/blobs/sha256"), { recursive: true });
    for (const file of ["mlflow.db", "artifacts.tar", "images/index.json"])
      writeFileSync(join(unfinished, file), "half");
    writeFileSync(blob, "whole");
    await prepareFolder(join(root, "friday"));
    expect(existsSync(blob)).toBe(true);
    for (const file of ["mlflow.db", "artifacts.tar", "images/index.json"])
      expect(existsSync(join(unfinished, file))).toBe(false);
  });

  it("is never one that exists", async () => {
    await expect(prepareFolder(root)).rejects.toThrow(
      new Error(`${root} exists, and a backup overwrites nothing: name a folder that does not exist`),
    );
  });

  it("is in a folder that exists", async () => {
    await expect(prepareFolder(join(root, "a", "b"))).rejects.toThrow(
      new Error(`there is no folder ${root}/a: make it, or name another one`),
    );
  });
});

describe("the API server of a backup", () => {
  const mlflow = "/api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy";
  const answers: Record<string, unknown> = {
    "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications": { items: [] },
    "GET /api/v1/namespaces/argo/configmaps/pipeline-parameters": { data: { environments: "{}" } },
    "GET /api/v1/namespaces/argo/configmaps/promotion-freeze": {},
    [`GET ${mlflow}/version`]: "3.17.2",
  };

  it("may break off at each reading", async () => {
    const written: string[] = [];
    const phases = new Phases({ write: (text) => written.push(text) });
    const away = new Set<string>();
    const first = new Proxy(answers, {
      has: () => true,
      get: (target, line: string) => {
        if (away.has(line) && line.includes("experiments")) return [404, { error_code: "RESOURCE_DOES_NOT_EXIST" }];
        if (away.has(line) && line.includes("app=registry")) return [403, { message: "no registry here" }];
        if (away.has(line)) return target[line] ?? { items: [] };
        away.add(line);
        return reset;
      },
    });
    const save = async () => ({ path: "x", bytes: 0, sha256: "", secrets: 0 });
    const volume = { saveDatabase: save, saveArtifacts: save } as unknown as MlflowVolume;
    const backup = withApiServer(first, (cluster) =>
      backUp(cluster, volume, "/nowhere", phases, { bound: 2000, interval: 10 }),
    );
    // It ends where it would need a registry.
    await expect(backup).rejects.toThrow("no registry here");
    expect(away.size).toBe(7);
    expect(written.filter((line) => line.includes("waits up to 2 s"))).toHaveLength(4);
  });
});

describe("an environment whose Application is gone", () => {
  const record = (environment: string, version: string, image: string, end: number, more = {}): Run => ({
    info: { run_id: `${end}`, start_time: end - 1, end_time: end },
    data: {
      tags: Object.entries({ environment, serves_version: version, serves_digest: digest(image), ...more }).map(
        ([key, value]) => ({ key, value }),
      ),
    },
  });
  const releases = [
    record("canary", "1.0.2", "b", 40),
    record("production", "1.0.1", "a", 30),
    record("production", "base", "d", 20),
    record("shadow", "base", "d", 20),
  ].map(parseRelease);

  it("has what the record of releases says last, and none that the record does not name", () =>
    expect(recordedStates(["production", "shadow", "edge"], releases)).toEqual([
      state("production", "1.0.1", "a"),
      state("shadow", "base", "d"),
    ]));

  it("has nothing by a record that does not say in earnest what it served, or that goes on", () => {
    const jokes = [record("production", "seven", "a", 50), record("shadow", "1.0.1", "a", 50, { serves_digest: "x" })];
    const open = record("edge", "1.0.1", "a", 50);
    const goesOn = { ...open, info: { run_id: "1", start_time: 1 } };
    expect(recordedStates(["production", "shadow", "edge"], [...jokes, goesOn].map(parseRelease))).toEqual([]);
  });

  it("is named among those whose Application is not there, in the order of promotion", async () => {
    const parameters = "GET /api/v1/namespaces/argo/configmaps/pipeline-parameters";
    const environments = JSON.stringify({ staging: "http://s", canary: "http://c", production: "http://p" });
    const found = [state("canary", "1.0.2", "b")];
    await withApiServer({ [parameters]: { data: { environments } } }, async (cluster) =>
      expect(await lostEnvironments(cluster, found)).toEqual(["staging", "production"]),
    );
  });

  it("is named with what the backup has for it, and what to do", () => {
    const environments = { production: { version: "1.0.1", digest: digest("a") } };
    const manifest = { models: 0, releases: 0, files: [], lostImages: [], environments } as unknown as Manifest;
    const text = render({ manifest, secrets: 0, lost: ["production", "edge"] }, "friday");
    expect(text.split("\n\n").slice(2)).toEqual([
      "production has no Application in Argo CD: the backup has 1.0.1 for it, as the record of releases says. " +
        "To make it again, run npm start of its stack.",
      "edge has no Application in Argo CD: the record of releases names nothing that it served, so the backup leaves " +
        "it out. To make it again, run npm start of its stack.",
    ]);
  });
});

it("says what a backup has, and what it lacks", () => {
  const manifest = {
    models: 2,
    releases: 7,
    files: [{ bytes: 2 ** 20 }, { bytes: 2 ** 19 }],
    environments: { staging: { version: "1.0.2", digest: digest("b") }, canary: null },
    lostImages: [digest("a")],
  } as unknown as Manifest;
  expect(render({ manifest, secrets: 1, lost: [] }, "friday")).toBe(
    "friday holds 2 model versions and 7 records of releases, 1.5 MiB in all.\n\n" +
      "ENVIRONMENT  VERSION   DIGEST\n" +
      `staging      1.0.2     ${digest("b")}\n` +
      "canary       no model  -\n\n" +
      `The registry has lost ${digest("a")}: the pipeline builds such an image again from its model.\n\n` +
      "1 secrets that are stored in MLflow are not in the backup: write them again after a restore.",
  );
});
