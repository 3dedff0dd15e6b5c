/** Which images run, before and after. */
import * as yaml from "js-yaml";
import { isRecord, type Properties } from "../../lib/record";
import { type Difference, displayText } from "./compare";
import { unknown } from "./events";
import { type ComparedChange, type Detail, type Item, kindOf, subject } from "./items";

/** Whether it is a container's image, a parameter such as `tools-image`, or an image of a `kustomization.yaml`. */
export function isImage({ path }: Difference): boolean {
  const last = path.at(-1) ?? "";
  return last === "image" || (path[0] === "data" && (last.endsWith("-image") || path[1] === "kustomization.yaml"));
}

/**
 * The images that a change replaces; undefined if there are none. A Job is left out: it runs once, on an image that a
 * parameter names.
 */
export function imagesItem({ change, differences }: ComparedChange): Item | undefined {
  if (kindOf(change) === "Job") return undefined;
  const changed = differences.filter(isImage);
  const details: Detail[] = changed
    .filter(({ path }) => path[1] !== "kustomization.yaml")
    .map(({ path, before, after }) => ({ label: labelOf(path), before, after }));
  if (changed.length > details.length) details.push(...baseImages(change.before, change.after));
  return details.length > 0 ? { sign: change.operation, text: subject(change), details } : undefined;
}

const labelOf = (path: readonly string[]): string =>
  path.at(-1) === "image" ? (path.at(-2) ?? "image").replace(/^\[(.*)]$/, "container $1") : path.at(-1)!;

function baseImages(before: Properties, after: Properties): Detail[] {
  const [olds, news] = [before, after].map(({ data }) => imagesOf(isRecord(data) ? data["kustomization.yaml"] : data));
  const names = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter((name) => name !== unknown);
  const imageOf = (images: Record<string, string>, name: string) => images[unknown] ?? images[name];
  return names
    .map((name) => ({ label: `base image (${name})`, before: imageOf(olds, name), after: imageOf(news, name) }))
    .filter((image) => image.before !== image.after);
}

/** The images of a `kustomization.yaml` by the name that they replace; under `unknown` while the file is unknown. */
function imagesOf(text: unknown): Record<string, string> {
  if (text === unknown) return { [unknown]: unknown };
  const { images = [] } = (yaml.load(typeof text === "string" ? text : "") ?? {}) as {
    images?: { name: string; newName: string; digest: string }[];
  };
  return Object.fromEntries(images.map(({ name, newName, digest }) => [name, displayText(`${newName}@${digest}`)!]));
}
