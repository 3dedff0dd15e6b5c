/** What is signed of a version: forged, by a key that was rotated, and by one that is not trusted any more. */
import { beforeEach, describe, expect, it } from "vitest";
import { signingKeysName, workflowNamespace } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import { followToEnd, newVersionInCanary, promote, submitBuild } from "./faults";
import { environment, expectSettled, tags } from "./observations";
import { moveTag } from "./registry";

const keysPath = `/api/v1/namespaces/${workflowNamespace}/configmaps/${signingKeysName}`;
/** The version that staging and canary serve before each test. */
let good: string;
beforeEach(async () => {
  good = (await environment("staging")).version!.replace("1.0.", "");
  expect((await environment("canary")).version).toBe(`1.0.${good}`);
});

/** The tag that lists what is signed of a version's image. */
const signaturesOf = async (version: string) => (await tags(version)).image_digest.replace(":", "-");

const verify = (version: string) => npm("run", "verify", "--", version);

/** Writes an entry of the public keys, as docs/operate.md says; null takes it out. @returns what was there */
async function writePublicKey(entry: string, pem: string | null): Promise<string> {
  const { data } = await connect().api<{ data: Record<string, string> }>(keysPath);
  const headers = { "content-type": "application/merge-patch+json" };
  await connect().api(keysPath, { method: "PATCH", headers, body: { data: { [entry]: pem } } });
  return data[entry];
}

describe("Given a version that passed staging, with all of it signed", () => {
  it("When what is signed of another version lies beside its image, Then it promotes nothing", async () => {
    const version = await newVersionInCanary(good);
    expect((await verify(version)).code).toBe(0);
    await moveTag(await signaturesOf(good), await signaturesOf(version));
    const { exitCode, sentence } = await promote(version, "staging", "canary");
    const unproven =
      `Nothing proves that ${(await tags(version)).image_digest.slice(0, 19)} of version ${version} passed staging: ` +
      "no verdict of the integration gate on it is signed by a key that counts";
    expect([exitCode, sentence]).toEqual([1, expect.stringContaining(unproven)]);
    const broken = await verify(version);
    expect([broken.code, broken.stdout]).toEqual([1, expect.stringContaining("The chain is broken.")]);
    await expectSettled({ staging: `1.0.${version}`, canary: `1.0.${version}` });

    expect(await followToEnd(await submitBuild(version))).toMatchObject({ exitCode: 0, word: "Promoted" });
    const whole = await verify(version);
    expect([whole.code, whole.stdout]).toEqual([0, expect.stringContaining("The chain is whole.")]);
  });

  it("When a key is rotated, Then what it signed counts, and the new one signs the next verdicts", async () => {
    const rotated = await npm("run", "rotate-key", "--", "gates");
    const [, key, before] = /^The key gates is now (\w+)\. What (\w+) signed still counts\.$/m.exec(rotated.stdout)!;
    const known = await verify(good);
    expect([known.code, known.stdout]).toEqual([0, expect.stringContaining(`signed by gates ${before}`)]);
    const next = await newVersionInCanary(good);
    const signed = await verify(next);
    expect([signed.code, signed.stdout]).toEqual([0, expect.stringContaining(`signed by gates ${key}`)]);
    expect(signed.stdout).not.toContain(before);
  });

  it("When a key is not to be trusted any more, Then what it signed is not promoted, and goes on serving", async () => {
    const { data } = await connect().api<{ data: Record<string, string> }>(keysPath);
    const [, id] = /signed by gates (\w+)/.exec((await verify(good)).stdout)!;
    const entry = Object.keys(data).find((name) => name.startsWith(`gates.${id}`))!;
    const pem = await writePublicKey(entry, null);
    try {
      const { exitCode, sentence } = await promote(good, "staging", "canary");
      expect([exitCode, sentence]).toEqual([1, expect.stringContaining("no verdict of the integration gate on it")]);
      expect((await verify(good)).code).toBe(1);
      await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    } finally {
      await writePublicKey(entry, pem);
    }
    expect((await verify(good)).code).toBe(0);
  });
});
