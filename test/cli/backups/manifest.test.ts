import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { canOpen, checkFiles, type Manifest, manifestText, readBackup } from "../../../cli/backups/manifest";

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gourmetgram-backup-"));
  folder = join(root, "friday");
  mkdirSync(folder);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const digest = `sha256:${"a".repeat(64)}`;
const contents = { "mlflow.db": "tables", "artifacts.tar": "models", "images/index.json": "{}" };

function manifest(changes: Partial<Manifest> = {}): Manifest {
  return {
    time: "2026-01-30T17:00:00Z",
    stack: "staging",
    mlflow: "3.17.2",
    environments: { staging: { version: "1.0.2", digest }, canary: null },
    freeze: null,
    models: 2,
    releases: 5,
    lostImages: [],
    files: Object.entries(contents).map(([path, text]) => ({
      path,
      bytes: text.length,
      sha256: createHash("sha256").update(text).digest("hex"),
    })),
    ...changes,
  };
}

/** Writes a whole backup. */
function write(text = manifestText(manifest())): void {
  mkdirSync(join(folder, "images"), { recursive: true });
  for (const [path, content] of Object.entries(contents)) writeFileSync(join(folder, path), content);
  writeFileSync(join(folder, "backup.json"), text);
}

const check = async () => {
  const seen: string[] = [];
  await checkFiles(await readBackup(folder), (path) => seen.push(path));
  return seen;
};
const remedy = "copy the backup again from where it was kept, or restore another one";

describe("a whole backup", () => {
  it("is read as it was written, file by file", async () => {
    write();
    expect((await readBackup(folder)).manifest).toEqual({ format: 1, ...manifest() });
    expect(await check()).toEqual(Object.keys(contents));
  });

  it("is the same backup wherever it is, and another one with any other content", async () => {
    write();
    const { id } = await readBackup(folder);
    renameSync(folder, join(root, "moved"));
    expect((await readBackup(join(root, "moved"))).id).toBe(id);
    write(manifestText(manifest({ releases: 6 })));
    expect((await readBackup(folder)).id).not.toBe(id);
  });
});

describe("what is no whole backup", () => {
  it("is a folder of anything else", async () => {
    await expect(readBackup(folder)).rejects.toThrow(
      new Error(`${folder} is no backup, since it has no backup.json: name the folder that npm run backup wrote`),
    );
  });

  it.each(["friday.unfinished", "friday"])("is one that was interrupted, in %s", async (name) => {
    mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, name, "mlflow.db"), "half");
    await expect(readBackup(folder)).rejects.toThrow(
      new Error(
        `${folder} is no whole backup, since it was interrupted: restore another one, or run npm run backup again`,
      ),
    );
  });

  it("is one of a newer program", async () => {
    write(JSON.stringify({ format: 2 }));
    await expect(readBackup(folder)).rejects.toThrow(
      new Error(`${folder} has the format 2, and this program reads 1: use the one that wrote it`),
    );
  });

  it.each<[string, string]>([
    ["cut off", manifestText(manifest()).slice(0, 200)],
    ["without a field", JSON.stringify({ format: 1, ...manifest(), mlflow: undefined })],
    ["with a path that leads out of it", manifestText(manifest({ files: [{ ...manifest().files[0], path: "../x" }] }))],
    ["with an absolute path", manifestText(manifest({ files: [{ ...manifest().files[0], path: "/etc/passwd" }] }))],
  ])("has a manifest %s", async (_what, text) => {
    write(text);
    await expect(readBackup(folder)).rejects.toThrow(/is not as npm run backup wrote it.*: restore another backup$/);
  });

  it("lists no database", async () => {
    write(manifestText(manifest({ files: manifest().files.slice(1) })));
    await expect(check()).rejects.toThrow("does not list mlflow.db: restore another backup");
  });

  it("lacks a file", async () => {
    write();
    rmSync(join(folder, "images/index.json"));
    await expect(check()).rejects.toThrow(new Error(`the backup lacks ${folder}/images/index.json: ${remedy}`));
  });

  it("has a file that was cut off", async () => {
    write();
    writeFileSync(join(folder, "artifacts.tar"), "mod");
    await expect(check()).rejects.toThrow(new Error(`${folder}/artifacts.tar has 3 bytes instead of 6: ${remedy}`));
  });

  it("has a file with another content of the same length", async () => {
    write();
    writeFileSync(join(folder, "mlflow.db"), "Tables");
    await expect(check()).rejects.toThrow(
      new Error(`${folder}/mlflow.db has another content than was written: ${remedy}`),
    );
  });
});

it.each([
  ["3.17.2", "3.17.2", true],
  ["3.17.2", "3.9.11", true],
  ["3.17.2", "2.99.9", true],
  ["3.17.2", "3.17.3", false],
  ["3.17.2", "3.18.0", false],
  ["3.17.2", "4.0.0", false],
  ["3.17.2", "3.17.2-rc1", true],
])("MLflow %s opens what %s wrote: %s", (own, written, expected) => expect(canOpen(own, written)).toBe(expected));
