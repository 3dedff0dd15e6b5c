/**
 * The stack's settings: the only place that reads configuration. All settings are checked before the program declares
 * a resource. All issues are reported at once, each with its path and what to write instead.
 */
// Not the whole package: commands that deploy nothing read settings too, and it takes half a second to load.
import { allConfig } from "@pulumi/pulumi/runtime/config";
import { z } from "zod";
import {
  type CatalogueImage,
  catalogue,
  type ImageKey,
  type ImageOverride,
  type Images,
  resolveImages,
  unpinnedImages,
} from "../images/catalogue";
import { ConfigurationError, settingIssues, settingKey } from "./configuration-error";
import { crossFieldChecks, installedParts } from "./cross-field-checks";
import { type EnvironmentLocation, inPromotionOrder, type PromotionPath } from "./promotion-path";
import { type Sections, type StackFile, schema } from "./schema";
import { projectSettings, settingsOf } from "./stack-file";

export { ConfigurationError, namesMistakes } from "./configuration-error";
export { listenFlags, parseListen } from "./listen";
export { type ListenSettings, pinnedManifests, type StackFile } from "./schema";
export {
  currentStack,
  parseCluster,
  parsePlatformCluster,
  parseStack,
  readStackFile,
  saltOf,
  settingsOf,
} from "./stack-file";

/** The checked settings of one stack with all defaults. Environments are in the order of promotion. */
export type Settings = Omit<Sections, "images" | "remoteEnvironments"> & {
  images: { build: boolean; catalogue: Images };
  /** Location of every environment. Empty in a stack with `platform`, since the platform's stack has the path. */
  promotionPath: PromotionPath;
};
export type EnvironmentSettings = Settings["environments"][string];
export type ExposureSettings = Settings["exposure"];
export type PipelineSettings = Settings["pipeline"];

/**
 * Checks a stack's configuration.
 * @param config the `gourmetgram:*` values by key, without the prefix, as parsed YAML
 * @throws ConfigurationError with every issue
 */
export function parseSettings(config: Record<string, unknown>): Settings {
  const parsed = schema.safeParse(config);
  const issues = [
    ...(parsed.error?.issues.flatMap(settingIssues) ?? []),
    ...crossFieldChecks(validSections(config), Object.keys(config)).map(
      ({ path, message }) => `${settingKey(path)}: ${message}`,
    ),
  ];
  if (!parsed.success || issues.length > 0) throw new ConfigurationError(issues);

  const { images, remoteEnvironments, ...others } = parsed.data;
  const overrides = images.overrides as Partial<Record<ImageKey, ImageOverride>>;
  // Pulumi sorts the keys of a mapping, so the order of the file is lost.
  return {
    ...others,
    environments: inPromotionOrder(others.environments),
    promotionPath: others.platform ? {} : promotionPath(others.environments, remoteEnvironments),
    images: { build: images.build, catalogue: resolveImages(overrides, images.mirror) },
  };
}

/**
 * The images of the catalogue that a stack runs and of which nobody states a digest. Sections with mistakes count as
 * left out: they are reported by {@link parseSettings}.
 */
export function imagesWithoutDigest(file: StackFile): CatalogueImage[] {
  const sections = validSections(settingsOf(file));
  if (!sections.images || "platform" in settingsOf(file)) return [];
  const overrides = sections.images.overrides as Partial<Record<ImageKey, ImageOverride>>;
  return unpinnedImages(resolveImages(overrides), installedParts(sections))
    .filter((key) => !overrides[key]?.repository && !overrides[key]?.tag)
    .map((key) => catalogue[key]);
}

/** The sections that are valid by themselves. The others are left out of the comparison. */
function validSections(config: Record<string, unknown>): Partial<Sections> {
  const sections = Object.entries(schema.shape).map(([name, section]) => [
    name,
    z.safeParse(section, config[name]).data,
  ]);
  return Object.fromEntries(sections);
}

function promotionPath(
  environments: Sections["environments"],
  remoteEnvironments: Sections["remoteEnvironments"],
): PromotionPath {
  const local = Object.entries(environments).map(([name, { port, promotesFrom }]): [string, EnvironmentLocation] => [
    name,
    { port: port!, promotesFrom },
  ]);
  return inPromotionOrder({ ...Object.fromEntries(local), ...remoteEnvironments });
}

/** Reads the settings of the stack that is being deployed. */
export function loadSettings(): Settings {
  return parseSettings(projectSettings(allConfig()));
}
