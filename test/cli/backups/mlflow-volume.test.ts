import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backup, BackupFile } from "../../../cli/backups/manifest";
import { exec } from "../../../lib/exec";
import { sql, volumeAt } from "./local-volume";

let root: string;
let data: string;
let folder: string;
const quiet = () => undefined;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "gourmetgram-backup-"));
  [data, folder] = [join(root, "data"), join(root, "backup")];
  for (const path of [data, folder]) mkdirSync(path);
  await sql(join(data, "mlflow.db"), "CREATE TABLE runs (name TEXT)", "INSERT INTO runs VALUES ('first')");
  write("artifacts/0/abc/artifacts/model.onnx", "a model");
  write("artifacts/1/empty", "");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string, base = data): void {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  writeFileSync(join(base, path), text);
}

const runsOf = (path: string) => sql(path, "SELECT name FROM runs");

async function save(): Promise<Backup> {
  const volume = volumeAt(data);
  const database = await volume.saveDatabase(join(folder, "mlflow.db"), quiet);
  const artifacts = await volume.saveArtifacts(join(folder, "artifacts.tar"), quiet);
  return backupOf([database, artifacts]);
}
const backupOf = (files: BackupFile[]) => ({ folder, id: "id", manifest: { files } }) as unknown as Backup;

describe("a backup of MLflow's volume", () => {
  it("has the database and the artifacts, for this person alone, and says what each is", async () => {
    const { manifest } = await save();
    for (const { path, bytes, sha256 } of manifest.files) {
      const content = readFileSync(join(folder, path));
      expect([content.length, createHash("sha256").update(content).digest("hex")]).toEqual([bytes, sha256]);
      expect(statSync(join(folder, path)).mode & 0o777).toBe(0o600);
    }
    expect(await runsOf(join(folder, "mlflow.db"))).toEqual([["first"]]);
    expect((await exec("tar", ["-tf", join(folder, "artifacts.tar")])).split("\n")).toContain(
      "./0/abc/artifacts/model.onnx",
    );
    expect(readdirSync(data).sort()).toEqual(["artifacts", "mlflow.db"]);
  });

  it("leaves out what the daily collection deletes meanwhile", async () => {
    write("artifacts/2/a-large-one", "x".repeat(32 * 1024 * 1024));
    write("artifacts/2/later", "later");
    const collect = () => rmSync(join(data, "artifacts/2/later"), { force: true });
    await volumeAt(data).saveArtifacts(join(folder, "artifacts.tar"), collect);
    const saved = (await exec("tar", ["-tf", join(folder, "artifacts.tar")])).split("\n");
    expect(saved.filter((path) => path.startsWith("./2/"))).toEqual(["./2/", "./2/a-large-one"]);
  });

  it("has no artifacts before the first training", async () => {
    rmSync(join(data, "artifacts"), { recursive: true });
    await save();
    expect(await exec("tar", ["-tf", join(folder, "artifacts.tar")])).toBe("");
  });

  it("leaves out secrets, and what was deleted before", async () => {
    await sql(
      join(data, "mlflow.db"),
      "CREATE TABLE secrets (value TEXT)",
      "INSERT INTO secrets VALUES ('gateway-key')",
      "CREATE TABLE webhooks (name TEXT, secret TEXT)",
      "INSERT INTO webhooks VALUES ('chat', 'webhook-key'), ('open', NULL)",
      "INSERT INTO runs VALUES ('deleted-key')",
      "DELETE FROM runs WHERE name = 'deleted-key'",
    );
    expect((await volumeAt(data).saveDatabase(join(folder, "mlflow.db"), quiet)).secrets).toBe(2);
    expect(readFileSync(join(folder, "mlflow.db"), "latin1")).not.toMatch(/gateway-key|webhook-key|deleted-key/);
    expect(await sql(join(folder, "mlflow.db"), "SELECT name, secret FROM webhooks")).toEqual([
      ["chat", null],
      ["open", null],
    ]);
    expect(await sql(join(data, "mlflow.db"), "SELECT value FROM secrets")).toEqual([["gateway-key"]]);
  });

  it("fails for a damaged database, with a sentence", async () => {
    writeFileSync(join(data, "mlflow.db"), "not a database at all");
    await expect(save()).rejects.toThrow("file is not a database");
  });
});

const restoreOf = "restore-20260131T120000Z";
const former = () => join(data, `before-${restoreOf}`);

async function restore(backup: Backup, limit?: number): Promise<void> {
  const volume = volumeAt(data, limit);
  const { whole, restored } = await volume.look(restoreOf);
  if (restored) return;
  if (!whole) await volume.receive(restoreOf, backup, quiet);
  await volume.exchange(restoreOf);
}

