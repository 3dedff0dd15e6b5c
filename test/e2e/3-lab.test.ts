import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEvidence } from "../../cli/lab-evidence";
import { ensurePackages } from "../../local/toolchain/debian-packages";
import { connect } from "../../stacks/stack-cluster";
import { type Finished, npm } from "./commands";
import { environment } from "./observations";

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const folder = mkdtempSync(join(tmpdir(), "gourmetgram-lab-"));
const file = join(folder, "evidence.json");
afterAll(() => rmSync(folder, { recursive: true }));

const verify = (...options: string[]) => npm("run", "lab:verify", "--", folder, ...options);

describe("Given the scenarios were played", () => {
  describe("When lab:check runs", () => {
    let check: Finished;
    beforeAll(async () => {
      await ensurePackages(["chromium"], () => undefined);
      check = await npm("run", "lab:check", "--", "--name", "A Student", "--folder", folder);
    });

    it("Then each exercise is found, and what runs is what the record says", async () => {
      expect(check.output).toContain("4 of 4 exercises are done.\n");
      expect(check.output).toContain("What the record says runs in staging, canary and production.\n");
      expect(check.code).toBe(0);
      const { content, problems } = readEvidence(readFileSync(file, "utf8"));
      expect(problems).toEqual([]);
      const { exercises, name, user } = content!;
      expect([name, user]).toEqual(["A Student", await connect().username()]);
      const [promotion, badArchitecture, oversized, byHand] = exercises.map(({ evidence }) => evidence!);
      const served = await environment("production");
      expect(promotion).toMatchObject({ version: served.version, digest: served.digest });
      expect(badArchitecture.gates.integration).toMatch(/^fail: \/test answers 500: /);
      expect(oversized.gates.resource).toMatch(/^fail: OOMKilled: /);
      expect(byHand).toMatchObject({ version: served.version, record: { requestedBy: user } });
    });

    it("Then the evidence has a picture of each view of the board, and no key of the kubeconfig", async () => {
      for (const view of ["pipeline", "models", "history"]) {
        const picture = readFileSync(join(folder, `board-${view}.png`));
        expect(picture.subarray(0, 8)).toEqual(pngSignature);
        expect(picture.length, view).toBeGreaterThan(20_000);
      }
      const { keyData, certData } = (await connect().config()).getCurrentUser()!;
      const text = readFileSync(file, "utf8");
      for (const secret of [keyData!, certData!]) {
        expect(secret.length).toBeGreaterThan(100);
        expect(text.includes(secret)).toBe(false);
      }
    });
  });

  describe("When an instructor runs lab:verify", () => {
    it("Then it accepts the evidence, also beside the cluster's own record", async () => {
      const alone = await verify();
      expect(alone.output).toContain(
        "Pictures of the board: board-pipeline.png, board-models.png and board-history.png.\n",
      );
      expect(alone.output).toContain("It says that it is of A Student: the user ");
      expect(alone.code).toBe(0);
      const compared = await verify("--cluster");
      expect(compared.output).toContain("The cluster's record shows the same exercises.\n");
      expect(compared.code).toBe(0);
    });

    it.each([
      ["evidence.json", 'its part "name" was changed after it was written'],
      ["board-models.png", "the picture board-models.png was changed after it was taken"],
    ])("Then it refuses the folder with one byte of %s changed, and names what changed", async (changed, problem) => {
      const path = join(folder, changed);
      const written = readFileSync(path);
      const other = Buffer.from(written);
      const index = changed === "evidence.json" ? written.indexOf("A Student") : written.length - 1;
      other[index] ^= 1;
      writeFileSync(path, other);
      const refused = await verify();
      writeFileSync(path, written);
      expect(refused.output).toContain(`${basename(folder)} is not valid: ${problem}.\n`);
      expect(refused.code).toBe(1);
    });
  });
});
