import { type Container, type Parameter, podsOf } from "../pods";
import { type Resource, titleOf } from "../resource";

const pinned = /@sha256:[0-9a-f]{64}$/;
const remedy = "which has no digest: write repository@sha256:…";

/** Every image has a digest: in pods, in arguments and in workflow parameters. */
export function imageDigests(resource: Resource): string[] {
  const run = podsOf(resource).flatMap(({ title, containers, parameters = [] }) =>
    containers.flatMap((container) =>
      imagesOf(container)
        .filter((image) => !pinned.test(image) && !parameters.some((parameter) => isFromConfigMap(parameter, image)))
        .map((image) => `${title} runs ${image} in its container ${container.name}, ${remedy}`),
    ),
  );
  const provided = imageParameters(resource)
    .filter(([, image]) => !pinned.test(image))
    .map(([key, image]) => `${titleOf(resource)} provides ${image} as ${key}, ${remedy}`);
  return [...run, ...provided];
}

/** The image of a container, and images in its arguments, such as `--executor-image=…`. */
function imagesOf({ image, args = [] }: Container): string[] {
  return [image, ...args.map((arg) => /^--[\w-]*image=(.*)$/.exec(arg)?.[1])].filter((named) => named !== undefined);
}

/** Whether an image is a parameter that comes from a ConfigMap: then the ConfigMap is checked. */
function isFromConfigMap({ name, valueFrom }: Parameter, image: string): boolean {
  return image === `{{inputs.parameters.${name}}}` && (valueFrom?.configMapKeyRef?.key.endsWith("-image") ?? false);
}

function imageParameters({ object }: Resource): [string, string][] {
  const entries = object.kind === "ConfigMap" ? (Object.entries(object.data ?? {}) as [string, string][]) : [];
  return entries.filter(([key]) => key.endsWith("-image"));
}
