import { join } from "node:path";
import { exec } from "../lib/exec";
import { repositoryRoot } from "../lib/paths";
import { python } from "../local/toolchain/virtual-environment";

export const picturesHead = ["FORMAT", "PICTURES", "PEAK MIB", "LONGEST S"];

/** The app as a process of its own, with a model of a MobileNetV2's size, under pictures that ask much of it. */
export async function hostilePictures(): Promise<string[][]> {
  const test = "test_limits.py::test_hostile_pictures_are_answered_within_the_memory_of_the_pod";
  const args = ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-m", "load"];
  return pictureRows(await exec(await python(), [...args, join(repositoryRoot, "test", "images", test)]));
}

/** Rows of the table, from what the test prints of each picture. The last is the app before the first picture. */
export function pictureRows(printed: string): string[][] {
  const formats = new Map<string, { mib: number; seconds: number }[]>();
  for (const [, mib, seconds, format] of printed.matchAll(
    /^ *(\d+) MiB +([\d.]+) s {2}\d{3} {2}([^:\n]+?)(?::.*| {2}.*)$/gm,
  ))
    formats.set(format, [...(formats.get(format) ?? []), { mib: Number(mib), seconds: Number(seconds) }]);
  const highest = (values: number[]) => Math.max(...values);
  return [
    ...[...formats].map(([format, pictures]) => [
      format,
      `${pictures.length}`,
      `${highest(pictures.map(({ mib }) => mib))}`,
      highest(pictures.map(({ seconds }) => seconds)).toFixed(2),
    ]),
    ["before", "0", /^ *(\d+) MiB before$/m.exec(printed)?.[1] ?? "-", "-"],
  ];
}