describe("a restore of MLflow's volume", () => {
  let backup: Backup;
  beforeEach(async () => {
    backup = await save();
    await sql(join(data, "mlflow.db"), "INSERT INTO runs VALUES ('second')");
    write("artifacts/2/later", "later");
    write("mlflow.db-journal", ""); // SQLite leaves it where MLflow was killed
  });

  it("puts back what was backed up, and keeps what was there beside it", async () => {
    await restore(backup);
    expect(await runsOf(join(data, "mlflow.db"))).toEqual([["first"]]);
    expect(readFileSync(join(data, "artifacts/0/abc/artifacts/model.onnx"), "utf8")).toBe("a model");
    expect(existsSync(join(data, "artifacts/2"))).toBe(false);
    expect(readdirSync(data).sort()).toEqual([`before-${restoreOf}`, "artifacts", "mlflow.db", "restored.json"].sort());
    expect(readdirSync(former()).sort()).toEqual(["artifacts", "mlflow.db", "mlflow.db-journal"]);
    expect(await runsOf(join(former(), "mlflow.db"))).toEqual([["first"], ["second"]]);
    expect(readFileSync(join(former(), "artifacts/2/later"), "utf8")).toBe("later");
  });

  it("does nothing when it has been done", async () => {
    await restore(backup);
    await sql(join(data, "mlflow.db"), "INSERT INTO runs VALUES ('third')");
    await restore(backup);
    expect(await runsOf(join(data, "mlflow.db"))).toEqual([["first"], ["third"]]);
  });

  it.each([1_000, 10_000])(
    "changes nothing where the content breaks off after %d bytes, and a second run does it all",
    async (limit) => {
      const program = ["external_stores", "mlflow_data"]
        .map((name) => statSync(join(__dirname, `../../../cli/backups/${name}.py`)).size)
        .reduce((sum, size) => sum + size);
      await expect(restore(backup, program + limit)).rejects.toThrow("did not arrive as it was sent");
      expect(await runsOf(join(data, "mlflow.db"))).toEqual([["first"], ["second"]]);
      expect(await volumeAt(data).look(restoreOf)).toMatchObject({ whole: false, restored: false });
      await restore(backup);
      expect(await runsOf(join(data, "mlflow.db"))).toEqual([["first"]]);
    },
  );

  it.each([
    ["before the exchange", []],
    ["when the former database has moved", [["mlflow.db", "former"]]],
    [
      "when the database has its place",
      [
        ["mlflow.db", "former"],
        ["restoring/mlflow.db", "mlflow.db"],
      ],
    ],
    [
      "when the former artifacts have moved",
      [
        ["mlflow.db", "former"],
        ["restoring/mlflow.db", "mlflow.db"],
        ["artifacts", "former"],
      ],
    ],
  ])("continues after an interruption %s", async (_when, moves: string[][]) => {
    await volumeAt(data).receive(restoreOf, backup, quiet);
    mkdirSync(former());
    for (const [from, to] of moves) await exec("mv", [join(data, from), to === "former" ? former() : join(data, to)]);
    await restore(backup);
    expect(await runsOf(join(data, "mlflow.db"))).toEqual([["first"]]);
    expect(existsSync(join(data, "artifacts/2"))).toBe(false);
    expect(await runsOf(join(former(), "mlflow.db"))).toEqual([["first"], ["second"]]);
    expect(readFileSync(join(former(), "artifacts/2/later"), "utf8")).toBe("later");
    expect(existsSync(join(data, "restoring"))).toBe(false);
  });

  it("takes nothing of another restore for its own", async () => {
    await volumeAt(data).receive("restore-20250101T000000Z", backup, quiet);
    expect(await volumeAt(data).look(restoreOf)).toMatchObject({ whole: false, restored: false });
    await expect(volumeAt(data).exchange(restoreOf)).rejects.toThrow(
      "the content of the backup is not whole on MLflow's volume: run npm run restore again",
    );
  });

  it("refuses a backup that needs more room than there is, and says where to get it", async () => {
    const files = backup.manifest.files.map((file) => ({ ...file, bytes: file.bytes + 2 ** 50 }));
    const refusal = await volumeAt(data)
      .receive(restoreOf, backupOf(files), quiet)
      .catch(({ message }: Error) => message.replace(/\d+/g, "N"));
    expect(refusal).toBe(
      "MLflow's volume has N MiB free, and the backup needs N MiB beside what is there: " +
        "make room with npm run collect, or give it more space with modelRegistry.storage, if its storage class can " +
        "expand it",
    );
    expect(existsSync(join(data, "restoring"))).toBe(false);
  });

  it.each([
    ["a link", []],
    ["a path out of its folder", ["--dereference", "--transform", "s,^,../,"]],
  ])("refuses artifacts with %s", async (_what, options) => {
    const tar = join(folder, "artifacts.tar");
    symlinkSync("/etc/passwd", join(root, "link"));
    await exec("tar", ["-P", "-cf", tar, ...options, "-C", root, "link"]);
    const content = readFileSync(tar);
    const hostile = {
      path: "artifacts.tar",
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
    };
    await expect(
      volumeAt(data).receive(restoreOf, backupOf([backup.manifest.files[0], hostile]), quiet),
    ).rejects.toThrow("which is no artifact of MLflow: restore another backup");
  });
});
