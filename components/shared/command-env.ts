import type { Settings } from "../../config";

/** Environment variables of the commands that Pulumi runs: they name the cluster that a command uses. */
export function commandEnv({ context, kubeconfig }: Settings["cluster"]): Record<string, string> {
  return { GOURMETGRAM_CONTEXT: context, ...(kubeconfig ? { KUBECONFIG: kubeconfig } : {}) };
}
