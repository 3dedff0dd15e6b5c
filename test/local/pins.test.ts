/** The tables of what is downloaded, and the commands that check them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manifestHashesPath, pinManifests } from "../../components/platform/manifest-pins";
import { pinnedManifests } from "../../config";
import { pinDigests } from "../../image-builder/pin-digests";
import { baseImages } from "../../images/base-images";
import { catalogue } from "../../images/catalogue";
import { digestsPath, pinnedReference } from "../../images/digests";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { type Pins, readPins } from "../../lib/pins";
import { k3dNode } from "../../local/docker-cluster/k3d";
import { kindNode } from "../../local/docker-cluster/kind";
import { toolGroups } from "../../local/toolchain/go-tools";
import { architectures, hashesPath, officialFiles } from "../../local/toolchain/official-binaries";
import { hashIn, pinBinaries } from "../../local/toolchain/pin-binaries";
import { isNeeded, localImageNames, officialImage } from "../../local/toolchain/third-party-images/recipes";
import { Answers, sha256, startHost } from "./download-hosts";

const answers = new Answers();
let host: string;
let end: () => Promise<void>;
beforeAll(async () => {
  ({ host, end } = await startHost(answers.listener));
});
afterAll(() => end());

describe("the table of binaries", () => {
  const files = architectures.flatMap((architecture) => officialFiles(architecture));

  it("has hashes of the versions that are compiled, and of no others", () => {
    const urls = files.map(({ url }) => url);
    for (const url of Object.keys(readPins(hashesPath))) expect(urls).toContain(url);
  });

  it("has Kubernetes for both architectures", () => {
    const urls = Object.keys(readPins(hashesPath)).filter((url) => url.includes("dl.k8s.io"));
    expect(urls).toHaveLength(architectures.length);
  });

  it("names tools that would otherwise be compiled", () => {
    const compiled = toolGroups.flatMap(({ tools }) => Object.keys(tools));
    for (const { tools } of files) for (const tool of Object.keys(tools)) expect(compiled).toContain(tool);
  });

  it("asks each host by HTTPS", () => {
    for (const { url, checksums } of files) for (const each of [url, checksums]) expect(each).toMatch(/^https:\/\//);
  });
});

describe("the table of release manifests", () => {
  it("has those of the pinned releases, but that of Argo Workflows, which no repository holds", () => {
    const urls = Object.values(pinnedManifests).flat();
    const known = Object.keys(readPins(manifestHashesPath));
    expect(urls).toEqual(expect.arrayContaining(known));
    expect(urls.filter((url) => !known.includes(url))).toEqual([pinnedManifests.argoWorkflows]);
  });
});

describe("all tables", () => {
  /** A repository with the file; a Go module; or what a `pin` command writes. */
  const place =
    /^([\w.-]+\/[\w.-]+, \S.*|the Go module \S+\/\S+ v\S+, .*|its registry|its host|https:\/\/\S+|not recorded)$/;

  it("have one hash alone whose place is not recorded", () => {
    const pins = [hashesPath, digestsPath, manifestHashesPath].flatMap((path) => Object.entries(readPins(path)));
    const unknown = pins.filter(([, { source }]) => source === "not recorded").map(([name]) => name);
    expect(unknown.filter((name) => name !== `${k3dNode.repository}:${k3dNode.tag}`)).toEqual([]);
  });

  it.each(["a repository", "other public repositories that pin this tag", "somewhere", ""])(
    "take no other words for a place: %j",
    (source) => expect(source).not.toMatch(place),
  );

  it.each([hashesPath, digestsPath, manifestHashesPath])(
    "say where each hash was found, and whether it was checked: %s",
    (path) => {
      for (const pin of Object.values(readPins(path)))
        expect(pin).toEqual({
          hash: expect.stringMatching(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/),
          source: expect.stringMatching(place),
          checked: pin.checked === null ? null : expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
        });
    },
  );

  it("name no image that nothing runs", () => {
    const ofNodes = [kindNode, k3dNode];
    const run = [...Object.values(catalogue), ...localImageNames.map(officialImage), ...baseImages, ...ofNodes];
    const names = run.map(({ repository, tag }) => `${repository}:${tag}`);
    for (const name of Object.keys(readPins(digestsPath))) expect(names).toContain(name);
  });

  it("have the digest of every image that a Dockerfile or a workflow of this repository builds on", async () => {
    const files = await exec("git", ["ls-files", "*Dockerfile", ".github"], { cwd: repositoryRoot });
    const texts = files
      .trim()
      .split("\n")
      .map((file) => readFileSync(join(repositoryRoot, file), "utf8"));
    const named = texts.flatMap((text) => [...text.matchAll(/([\w./-]+):([\w.-]+)@(sha256:[0-9a-f]{64})/g)]);
    const images = named.map(([, name, tag, digest]) => {
      // GitHub's workflows leave out the host and the folder of Docker Hub.
      const repository = name.includes("/") ? name : `docker.io/library/${name}`;
      return `${repository}:${tag}@${digest}`;
    });
    expect(new Set(images)).toEqual(new Set(baseImages.map(pinnedReference)));
  });
});

