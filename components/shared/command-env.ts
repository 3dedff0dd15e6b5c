import type { Settings } from "../../config";

/** Environment of the project's own commands when Pulumi runs them: which cluster they act on. */
export function commandEnv({ context, kubeconfig }: Settings["cluster"]): Record<string, string> {
  return { GOURMETGRAM_CONTEXT: context, ...(kubeconfig ? { KUBECONFIG: kubeconfig } : {}) };
}
