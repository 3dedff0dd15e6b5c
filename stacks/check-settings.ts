/** Checks of a stack file before a command does anything, with placeholders for the images that it has yet to find. */
import { imagesWithoutDigest, parseSettings, type Settings, type StackFile, settingsOf } from "../config";
import { catalogue, type ImageKey, imageKeys } from "../images/catalogue";
import type { RecordedListen } from "../local/cluster/listen";
import { localStack } from "./local-settings";
import { localValues } from "./local-stack";

const digest = `sha256:${"0".repeat(64)}`;

const placeholders = <Image>(keys: readonly ImageKey[], image: Image): Record<string, Image> =>
  Object.fromEntries(keys.map((key) => [key, image]));

/**
 * Checks the file of a stack on the local cluster, which has images of its own.
 * @param listen what is open beside 127.0.0.1
 * @throws ConfigurationError with every mistake
 */
export function checkLocalSettings(file: StackFile, listen: RecordedListen | undefined): Settings {
  const images = placeholders(imageKeys, { repository: "unbuilt/unbuilt", tag: "unbuilt", digest });
  return parseSettings(settingsOf(localStack(file, localValues(images, listen))));
}

/**
 * Checks the file of a stack on another cluster, before the digests are looked up that nobody states.
 * @throws ConfigurationError with every mistake
 */
export function checkRemoteSettings(file: StackFile): Settings {
  const unstated = imagesWithoutDigest(file);
  const settings = settingsOf(file);
  if (unstated.length === 0) return parseSettings(settings);
  const images = settings.images as { overrides?: object } | undefined;
  const found = placeholders(
    imageKeys.filter((key) => unstated.includes(catalogue[key])),
    { digest },
  );
  return parseSettings({ ...settings, images: { ...images, overrides: { ...images?.overrides, ...found } } });
}