describe("a tool", () => {
  it("that only an image needs is not compiled once the image was pulled", () => {
    expect(isNeeded("argocd", new Set())).toBe(true);
    expect(isNeeded("argocd", new Set(["argocd"]))).toBe(false);
  });

  it("that the machine needs too is compiled anyway", () => {
    const pulled = new Set(localImageNames);
    for (const tool of ["kubectl", "kustomize", "argo", "crane", "hey", "pulumi"])
      expect(isNeeded(tool, pulled)).toBe(true);
  });
});

describe("the checksums of a release", () => {
  const [one, other] = ["1", "2"].map((digit) => digit.repeat(64));

  it.each([
    [`${one}  tool.tar.gz\n${other}  other.tar.gz\n`, `sha256:${one}`],
    [`${one} *tool.tar.gz\n`, `sha256:${one}`],
    [`${one}  ./tool.tar.gz\n`, `sha256:${one}`],
    [`${"3".repeat(128)}\n`, `sha512:${"3".repeat(128)}`],
    [`${other}  other.tar.gz\n`, undefined],
    ["<html>Not found</html>", undefined],
  ])("are read as releases write them: %j", (text, hash) => expect(hashIn(text, "tool.tar.gz")).toBe(hash));
});

it("npm run toolchain -- pin checks, corrects and keeps, and forgets other versions", async () => {
  // Given
  const hashes = Object.fromEntries(["good", "wrong", "new", "gone"].map((name) => [name, sha256(Buffer.from(name))]));
  const file = (name: string) => {
    const url = `http://${host}/${name}.tar.gz`;
    return { title: `${name} v1`, url, checksums: `${url}.sha256`, tools: {} };
  };
  for (const name of ["good", "wrong", "new"])
    answers.set(`${host}/${name}.tar.gz.sha256`, { body: Buffer.from(hashes[name].slice("sha256:".length)) });
  const before: Pins = {
    [file("good").url]: { hash: hashes.good, source: "a repository", checked: null },
    [file("wrong").url]: { hash: hashes.good, source: "a repository", checked: null },
    [file("gone").url]: { hash: hashes.gone, source: "a repository", checked: null },
    "https://example.org/v0.tar.gz": { hash: hashes.gone, source: "a repository", checked: null },
  };
  // When
  const { pins, lines, failures } = await pinBinaries(["good", "wrong", "new", "gone"].map(file), before);
  // Then
  const checked = expect.stringMatching(/^\d{4}-\d\d-\d\d$/);
  expect(pins).toEqual({
    [file("good").url]: { hash: hashes.good, source: "a repository", checked },
    [file("wrong").url]: { hash: hashes.wrong, source: file("wrong").checksums, checked },
    [file("new").url]: { hash: hashes.new, source: file("new").checksums, checked },
    [file("gone").url]: before[file("gone").url],
  });
  expect(lines).toEqual([
    "good v1, good.tar.gz: checked",
    `wrong v1, wrong.tar.gz: ${hashes.wrong} replaces ${hashes.good}`,
    `new v1, new.tar.gz: ${hashes.new}, as its release says`,
    "! gone v1, gone.tar.gz: HTTP 404: its hash stays as it is, unchecked",
  ]);
  expect(failures).toBe(1);
});

