import type { Settings } from "../../config";

/** Environment variables of the commands that Pulumi runs: they name the cluster that a command uses. */
export function commandEnv({ context, kubeconfig }: Settings["cluster"]): Record<string, string> {
  return { GOURMETGRAM_CONTEXT: context, ...(kubeconfig ? { KUBECONFIG: kubeconfig } : {}) };
}

/**
 * A command that runs a script of this project when Pulumi deletes a resource. `pulumi destroy` does not run the
 * program, so in a fresh clone nobody has installed the packages by then: the command installs them first.
 * @param script path in the repository, as in `stacks/refuse-destroy.ts`
 */
export const deletionScript = (script: string): string =>
  `{ [ -x ${tsx} ] || node lib/install-dependencies.mjs; } && ${tsx} ${script}`;

const tsx = "node_modules/.bin/tsx";
