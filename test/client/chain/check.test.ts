import { spawnSync } from "node:child_process";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { headOf, renderChain } from "../../../cli/verify";
import { checkChain, type Link, stateOf } from "../../../client/chain/check";
import { type Evidence, evidenceOf, parseEvidence, parseKeys } from "../../../client/chain/evidence";
import { publicKeysOf } from "../../../client/signing-keys";
import { repositoryRoot } from "../../../lib/paths";

const hash = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");
const type = "application/vnd.in-toto+json";

class Signer {
  readonly pem: string;
  readonly id: string;
  private readonly key: KeyObject;
  constructor(readonly name: string) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.key = privateKey;
    this.pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    this.id = hash(publicKey.export({ type: "spki", format: "der" }));
  }
  sign(sha256: string, predicateType: string, predicate: object, name = "registry/gourmetgram-app"): string {
    const subject = [{ name, digest: { sha256 } }];
    const payload = JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate });
    const signed = Buffer.from(`DSSEv1 ${type.length} ${type} ${Buffer.byteLength(payload)} ${payload}`);
    return JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      dsseEnvelope: {
        payloadType: type,
        payload: Buffer.from(payload).toString("base64"),
        signatures: [{ keyid: this.id, sig: sign("sha256", signed, this.key).toString("base64") }],
      },
    });
  }
}

const [training, build, gates, release] = ["training", "build", "gates", "release"].map((name) => new Signer(name));
const stranger = new Signer("gates");
const signers = [training, build, gates, release];
const keys = Object.fromEntries(signers.map(({ name, id, pem }) => [`${name}.${id}`, pem]));
const image = "7".repeat(64);
const other = "8".repeat(64);
const data = "d".repeat(64);
const onnx = hash("onnx");
const record = JSON.stringify({ run: "run7", scenario: "normal", data_sha256: data, accuracy: 0.94 });
const files = { "food11.onnx": onnx, "training.json": hash(record) };
const model = hash(Buffer.concat(Object.values(files).map((sha256) => Buffer.from(sha256, "hex"))));
const withdrawalOf = (at: string) =>
  release.sign(image, "https://gourmetgram.io/withdrawal/v1", { reason: "canary: too slow", at });

const signature = (by = training) =>
  by.sign(
    model,
    "https://model_signing/signature/v1.0",
    {
      serialization: { method: "files", hash_type: "sha256" },
      resources: Object.entries(files).map(([name, digest]) => ({ name, algorithm: "sha256", digest })),
    },
    "GourmetGramFood11Model",
  );
const provenance = (changed: object = {}, version = "7", by = build) =>
  by.sign(image, "https://slsa.dev/provenance/v1", {
    buildDefinition: {
      buildType: "https://gourmetgram.io/build-container-image/v1",
      externalParameters: { model: "GourmetGramFood11Model", version },
      resolvedDependencies: Object.entries({ base: "b".repeat(64), model, "food11.onnx": onnx, data, ...changed })
        .map(([name, sha256]) => ({ name, digest: { sha256 } }))
        .concat({ name: "source", digest: { gitCommit: "c0ffee" } } as never),
    },
  });
const verdict = (gate: string, { by = gates, of = image, word = "pass", at = "2026-01-05T10:00:00Z" } = {}) =>
  by.sign(of, "https://gourmetgram.io/gate-verdict/v1", {
    gate,
    verdict: word,
    reason: word === "pass" ? "" : "p95 is 900 ms",
    figures: { p95_ms: 120 },
    bars: { p95_ms: 500 },
    at,
  });
const released = (environment: string, approvals: object[] = []) =>
  release.sign(image, "https://gourmetgram.io/release/v1", {
    environment,
    version: "1.0.7",
    requestedBy: "student",
    approvals,
    at: "2026-01-05T11:00:00Z",
  });

type Beside = Record<string, string | null>;
const whole: Beside = {
  provenance: provenance(),
  load: verdict("load"),
  resource: verdict("resource"),
  canary: released("canary"),
  production: released("production", [{ user: "teacher", message: "good" }]),
};

