/**
 * The stack's settings: the only place that reads configuration. Everything is checked before anything is
 * declared, and every mistake is listed at once, with its path and what to write instead.
 */
// Not the whole package: commands that deploy nothing read settings too, and it takes half a second to load.
import { allConfig } from "@pulumi/pulumi/runtime/config";
import { z } from "zod";
import { type ImageKey, type ImageOverride, type Images, resolveImages } from "../images/catalogue";
import { at, ConfigurationError, settingIssues } from "./configuration-error";
import { crossFieldChecks } from "./cross-field-checks";
import { type EnvironmentLocation, inPromotionOrder, type PromotionPath } from "./promotion-path";
import { type Sections, schema } from "./schema";
import { projectSettings } from "./stack-file";

export { ConfigurationError } from "./configuration-error";
export type { StackFile } from "./schema";
export { currentStack, parseCluster, parseStack, readStackFile, settingsOf } from "./stack-file";

/** One stack's settings, checked, with every default filled in; environments in the order of promotion. */
export type Settings = Omit<Sections, "images" | "remoteEnvironments"> & {
  images: { build: boolean; catalogue: Images };
  /** Where all environments are, this stack's and those of others; of a stack with `platform`, nothing: that one says it. */
  promotionPath: PromotionPath;
};
export type EnvironmentSettings = Settings["environments"][string];
export type ExposureSettings = Settings["exposure"];
export type PipelineSettings = Settings["pipeline"];

/**
 * Checks a stack's configuration.
 * @param config the `gourmetgram:*` values by key, without the prefix, as parsed YAML
 * @throws ConfigurationError with every mistake
 */
export function parseSettings(config: Record<string, unknown>): Settings {
  const parsed = schema.safeParse(config);
  // A section with a mistake of its own is left out of the comparison; the others are still compared.
  const sections = Object.entries(schema.shape).map(([name, section]) => [
    name,
    z.safeParse(section, config[name]).data,
  ]);
  const found = crossFieldChecks(Object.fromEntries(sections), Object.keys(config));
  const mistakes = [
    ...(parsed.error?.issues.flatMap(settingIssues) ?? []),
    ...found.map(({ path, message }) => `${at(path)}: ${message}`),
  ];
  if (!parsed.success || mistakes.length > 0) throw new ConfigurationError(mistakes);
  const { images: chosen, remoteEnvironments, ...others } = parsed.data;
  const catalogue = resolveImages(chosen.overrides as Partial<Record<ImageKey, ImageOverride>>, chosen.mirror);
  const own = Object.entries(others.environments).map(
    ([name, { port, promotesFrom }]): [string, EnvironmentLocation] => [name, { port: port!, promotesFrom }],
  );
  const promotionPath = others.platform ? {} : inPromotionOrder({ ...Object.fromEntries(own), ...remoteEnvironments });
  // Configuration comes without an order of its own: Pulumi sorts the keys of a mapping.
  return {
    ...others,
    environments: inPromotionOrder(others.environments),
    promotionPath,
    images: { build: chosen.build, catalogue },
  };
}

/** Reads the settings of the stack that is being deployed. */
export function loadSettings(): Settings {
  return parseSettings(projectSettings(allConfig()));
}
