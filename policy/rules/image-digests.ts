import { type Container, type Parameter, podsOf } from "../pods";
import { type Resource, titleOf } from "../resource";

const pinned = /@sha256:[0-9a-f]{64}$/;
const instead = "which names no digest: write repository@sha256:…";

/** Every image is named by its digest, wherever an image is named: in pods, in arguments, in workflow parameters. */
export function imageDigests(resource: Resource): string[] {
  const run = podsOf(resource).flatMap(({ title, containers, parameters = [] }) =>
    containers.flatMap((container) =>
      imagesOf(container)
        .filter((image) => !pinned.test(image) && !parameters.some((parameter) => handsOut(parameter, image)))
        .map((image) => `${title} runs ${image} in its container ${container.name}, ${instead}`),
    ),
  );
  const handedOut = imageParameters(resource)
    .filter(([, image]) => !pinned.test(image))
    .map(([key, image]) => `${titleOf(resource)} hands out ${image} as ${key}, ${instead}`);
  return [...run, ...handedOut];
}

/** A container's own image, and those that it starts others from, as in `--executor-image=…`. */
function imagesOf({ image, args = [] }: Container): string[] {
  return [image, ...args.map((arg) => /^--[\w-]*image=(.*)$/.exec(arg)?.[1])].filter((named) => named !== undefined);
}

/** Whether an image is the value of an image parameter in a ConfigMap: it is judged there. */
function handsOut({ name, valueFrom }: Parameter, image: string): boolean {
  return image === `{{inputs.parameters.${name}}}` && (valueFrom?.configMapKeyRef?.key.endsWith("-image") ?? false);
}

function imageParameters({ object }: Resource): [string, string][] {
  const entries = object.kind === "ConfigMap" ? (Object.entries(object.data ?? {}) as [string, string][]) : [];
  return entries.filter(([key]) => key.endsWith("-image"));
}