function evidence(beside: Beside = whole, changed: Partial<Evidence> = {}): Evidence {
  const environments = ["staging", "canary", "production"].map((name) => ({
    name,
    version: "1.0.7",
    digest: `sha256:${image}`,
  }));
  return evidenceOf({
    version: "7",
    readAt: "2026-01-06T00:00:00Z",
    gates: ["load", "resource"],
    keys,
    collected: null,
    withdrawn: null,
    training: { run: "run7", signature: signature(), record, files },
    image: `sha256:${image}`,
    attestations: Object.values(beside).map((content) => ({ manifest: `sha256:${hash(content ?? "")}`, content })),
    environments,
    ...changed,
  });
}

const check = (given: Evidence, trusted: Record<string, string> = keys) => checkChain(given, publicKeysOf(trusted));
const faults = (link: Link): string[] => [...(link.fault ? [link.fault] : []), ...link.links.flatMap(faults)];
/** State of the chain, with all that is wrong. */
const found = (given: Evidence, trusted?: Record<string, string>) => {
  const chain = check(given, trusted);
  return [stateOf(chain), ...faults(chain)];
};
const without = (...names: string[]): Beside =>
  Object.fromEntries(Object.entries(whole).filter(([name]) => !names.includes(name)));
const changedTraining = (training: Partial<Evidence["training"]>) =>
  evidence(whole, { training: { ...evidence().training, ...training } });
/** The same envelope with another text in its payload. */
const forged = (bundle: string, from: string, to: string) => {
  const found = JSON.parse(bundle);
  const text = Buffer.from(found.dsseEnvelope.payload, "base64").toString();
  expect(text).toContain(from);
  found.dsseEnvelope.payload = Buffer.from(text.replace(from, to)).toString("base64");
  return JSON.stringify(found);
};
const unvouched = "What the build signed names a model that no signature vouches for.";
const noFit = "it was changed after it was signed, or its signature was: they do not fit";

