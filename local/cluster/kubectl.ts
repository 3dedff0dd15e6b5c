import { exec } from "../../lib/exec";
import { kubeconfigPath, localContext, toolPath } from "../../lib/paths";

/** Runs kubectl as the local cluster's administrator and returns its output. */
export function kubectl(...args: string[]): Promise<string> {
  return exec(toolPath("kubectl"), [...target(), ...args]);
}

/** Applies objects by server-side apply. */
export function apply(objects: object[]): Promise<string> {
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  return exec(
    toolPath("kubectl"),
    [...target(), "apply", "--server-side", "--field-manager=gourmetgram-local", "-f", "-"],
    { input },
  );
}

const target = () => ["--kubeconfig", kubeconfigPath(), "--context", localContext];
