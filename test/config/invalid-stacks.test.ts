import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { loadSettings, parseSettings, parseStack, settingsOf } from "../../config";
import { record } from "../registrations";
import { forgetDigests } from "../unknown-digests";

const folder = join(__dirname, "..", "invalid-stacks");
const read = (file: string) => readFileSync(join(folder, file), "utf8");
const names = readdirSync(folder).flatMap((file) => /^(.+)\.yaml$/.exec(file)?.[1] ?? []);
/** Pulumi itself rejects the others, or passes them to the program in another form. */
const readByPulumi = names.filter((name) => !name.startsWith("file-"));

forgetDigests();

async function errorMessage(parse: () => unknown): Promise<string> {
  try {
    await parse();
  } catch (error) {
    return `${(error as Error).message}\n`;
  }
  return "no mistake\n";
}

describe("an invalid stack file", () => {
  it.each(names)("%s is reported with the text beside it", async (name) => {
    expect(
      await errorMessage(() => parseSettings(settingsOf(parseStack(read(`${name}.yaml`), `Pulumi.${name}.yaml`)))),
    ).toBe(read(`${name}.txt`));
  });

  it.each(readByPulumi)("%s is reported the same when Pulumi reads it", async (name) => {
    const { config } = load(read(`${name}.yaml`)) as { config: Record<string, unknown> };
    expect(await errorMessage(() => record(config, () => loadSettings() as object))).toBe(read(`${name}.txt`));
  });

  it("has a text beside it, and each text has a stack file", () => {
    expect(names.length).toBeGreaterThan(30);
    expect(readdirSync(folder).sort()).toEqual(names.flatMap((name) => [`${name}.txt`, `${name}.yaml`]).sort());
  });
});