describe("checkChain", () => {
  it("finds a chain whole", () => expect(found(evidence())).toEqual(["whole"]));

  it("names a key that is not known, and one that signs other things", () => {
    const id = stranger.id.slice(0, 12);
    expect(found(evidence({ ...whole, load: verdict("load", { by: stranger }) }))).toEqual([
      "broken",
      `The verdict of the load gate does not count: it is signed with a key that is not known, ${id}.`,
    ]);
    expect(found(evidence({ ...whole, load: verdict("load", { by: build }) }))).toEqual([
      "broken",
      "The verdict of the load gate does not count: " +
        "it is signed with the key build, and only the key gates may sign it.",
    ]);
    expect(found(changedTraining({ signature: signature(gates) }))).toEqual([
      "broken",
      "The signature of the model does not count: " +
        "it is signed with the key gates, and only the key training may sign it.",
      unvouched,
    ]);
    expect(found(evidence({ ...whole, provenance: provenance({}, "7", gates) }))).toEqual([
      "broken",
      "What the build signed of the image does not count: " +
        "it is signed with the key gates, and only the key build may sign it.",
    ]);
  });

  it("takes no key under another id", () => {
    const moved = { ...keys, [`gates.${gates.id}`]: stranger.pem };
    expect(found(evidence(), moved)[1]).toBe(
      "The verdict of the load gate does not count: " +
        `it is signed with a key that is not known, ${gates.id.slice(0, 12)}.`,
    );
  });

  it("names each link that is missing", () => {
    expect(found(changedTraining({ signature: null }))).toEqual([
      "broken",
      "A link is missing: no training signed the model of version 7.",
      unvouched,
    ]);
    expect(found(evidence(without("provenance")))).toEqual([
      "broken",
      "A link is missing: no build signed what the image was made from.",
    ]);
    expect(found(evidence(without("load")))).toEqual([
      "broken",
      "A link is missing: the load gate signed no verdict on this image.",
    ]);
    expect(found(evidence(without("production")))).toEqual([
      "broken",
      "A link is missing: production runs it, and no release of it to production is signed.",
    ]);
    expect(found(evidence({}, { image: null }))).toEqual(["broken", "A link is missing: version 7 has no image."]);
    const { "food11.onnx": _, ...rest } = files;
    expect(found(changedTraining({ files: rest }))[1]).toBe(
      "The signature of the model does not count: food11.onnx, which it lists, is missing.",
    );
  });

  it("names what was changed", () => {
    expect(found(evidence({ ...whole, load: forged(whole.load!, "120", "119") }))).toEqual([
      "broken",
      `The verdict of the load gate does not count: ${noFit}.`,
    ]);
    expect(found(evidence({ ...whole, canary: forged(whole.canary!, "student", "teacher") }))).toEqual([
      "broken",
      `The release to canary does not count: ${noFit}.`,
    ]);
    const better = record.replace("0.94", "0.99");
    expect(found(changedTraining({ record: better }))[1]).toBe(
      "The signature of the model does not count: training.json was changed after it was signed: " +
        `its SHA-256 is ${hash(better).slice(0, 12)}, not ${hash(record).slice(0, 12)}.`,
    );
    expect(found(changedTraining({ files: { ...files, "food11.onnx": other } }))[1]).toBe(
      "The signature of the model does not count: food11.onnx was changed after it was signed: " +
        `its SHA-256 is 888888888888, not ${onnx.slice(0, 12)}.`,
    );
  });

  it("compares what the build names with what the training signed", () => {
    expect(found(evidence({ ...whole, provenance: provenance({ data: other }) }))).toEqual([
      "broken",
      "The build names another digest of the data, 888888888888, than the training signed, dddddddddddd.",
    ]);
    expect(found(evidence({ ...whole, provenance: provenance({}, "6") }))).toEqual([
      "broken",
      "The image was built of version 6 of GourmetGramFood11Model, and not of version 7.",
    ]);
  });

  it("names what is replayed", () => {
    expect(found(evidence({ ...whole, load: verdict("load", { of: other }) }))).toEqual([
      "broken",
      "The verdict of the load gate does not count: " +
        "it was signed for another image, sha256:888888888888, and replayed.",
    ]);
    expect(found(changedTraining({ run: "run8" }))[1]).toBe(
      "The signature of the model does not count: it was signed for another training, run run7, and replayed.",
    );
  });

  it("counts the last verdict, and a withdrawal only against those of before", () => {
    const failed = verdict("load", { word: "fail", at: "2026-01-05T10:00:01Z" });
    expect(found(evidence({ ...whole, failed }))).toEqual([
      "broken",
      "Its last verdict, of 2026-01-05T10:00:01Z, is fail: p95 is 900 ms.",
    ]);
    const afterwards = "It passed at 2026-01-05T10:00:00Z, and its pass was withdrawn afterwards, at ";
    const fault = `${afterwards}2026-01-05T12:00:00Z: canary: too slow.`;
    expect(found(evidence({ ...whole, withdrawal: withdrawalOf("2026-01-05T12:00:00Z") }))).toEqual([
      "broken",
      fault,
      fault,
    ]);
    expect(found(evidence({ ...whole, withdrawal: withdrawalOf("2026-01-05T09:59:59Z") }))).toEqual(["whole"]);
    expect(found(evidence(whole, { withdrawn: "canary: too slow" }))).toEqual([
      "broken",
      "MLflow says that its pass was withdrawn, and nobody signed that: canary: too slow.",
    ]);
  });

  it("says what it cannot check", () => {
    const unsigned = { ...evidence().training, signature: null };
    expect(found(evidence({}, { training: unsigned }))).toEqual([
      "unchecked",
      "Version 7 is from before signatures: neither its training nor its build signed anything. " +
        "Train it again to have it signed.",
    ]);
    expect(found(evidence({}, { collected: "2026-01-05" }))).toEqual([
      "unchecked",
      "Version 7 was collected at 2026-01-05: its files, its image and its signatures are gone.",
    ]);
    const environments = [{ name: "staging", version: null, digest: null }];
    expect(found(evidence(whole, { environments }))).toEqual(["unchecked", "What staging runs is not known."]);
  });

  it("tells what runs from what says so", () => {
    const at = (version: string) => [{ name: "production", version, digest: `sha256:${other}` }];
    expect(found(evidence(whole, { environments: at("1.0.6") }))).toEqual(["whole"]);
    expect(found(evidence(whole, { environments: at("1.0.7") }))).toEqual([
      "broken",
      "production runs another image as 1.0.7, sha256:888888888888.",
    ]);
  });

  it("is not broken by what a stranger put beside it", () => {
    expect(found(evidence({ ...whole, more: verdict("load", { by: stranger, word: "fail" }) }))).toEqual([
      "whole",
      `It does not count: it is signed with a key that is not known, ${stranger.id.slice(0, 12)}.`,
    ]);
  });
});

