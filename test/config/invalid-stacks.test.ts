import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { loadSettings, parseSettings, parseStack, settingsOf } from "../../config";
import { record } from "../registrations";

const folder = join(__dirname, "..", "invalid-stacks");
const read = (file: string) => readFileSync(join(folder, file), "utf8");
const names = readdirSync(folder).flatMap((file) => /^(.+)\.yaml$/.exec(file)?.[1] ?? []);
/** Pulumi itself refuses the others, or hands them over as something else. */
const handedOver = names.filter((name) => !name.startsWith("file-"));

async function complaint(parse: () => unknown): Promise<string> {
  try {
    await parse();
  } catch (error) {
    return `${(error as Error).message}\n`;
  }
  return "no mistake\n";
}

describe("a bad stack file", () => {
  it.each(names)("%s is answered by the text beside it", async (name) => {
    expect(
      await complaint(() => parseSettings(settingsOf(parseStack(read(`${name}.yaml`), `Pulumi.${name}.yaml`)))),
    ).toBe(read(`${name}.txt`));
  });

  it.each(handedOver)("%s is answered the same when Pulumi reads it", async (name) => {
    const { config } = load(read(`${name}.yaml`)) as { config: Record<string, unknown> };
    expect(await complaint(() => record(config, () => loadSettings() as object))).toBe(read(`${name}.txt`));
  });

  it("is one of more than thirty, and each text belongs to one", () => {
    expect(names.length).toBeGreaterThan(30);
    expect(readdirSync(folder).sort()).toEqual(names.flatMap((name) => [`${name}.txt`, `${name}.yaml`]).sort());
  });
});
