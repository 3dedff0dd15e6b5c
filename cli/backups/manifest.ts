import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fileHash } from "../../image-builder/content-key";
import { parseJson } from "../../lib/json";

/** The form of a backup. Another number means that this program can't read it. */
const format = 1;
/** The file that makes a folder a backup. It is written last. */
export const manifestFile = "backup.json";
export const databaseFile = "mlflow.db";
export const artifactsFile = "artifacts.tar";
/** Folder with the released images, as an OCI layout. */
export const imagesFolder = "images";
/** Where a backup is written until it is whole. */
export const unfinishedFolder = (folder: string): string => `${folder}.unfinished`;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** A path inside the backup that leads nowhere else. */
const path = z.string().regex(/^(?!.*\.\.)[a-z0-9][a-z0-9./-]*$/);

const schema = z.object({
  format: z.literal(format),
  /** When MLflow's database was copied, UTC. */
  time: z.iso.datetime(),
  stack: z.string(),
  mlflow: z.string().regex(/^\d+\.\d+\.\d+/),
  /** What each environment is to serve again, a version or `base`; null before its first release. */
  environments: z.record(
    z.string(),
    z.object({ version: z.string().regex(/^(1\.0\.[1-9]\d{0,8}|base)$/), digest }).nullable(),
  ),
  freeze: z.object({ who: z.string(), since: z.string(), why: z.string() }).nullable(),
  /** Numbers of model versions and of records of releases. */
  models: z.number(),
  releases: z.number(),
  /** Released images that the registry had lost. */
  lostImages: z.array(digest),
  files: z.array(z.object({ path, bytes: z.number(), sha256 })),
});

/** What a backup says of itself: `backup.json`. */
export type Manifest = Omit<z.infer<typeof schema>, "format">;
export type BackupFile = Manifest["files"][number];

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify({ format, ...manifest }, null, 2)}\n`;
}

/** A backup on disk. */
export interface Backup {
  readonly folder: string;
  readonly manifest: Manifest;
  /** SHA-256 of `backup.json`: which backup it is, whatever its folder is called. */
  readonly id: string;
}

/**
 * Reads what a folder says of itself.
 * @throws if it is no whole backup, or one of a newer program
 */
export async function readBackup(folder: string): Promise<Backup> {
  const file = join(folder, manifestFile);
  const isInterrupted = existsSync(unfinishedFolder(folder)) || existsSync(join(folder, databaseFile));
  if (!existsSync(file))
    throw new Error(
      isInterrupted
        ? `${folder} is no whole backup, since it was interrupted: restore another one, or run npm run backup again`
        : `${folder} is no backup, since it has no ${manifestFile}: name the folder that npm run backup wrote`,
    );
  const text = await readFile(file, "utf8");
  const content = parseJson(text);
  const found = (content as { format?: unknown } | undefined)?.format;
  if (typeof found === "number" && found > format)
    throw new Error(`${folder} has the format ${found}, and this program reads ${format}: use the one that wrote it`);
  const { data, error } = schema.safeParse(content);
  if (!data) {
    const [issue] = error.issues;
    const complaint = [issue.path.join("."), issue.message].filter(Boolean).join(": ");
    throw new Error(`${file} is not as npm run backup wrote it (${complaint}): restore another backup`);
  }
  return { folder, manifest: data, id: createHash("sha256").update(text).digest("hex") };
}

/**
 * Reads every file of a backup.
 * @param tell is told which file is read
 * @throws if one is missing, cut off, or another one than was written
 */
export async function checkFiles({ folder, manifest }: Backup, tell: (path: string) => void): Promise<void> {
  for (const file of [databaseFile, artifactsFile])
    if (!manifest.files.some(({ path }) => path === file))
      throw new Error(`${folder}/${manifestFile} does not list ${file}: restore another backup`);
  for (const { path, bytes, sha256 } of manifest.files) {
    tell(path);
    const file = join(folder, path);
    const found = await lstat(file).catch(() => undefined);
    if (!found?.isFile()) throw new Error(`the backup lacks ${file}: ${remedy}`);
    if (found.size !== bytes) throw new Error(`${file} has ${found.size} bytes instead of ${bytes}: ${remedy}`);
    if ((await fileHash(file)) !== sha256) throw new Error(`${file} has another content than was written: ${remedy}`);
  }
}

const remedy = "copy the backup again from where it was kept, or restore another one";

/** Whether an MLflow can open what another one wrote: its own version, or an older one, whose tables it upgrades. */
export function canOpen(own: string, written: string): boolean {
  const [ours, theirs] = [own, written].map((version) => version.split(/[.-]/).slice(0, 3).map(Number));
  const differing = [0, 1, 2].find((part) => ours[part] !== theirs[part]);
  return differing === undefined || ours[differing] > theirs[differing];
}