describe("a gate that the stack no longer has", () => {
  it("is named with what it signed, and decides nothing", () => {
    const earlier = {
      latency: verdict("latency", { word: "fail" }),
      older: verdict("latency", { at: "2026-01-04T10:00:00Z" }),
    };
    expect(found(evidence({ ...whole, ...earlier }))).toEqual([
      "whole",
      "It signed fail at 2026-01-05T10:00:00Z, and does not count: the stack has it no longer.",
    ]);
  });
});

describe("npm run verify of a saved bundle", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "verify-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["--require", "tsx/cjs", "cli/verify.ts", ...args], {
      cwd: repositoryRoot,
      encoding: "utf8",
    });

  it("ends with 0 for a whole chain, with the keys that a person trusts", () => {
    const bundle = file("bundle.json", JSON.stringify(evidence()));
    const trusted = file("keys.json", JSON.stringify({ kind: "ConfigMap", data: keys }));
    const { status, stdout } = run("--bundle", bundle, "--keys", trusted);
    expect([status, stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "The chain is whole."]);
    expect(stdout.replace(/\s+/g, " ")).toContain(`with the keys of ${trusted}`);
  });

  it("ends with 1 for a broken one", () => {
    const bundle = file("bundle.json", JSON.stringify(evidence(without("load"))));
    const { status, stdout } = run("--bundle", bundle);
    expect([status, stdout.trimEnd().split("\n").at(-1)]).toEqual([1, "The chain is broken."]);
    expect(stdout).toContain("the load gate signed no verdict");
  });

  it("ends with 2 where it cannot be checked", () => {
    const bundle = file("bundle.json", "{}");
    expect(run("--bundle", bundle)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`${bundle} cannot be read: it is no bundle of npm run verify`),
    });
    expect(run("7", "--bundle", bundle)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^Usage: npm run verify/),
    });
  });
});

describe("a saved bundle", () => {
  it("is checked as what it was saved from", () => {
    expect(found(parseEvidence(JSON.stringify(evidence())))).toEqual(["whole"]);
    expect(() => parseEvidence('{"format": "x"}')).toThrow("it is no bundle of npm run verify -- <version> --save");
    expect(() => parseEvidence("x")).toThrow("it is no bundle of npm run verify -- <version> --save");
  });
  it("is checked with the keys of a ConfigMap", () => {
    expect(parseKeys(JSON.stringify({ kind: "ConfigMap", data: keys }))).toEqual(publicKeysOf(keys));
    expect(() => parseKeys("{}")).toThrow("it is no ConfigMap as JSON with public keys");
  });
  it("says whose keys it is checked with", () => {
    expect(headOf(evidence(), "b.json")).toContain("with the bundle's own keys: they prove nothing");
    expect(headOf(evidence(), "b.json", "k.json")).toMatch(/with the keys of k.json$/);
    expect(headOf(evidence())).toBe("1.0.7 at 2026-01-06T00:00:00Z, with the keys of the cluster");
  });
});

describe("renderChain", () => {
  it("fits 80 columns, but for a digest", () => {
    const text = renderChain(check(evidence({ ...whole, failed: verdict("load", { by: stranger }) })), "head");
    expect(text.split("\n").filter((line) => line.length > 80 && !/[0-9a-f]{64}/.test(line))).toEqual([]);
    expect(text).toContain("├─ ✓ load gate passed at 2026-01-05T10:00:00Z");
    expect(text).toContain("approved by teacher");
    expect(text.endsWith("The chain is whole.")).toBe(true);
  });
  it("lets nobody else's text move the cursor", () => {
    expect(renderChain({ title: "a\u001b[2Jb", state: "whole", facts: [], links: [] }, "head")).not.toContain("\u001b");
  });
});
