import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readStackFile, type StackFile, settingsOf } from "../config";
import { promotionOrder } from "../config/promotion-path";
import { recordedListen } from "../local/cluster/listen";
import { readLocalImages } from "../local/toolchain/third-party-images/images-file";
import { localStack } from "../stacks/local-settings";
import { localValues, preview } from "../stacks/local-stack";
import { type PreviewSplit, splitPreview } from "./preview-split";
import { inTurn, median } from "./statistics";

const rounds = 3;
const counts = [3, 10, 30];
const parts = ["total", "program", "engine", "provider"] as const;
export const previewHead = ["", "TOTAL", "MIN", "MAX", "PROGRAM START", "ENGINE", "PROVIDER"];

/**
 * The stack without changes. Cold is with an empty temporary directory, as on a new machine: the transpiled program is
 * kept there. Warm is the same command again. The system keeps files in memory that were read before.
 */
export async function unchangedPreviews(stack = "staging"): Promise<string[][]> {
  const { file } = readStackFile(stack);
  let temporary = "";
  try {
    const { cold, warm } = await splits({
      cold: async () => {
        await rm(temporary, { recursive: true, force: true });
        temporary = await mkdtemp(join(tmpdir(), "gourmetgram-bench-"));
        return measure(stack, file, temporary);
      },
      warm: () => measure(stack, file, temporary),
    });
    return [splitRow("cold", cold), splitRow("warm", warm), ratioRow("cold / warm", cold, warm)];
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * The stack with more and more environments. The preview would create all the new ones. Time grows at most linearly if
 * two things hold: it grows no more than their number does, and a further one costs no more between the larger numbers
 * than between the smaller ones.
 */
export async function growingPreviews(stack = "staging"): Promise<string[][]> {
  const { file } = readStackFile(stack);
  const measured = await splits(
    Object.fromEntries(
      counts.map((count) => [`${count} environments`, () => measure(stack, withEnvironments(file, count))]),
    ),
  );
  const all = Object.values(measured);
  const further = counts.slice(1).map((count, index) => {
    const seconds = parts.map(
      (part) => (medianOf(all[index + 1], part) - medianOf(all[index], part)) / (count - counts[index]),
    );
    return partsRow(`each from ${counts[index]} to ${count}`, seconds);
  });
  const [fewest, most] = [counts[0], counts.at(-1)!];
  return [
    ...Object.entries(measured).map(([name, previewSplits]) => splitRow(name, previewSplits)),
    ...further,
    ratioRow(`${most} / ${fewest}, ${(most / fewest).toFixed(0)} times as many`, all.at(-1)!, all[0]),
  ];
}

/**
 * A stack file with as many environments: its own first, then new ones at the end of the promotion path. They get no
 * node ports, since the local cluster exposes none.
 */
export function withEnvironments(file: StackFile, count: number): StackFile {
  const stackEnvironments = settingsOf(file).environments as Record<string, { port: number; promotesFrom?: string }>;
  const names = promotionOrder(stackEnvironments).slice(0, count);
  const environments = Object.fromEntries(names.map((name) => [name, stackEnvironments[name]]));
  for (let number = names.length + 1; number <= count; number++) {
    environments[`bench-${number}`] = { port: 20_000 + number, promotesFrom: Object.keys(environments).at(-1)! };
  }
  return { ...file, config: { ...file.config, "gourmetgram:environments": environments } };
}

async function measure(stack: string, file: StackFile, temporary?: string): Promise<PreviewSplit> {
  const folder = await mkdtemp(join(tmpdir(), "gourmetgram-bench-"));
  try {
    const trace = join(folder, "trace.json");
    const env = temporary ? { TMPDIR: temporary } : {};
    await preview(
      stack,
      localStack(file, localValues(readLocalImages(), recordedListen())),
      ["--otel-traces", `file://${trace}`],
      {
        onLine: () => undefined,
        env,
      },
    );
    return splitPreview(await readFile(trace, "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function splits<Name extends string>(
  pieces: Record<Name, () => Promise<PreviewSplit>>,
): Promise<Record<Name, PreviewSplit[]>> {
  const names = Object.keys(pieces) as Name[];
  const found = Object.fromEntries(names.map((name) => [name, [] as PreviewSplit[]])) as Record<Name, PreviewSplit[]>;
  await inTurn(
    rounds,
    Object.fromEntries(names.map((name) => [name, async () => found[name].push(await pieces[name]())])),
  );
  return found;
}

const medianOf = (splits: PreviewSplit[], part: keyof PreviewSplit) => median(splits.map((split) => split[part]));

function splitRow(name: string, splits: PreviewSplit[]): string[] {
  const totals = splits.map(({ total }) => total);
  const [total, ...others] = parts.map((part) => medianOf(splits, part));
  return [name, ...[total, Math.min(...totals), Math.max(...totals), ...others].map((value) => value.toFixed(2))];
}

function ratioRow(name: string, numerator: PreviewSplit[], denominator: PreviewSplit[]): string[] {
  return partsRow(
    name,
    parts.map((part) => medianOf(numerator, part) / medianOf(denominator, part)),
  );
}

/** A row without minimum and maximum. */
function partsRow(name: string, values: number[]): string[] {
  const [total, ...others] = values.map((value) => value.toFixed(2));
  return [name, total, "", "", ...others];
}