it("npm run toolchain -- pin checks manifests, adds missing ones, and keeps what the host has otherwise", async () => {
  // Given
  const url = (name: string) => `http://${host}/${name}.yaml`;
  const hashes = Object.fromEntries(["good", "other", "new", "cut"].map((name) => [name, sha256(Buffer.from(name))]));
  for (const name of ["good", "other", "new"]) answers.set(`${host}/${name}.yaml`, { body: Buffer.from(name) });
  answers.set(`${host}/cut.yaml`, { body: Buffer.from("cut off"), fault: "cuts off" });
  const pin = (hash: string) => ({ hash, source: "a repository", checked: null });
  const before: Pins = {
    [url("good")]: pin(hashes.good),
    [url("other")]: pin(hashes.good),
    [url("cut")]: pin(hashes.cut),
    "https://example.org/v0.yaml": pin(hashes.good),
  };
  // When
  const { pins, lines, failures } = await pinManifests(["good", "other", "new", "cut"].map(url), before);
  // Then
  const checked = expect.stringMatching(/^\d{4}-\d\d-\d\d$/);
  expect(pins).toEqual({
    [url("good")]: { ...pin(hashes.good), checked },
    [url("other")]: before[url("other")],
    [url("new")]: { hash: hashes.new, source: "its host", checked },
    [url("cut")]: before[url("cut")],
  });
  expect(lines).toEqual([
    `${url("good")}: checked`,
    `! ${url("other")}: its host has ${hashes.other} instead of ${hashes.good}: find out why, and correct the table`,
    `${url("new")}: ${hashes.new}, as its host has it`,
    `! ${url("cut")}: cut off after 3 of 7 bytes`,
  ]);
  expect(failures).toBe(2);
});

it("npm run images -- pin keeps a digest that the registry has, and replaces one that it does not have", async () => {
  // Given
  const older = answers.addImage(host, "makers/moved", "v1", "older");
  const newer = answers.addImage(host, "makers/moved", "v1", "newer");
  const lost = sha256(Buffer.from("lost"));
  const now = answers.addImage(host, "makers/lost", "v1", "now");
  const same = answers.addImage(host, "makers/same", "v1", "same");
  const images = ["moved", "lost", "same", "absent"].map((name) => ({
    repository: `${host}/makers/${name}`,
    tag: "v1",
  }));
  const pin = (hash: string) => ({ hash, source: "a repository", checked: null });
  const before: Pins = {
    [`${host}/makers/moved:v1`]: pin(older),
    [`${host}/makers/lost:v1`]: pin(lost),
    [`${host}/makers/same:v1`]: pin(same),
  };
  // When
  const { pins, lines, failures } = await pinDigests(images, before, 20_000);
  // Then
  const found = Object.values(pins).map(({ hash, source, checked }) => [hash, source, checked !== null]);
  expect(found).toEqual([
    [older, "a repository", true],
    [now, "its registry", true],
    [same, "a repository", true],
  ]);
  expect(lines.map((line) => line.replaceAll(`${host}/makers/`, ""))).toEqual([
    `moved:v1: checked; its tag has moved on to ${newer}`,
    `lost:v1: ${now} replaces ${lost}, which its registry does not have`,
    "same:v1: checked",
    expect.stringMatching(/^! absent:v1: .*404 Not Found.*: it has no digest yet$/),
  ]);
  expect(failures).toBe(1);
});
