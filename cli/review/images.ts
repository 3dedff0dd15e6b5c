/** Which images run, before and after. */
import * as yaml from "js-yaml";
import { type Difference, isRecord, type Properties, shown } from "./compare";
import { unknown } from "./events";
import { type ComparedChange, type Detail, type Item, kindOf, subject } from "./items";

/** A container's image, a parameter such as `tools-image`, or what a bundle's `kustomization.yaml` puts in. */
export function isImage({ path }: Difference): boolean {
  const last = path.at(-1) ?? "";
  return last === "image" || (path[0] === "data" && (last.endsWith("-image") || path[1] === "kustomization.yaml"));
}

/** The images that a change moves; undefined where it moves none. A Job runs once, on an image that a parameter names. */
export function imagesItem({ change, differences }: ComparedChange): Item | undefined {
  if (kindOf(change) === "Job") return undefined;
  const moved = differences.filter(isImage);
  const details: Detail[] = moved
    .filter(({ path }) => path[1] !== "kustomization.yaml")
    .map(({ path, before, after }) => ({ label: labelOf(path), before, after }));
  if (moved.length > details.length) details.push(...baseImages(change.before, change.after));
  return details.length > 0 ? { sign: change.operation, text: subject(change), details } : undefined;
}

const labelOf = (path: readonly string[]): string =>
  path.at(-1) === "image" ? (path.at(-2) ?? "image").replace(/^\[(.*)]$/, "container $1") : path.at(-1)!;

function baseImages(before: Properties, after: Properties): Detail[] {
  const [olds, news] = [before, after].map(({ data }) => imagesOf(isRecord(data) ? data["kustomization.yaml"] : data));
  const names = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter((name) => name !== unknown);
  const of = (images: Record<string, string>, name: string) => images[unknown] ?? images[name];
  return names
    .map((name) => ({ label: `base image (${name})`, before: of(olds, name), after: of(news, name) }))
    .filter((each) => each.before !== each.after);
}

/** The images of a `kustomization.yaml` by the name that they are put in for; under `unknown` where it isn't known yet. */
function imagesOf(text: unknown): Record<string, string> {
  if (text === unknown) return { [unknown]: unknown };
  const { images = [] } = (yaml.load(typeof text === "string" ? text : "") ?? {}) as {
    images?: { name: string; newName: string; digest: string }[];
  };
  return Object.fromEntries(images.map(({ name, newName, digest }) => [name, shown(`${newName}@${digest}`)!]));
}
