/** What Pulumi records of a stack, as far as the commands read it. */
import { readFileSync } from "node:fs";

/** An operation that has begun and not ended. */
export interface PendingOperation {
  type: string;
  resource: { type?: string; inputs?: Record<string, unknown> };
}

/** What Pulumi records of one resource, as far as it is read here. */
export interface Recorded {
  urn?: string;
  type?: string;
  custom?: boolean;
  /** URN and ID of the provider that made it. */
  provider?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  parent?: string;
  protect?: boolean;
}

/** A stack's state in the local backend; empty parts are left out of the file. */
interface Checkpoint<Resource> {
  checkpoint: { latest?: { resources?: Resource[]; pending_operations?: PendingOperation[] } };
}

/** Reads the state of a stack from its file in the local backend. */
export function readState<Resource>(file: string): { resources: Resource[]; pendingOperations: PendingOperation[] } {
  const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as Checkpoint<Resource>;
  const { resources = [], pending_operations: pendingOperations = [] } = checkpoint.latest ?? {};
  return { resources, pendingOperations };
}

/** Reads the state of a stack through a Pulumi CLI, whose output `cli` returns. */
export async function exportState<Resource>(
  cli: (...args: string[]) => Promise<string>,
  stack: string,
): Promise<Resource[]> {
  const exported = JSON.parse(await cli("stack", "export", "--stack", stack)) as {
    deployment: { resources?: Resource[] };
  };
  return exported.deployment.resources ?? [];
}

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
}

/** Whether every stack has such a resource: the stack itself, and its providers. */
export const isInEveryStack = ({ type }: { readonly type?: string }): boolean => type?.startsWith("pulumi:") ?? false;

/** The resources that the program declares outside of any component, less those that every stack has. */
export function topLevel(resources: readonly StateResource[]): StateResource[] {
  const root = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.urn;
  return resources.filter((resource) => resource.parent === root && !isInEveryStack(resource));
}
