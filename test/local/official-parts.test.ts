import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { goTool } from "../../image-builder/go-tool";
import { toolPath } from "../../lib/paths";
import { type Pins, readPins, writePins } from "../../lib/pins";
import { isOfficial, type OfficialFile } from "../../local/toolchain/official-binaries";
import { downloadedText, fetchOfficialParts, type OfficialParts } from "../../local/toolchain/official-parts";
import { pulledImage } from "../../local/toolchain/third-party-images/official-images";
import { Answers, archiveOf, sha256, startHost } from "./download-hosts";

/** A busy machine may take longer than the two seconds that a host has. */
const patient = { answerMilliseconds: 20_000 };
/** For hosts that stall, and for no others. */
const impatient = { ...patient, file: { interval: 500, bytes: 10 }, imageSeconds: 2 };
const program = "#!/bin/sh\necho official\n";
let crane: string;
let cache: string;
let answers: Answers;
let host: string;
let ends: (() => Promise<void>)[];

beforeAll(async () => {
  crane = await goTool("crane");
});

beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), "gourmetgram-official-"));
  vi.stubEnv("GOURMETGRAM_CACHE", cache);
  mkdirSync(dirname(toolPath("crane")));
  symlinkSync(crane, toolPath("crane"));
  answers = new Answers();
  const started = await startHost(answers.listener);
  host = started.host;
  ends = [started.end];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(ends.map((end) => end()));
  rmSync(cache, { recursive: true });
});

/** A file of a release that a host serves, with its hash in the table. */
function release(tool: string, at = host): { file: OfficialFile; hash: string } {
  const body = archiveOf({ [`release/${tool}`]: program });
  answers.set(`${at}/${tool}.tar.gz`, { body });
  const url = `http://${at}/${tool}.tar.gz`;
  const file = { title: `${tool} v1`, url, checksums: `${url}.sha256`, tools: { [tool]: `release/${tool}` } };
  return { file, hash: sha256(body) };
}

function table(releases: { file: OfficialFile; hash: string }[]): Pins {
  return Object.fromEntries(releases.map(({ file, hash }) => [file.url, { hash, source: "a test", checked: null }]));
}

/** Fetches the parts, and returns what is said of them. */
async function fetched(parts: Partial<OfficialParts>): Promise<string[]> {
  const digestsPath = join(cache, "pinned-digests.json");
  if (!existsSync(digestsPath)) writePins(digestsPath, {});
  const all = { files: [], hashes: {}, images: [], digestsPath, limits: patient, ...parts };
  return (await fetchOfficialParts(all, () => {})).lines;
}

/** Every file below the cache that belongs to no tool that was installed. */
const leftovers = () =>
  readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((path) => /[.]part$|[.]gz$|official\/./.test(path));

describe("a binary", () => {
  it("of a host that answers is downloaded, and is the official one from then on", async () => {
    // Given
    const kubectl = release("kubectl");
    const hashes = table([kubectl]);
    // When
    const lines = await fetched({ files: [kubectl.file], hashes });
    // Then
    expect(lines).toEqual([`  kubectl v1: downloaded from ${host}`]);
    expect(readFileSync(toolPath("kubectl"), "utf8")).toBe(program);
    expect(statSync(toolPath("kubectl")).mode & 0o777).toBe(0o755);
    expect(isOfficial("kubectl", [kubectl.file], hashes)).toBe(true);
    expect(leftovers()).toEqual([]);
    // When the table has another hash, as after an upgrade
    hashes[kubectl.file.url].hash = sha256(Buffer.from("another version"));
    // Then
    expect(isOfficial("kubectl", [kubectl.file], hashes)).toBe(false);
  });

  it.each<[string, (at: { hash: string }) => void, RegExp]>([
    [
      "has another hash",
      ({ hash }) => answers.set(`${host}/kubectl.tar.gz`, { body: Buffer.from(hash) }),
      /wrong hash: sha256:[0-9a-f]{64} instead of sha256:[0-9a-f]{64}; compiled instead$/,
    ],
    [
      "is cut off",
      () => {
        answers.get(`${host}/kubectl.tar.gz`)!.fault = "cuts off";
      },
      /: cut off after \d+ of \d+ bytes; compiled instead$/,
    ],
    [
      "stalls",
      () => {
        answers.get(`${host}/kubectl.tar.gz`)!.fault = "stalls";
      },
      /: too slow: less than 10 bytes in 0.5 s; compiled instead$/,
    ],
    ["is not there", () => answers.delete(`${host}/kubectl.tar.gz`), /: HTTP 404; compiled instead$/],
  ])("that %s is compiled, and leaves nothing behind", async (_, spoil, line) => {
    // Given
    const kubectl = release("kubectl");
    const argo = release("argo");
    spoil(kubectl);
    // When
    const stalls = answers.get(`${host}/kubectl.tar.gz`)?.fault === "stalls";
    const limits = stalls ? impatient : patient;
    const lines = await fetched({ files: [kubectl.file], hashes: table([kubectl]), limits });
    // Then
    expect(lines).toEqual([expect.stringMatching(line)]);
    expect(lines[0]).toMatch(/^! kubectl v1: /);
    expect(existsSync(toolPath("kubectl"))).toBe(false);
    expect(leftovers()).toEqual([]);
    // And the next part is still had
    expect(await fetched({ files: [argo.file], hashes: table([argo]) })).toEqual([
      `  argo v1: downloaded from ${host}`,
    ]);
  });

  it("without a known hash is compiled, and is not asked for", async () => {
    const argo = release("argo");
    expect(await fetched({ files: [argo.file] })).toEqual([
      "! argo v1: no hash is known; npm run toolchain -- pin looks it up; compiled instead",
    ]);
    expect(answers.requests).toEqual([`HEAD ${host}/`]);
  });

  it("of a host that became slow is not waited for a second time", async () => {
    // Given
    const releases = ["kubectl", "argo"].map((tool) => release(tool));
    answers.get(`${host}/kubectl.tar.gz`)!.fault = "stalls";
    // When
    const lines = await fetched({
      files: releases.map(({ file }) => file),
      hashes: table(releases),
      limits: impatient,
    });
    // Then
    expect(lines[1]).toBe(`! argo v1: ${host} does not answer; compiled instead`);
    expect(answers.requests.filter((request) => request.startsWith("GET"))).toEqual([`GET ${host}/kubectl.tar.gz`]);
  });

  it("is compiled where its host is away, while those of other hosts are downloaded", async () => {
    // Given
    const gone = await startHost(answers.listener);
    await gone.end();
    const releases = [release("kubectl", gone.host), release("argo")];
    // When
    const lines = await fetched({ files: releases.map(({ file }) => file), hashes: table(releases) });
    // Then
    expect(lines).toEqual([
      `! kubectl v1: ${gone.host} does not answer; compiled instead`,
      `  argo v1: downloaded from ${host}`,
    ]);
  });
});

