/** What an update that was killed leaves behind, and how the next one goes on from there. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "../lib/paths";
import { pulumi } from "./local-pulumi";
import { type PendingOperation, readState } from "./state";
import { forcePatches } from "./update-plan";

/** An object that was perhaps created, with nobody left to record it. */
export interface PendingObject {
  /** As kubectl takes it, e.g. `Deployment.v1.apps`. */
  kind: string;
  name: string;
  namespace?: string;
}

interface ManagedFields {
  manager?: string;
  operation?: string;
}

/** Runs kubectl and returns its output. */
type Kubectl = (...args: string[]) => Promise<string>;

/** The operations that a killed update left in the state of a stack. */
export const pendingOperations = (checkpointFile: string): PendingOperation[] =>
  readState(checkpointFile).pendingOperations;

/** The Kubernetes objects among them that were being created. */
export function pendingObjects(operations: PendingOperation[]): PendingObject[] {
  return operations.flatMap(({ type, resource: { type: token, inputs } }) => {
    if (type !== "creating" || !token?.startsWith("kubernetes:")) return [];
    const { apiVersion, kind, metadata } = (inputs ?? {}) as Record<string, string> & {
      metadata?: { name?: string; namespace?: string };
    };
    if (!metadata?.name) return [];
    const [version, group = ""] = apiVersion.split("/").reverse();
    return [{ kind: group ? `${kind}.${version}.${group}` : kind, name: metadata.name, namespace: metadata.namespace }];
  });
}

/** The provider makes up a name for each object that it creates, which is lost with the create. */
const madeUp = /^pulumi-kubernetes-[0-9a-f]+$/;

/**
 * The patch that leaves the fields of a create that was cut short to whoever applies next; empty where there are none.
 * Pulumi's provider takes over the fields of every manager whose name begins with `kubectl`, when it updates an object;
 * another manager's it would refuse to change.
 */
export function handOver(managedFields: ManagedFields[]): object[] {
  return managedFields.flatMap(({ manager = "", operation }, index) => {
    if (!madeUp.test(manager) || operation !== "Apply") return [];
    const entry = `/metadata/managedFields/${index}`;
    return [
      { op: "test", path: `${entry}/manager`, value: manager },
      { op: "replace", path: `${entry}/manager`, value: "kubectl-interrupted" },
      { op: "replace", path: `${entry}/operation`, value: "Update" },
    ];
  });
}

/**
 * Prepares the update after one that was killed: what that one created and could not record is the next one's to create
 * again, which applies to the object that exists.
 * @returns what the next update needs in its environment
 */
export async function resumeUpdate(
  stack: string,
  checkpointFile: string,
  kubectl: Kubectl,
): Promise<NodeJS.ProcessEnv> {
  const operations = pendingOperations(checkpointFile);
  if (operations.length === 0) return {};
  for (const { kind, name, namespace } of pendingObjects(operations)) {
    const target = [kind, name, ...(namespace ? ["--namespace", namespace] : [])];
    const found = await kubectl("get", ...target, "--ignore-not-found", "--show-managed-fields", "--output=json").catch(
      noSuchKind,
    );
    const patch = found.trim()
      ? handOver((JSON.parse(found) as { metadata: { managedFields?: ManagedFields[] } }).metadata.managedFields ?? [])
      : [];
    if (patch.length > 0) await kubectl("patch", ...target, "--type=json", `--patch=${JSON.stringify(patch)}`);
  }
  await forget(stack);
  // The program may have changed since: then what was created differs from what is to be.
  return forcePatches;
}

/** A definition that isn't there yet has no objects. */
function noSuchKind(error: Error): string {
  if (/doesn't have a resource type|no matches for kind/.test(error.message)) return "";
  throw error;
}

/** Importing a state drops the operations that it holds: otherwise every later update would warn of them. */
async function forget(stack: string): Promise<void> {
  const directory = mkdtempSync(join(stateDir(), "interrupted-"));
  const file = join(directory, "state.json");
  // With its project's name, since the directory of the program is not always the same.
  const reference = `organization/gourmetgram/${stack}`;
  const quiet = { cwd: stateDir(), onLine: () => {} };
  try {
    await pulumi(["stack", "export", "--stack", reference, "--file", file], quiet);
    await pulumi(["stack", "import", "--stack", reference, "--file", file], quiet);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
