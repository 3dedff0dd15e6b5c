import { podsOf } from "../pods";
import type { Resource } from "../resource";

/** Memory limit of the containers of an environment. */
const standardLimit = "256Mi";

export interface MemoryConfig {
  /** Limits that differ from the standard one, by environment: `{ staging: "512Mi" }`. Default none. */
  readonly exceptions?: Readonly<Record<string, string>>;
}

/** Every container has a memory limit. For containers of an environment it is 256Mi, unless there is an exception. */
export function memoryLimits(resource: Resource, { exceptions = {} }: MemoryConfig = {}): string[] {
  return podsOf(resource).flatMap(({ title, environment, containers }) =>
    containers.flatMap(({ name, resources }) => {
      const limit = resources?.limits?.memory;
      if (!limit) return [`${title} gives its container ${name} no memory limit: write resources.limits.memory`];
      if (!environment || limit === (exceptions[environment] ?? standardLimit)) return [];
      const remedy = exceptions[environment]
        ? `write ${exceptions[environment]}, as policy/exceptions.json says for ${environment}`
        : `write ${standardLimit}, or name ${environment} with ${limit} in policy/exceptions.json`;
      return [`${title} gives its container ${name} a memory limit of ${limit}: ${remedy}`];
    }),
  );
}