it("a machine without internet loses four seconds, and says one line", async () => {
  // Given a host that takes the connection and never answers, and one that is away
  const silent = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  ends.push(() => new Promise((resolve) => silent.close(() => resolve())));
  const { port } = silent.address() as { port: number };
  const gone = await startHost(answers.listener);
  await gone.end();
  const releases = [release("kubectl", `127.0.0.1:${port}`), release("argo", gone.host)];
  const image = { repository: `127.0.0.1:${port}/makers/server`, tag: "v1", digest: null };
  const started = Date.now();
  // When
  const lines = await fetched({
    files: releases.map(({ file }) => file),
    hashes: table(releases),
    images: [{ name: "server", image }],
    limits: undefined,
  });
  // Then
  expect(lines).toEqual(["No download host answers: what the cache lacks is compiled and built here."]);
  expect(Date.now() - started).toBeLessThan(5_000);
});

describe("an image", () => {
  const image = (digest: string | null) => ({ repository: `${host}/makers/server`, tag: "v1", digest });
  const pinned = (digest: string) =>
    writePins(join(cache, "pinned-digests.json"), {
      [`${host}/makers/server:v1`]: { hash: digest, source: "a test", checked: null },
    });

  it("is pulled by its digest, once", async () => {
    // Given
    const digest = answers.addImage(host, "makers/server", "v1", "layer");
    pinned(digest);
    const images = [{ name: "server", image: image(digest) }];
    // When
    const lines = await fetched({ images });
    // Then
    expect(lines).toEqual([`  image server: pulled from ${host}`]);
    expect((await pulledImage("server", image(digest)))?.digest).toBe(digest);
    // When its host is away
    answers.clear();
    // Then it is still there
    expect((await pulledImage("server", image(digest)))?.digest).toBe(digest);
  });

  it("without a known digest gets that of its tag, which is written down", async () => {
    // Given
    const digest = answers.addImage(host, "makers/server", "v1", "layer");
    // When
    const lines = await fetched({ images: [{ name: "server", image: image(null) }] });
    // Then
    expect(lines).toEqual([
      `${host}/makers/server:v1: ${digest}, as its registry says`,
      expect.stringMatching(/^Written to .*pinned-digests.json: commit it/),
      `  image server: pulled from ${host}`,
    ]);
    expect(readPins(join(cache, "pinned-digests.json"))).toEqual({
      [`${host}/makers/server:v1`]: {
        hash: digest,
        source: "its registry",
        checked: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      },
    });
  });

  it.each<[string, (digest: string) => void, RegExp]>([
    ["the registry does not have", () => answers.clear(), /unexpected status code 404 Not Found/],
    [
      "has other content than its digest says",
      (digest) => {
        const key = `${host}/v2/makers/server/manifests/${digest}`;
        const { body, type } = answers.get(key)!;
        answers.set(key, { body: Buffer.concat([body, Buffer.from(" ")]), type });
      },
      /digest/,
    ],
    [
      "stalls",
      () => {
        for (const [key, answer] of answers) if (key.includes("/blobs/")) answer.fault = "stalls";
      },
      /too slow: not complete after 2 s/,
    ],
  ])("that %s is built", async (_, spoil, reason) => {
    // Given
    const digest = answers.addImage(host, "makers/server", "v1", "layer");
    pinned(digest);
    spoil(digest);
    // When
    const stalls = [...answers.values()].some(({ fault }) => fault === "stalls");
    const images = [{ name: "server", image: image(digest) }];
    const lines = await fetched({ images, limits: stalls ? impatient : patient });
    // Then
    expect(lines).toEqual([expect.stringMatching(/^! image server: .*; built instead$/)]);
    expect(lines[0]).toMatch(reason);
    expect(await pulledImage("server", image(digest))).toBeUndefined();
  });

  it("of a registry that became slow is not waited for a second time", async () => {
    // Given
    const digest = answers.addImage(host, "makers/server", "v1", "layer");
    pinned(digest);
    for (const [key, answer] of answers) if (key.includes("/blobs/")) answer.fault = "stalls";
    // When
    const images = ["server", "copy"].map((name) => ({ name, image: image(digest) }));
    const lines = await fetched({ images, limits: impatient });
    // Then
    expect(lines[1]).toBe(`! image copy: ${host} does not answer; built instead`);
  });
});

it("the line of the phase claims no download where none came", () => {
  expect([0, 3, 12].map((count) => downloadedText(count, 12))).toEqual([
    "looked for, and none of 12 could be downloaded",
    "3 of 12 downloaded",
    "12 of 12 downloaded",
  ]);
});
