import * as yaml from "js-yaml";
import { type KubernetesObject, type Resource, titleOf } from "./resource";

/** An object in the bundle of an environment. */
export interface BundledObject {
  /** Its name in messages: `Deployment gourmetgram-staging in ConfigMap staging-bundle`. */
  readonly title: string;
  /** Name of the environment: `staging`. */
  readonly environment: string;
  /** The object as kustomize renders it, with the images of the kustomization. */
  readonly object: KubernetesObject;
}

interface KustomizeImage {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
}

const kustomization = "kustomization.yaml";

/** The objects of a bundle: a ConfigMap named `<environment>-bundle`. Empty for any other resource. */
export function bundledObjects(resource: Resource): BundledObject[] {
  const files: Record<string, string> = resource.object.data ?? {};
  if (!files[kustomization]) return [];
  const { resources = [], images = [] } = yaml.load(files[kustomization]) as {
    resources?: string[];
    images?: KustomizeImage[];
  };
  const objects = resources.flatMap((file) => yaml.loadAll(files[file] ?? "") as KubernetesObject[]).filter(Boolean);
  return objects.map((object) => ({
    title: `${object.kind} ${object.metadata?.name} in ${titleOf(resource)}`,
    environment: resource.name.replace(/-bundle$/, ""),
    object: withImages(object, images) as KubernetesObject,
  }));
}

/** Replaces all images of an object. */
function withImages(value: unknown, images: KustomizeImage[]): unknown {
  if (Array.isArray(value)) return value.map((inner) => withImages(inner, images));
  if (!value || typeof value !== "object") return value;
  const replaced = Object.entries(value).map(([key, inner]) => [
    key,
    key === "image" ? replacement(inner, images) : withImages(inner, images),
  ]);
  return Object.fromEntries(replaced);
}

function replacement(image: string, images: KustomizeImage[]): string {
  const withoutTag = image.replace(/(@.*|:[^/:]*)$/, "");
  const found = images.find(({ name }) => name === withoutTag);
  if (!found) return image;
  const name = found.newName ?? found.name;
  return found.digest ? `${name}@${found.digest}` : `${name}:${found.newTag}`;
}
