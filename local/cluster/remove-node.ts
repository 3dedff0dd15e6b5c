import { rmSync } from "node:fs";
import { stopNodes } from "./down";
import { kubectl } from "./kubectl";
import { removeNetwork } from "./network";
import { type LocalNode, processName } from "./nodes";
import { kubeletKubeconfig } from "./pki";
import { processRuns } from "./processes";

/** Seconds that the pods of a node may take to end, twice the longest grace period of the program's pods. */
const drainSeconds = 120;

/**
 * Takes a node out of the running cluster: its pods move to the other nodes, and it is removed with all that it keeps.
 * It can run again after an interruption. A node that does not run has no pods to move: Kubernetes forgets them.
 * @throws if a pod does not leave the node, which then continues to run
 */
export async function removeNode(node: LocalNode, report: (step: string) => void): Promise<void> {
  if (processRuns(processName("kubelet", node))) await drain(node, report);
  await kubectl("delete", "node", node.name, "--ignore-not-found");
  await stopNodes([node], report);
  await removeNetwork([node]);
  for (const path of [node.runDir, node.stateDir, kubeletKubeconfig(node)])
    rmSync(path, { recursive: true, force: true });
}

async function drain({ name }: LocalNode, report: (step: string) => void): Promise<void> {
  report(`draining ${name}`);
  const flags = ["--ignore-daemonsets", "--delete-emptydir-data", `--timeout=${drainSeconds}s`];
  await kubectl("drain", name, ...flags).catch(async (error: Error) => {
    await kubectl("uncordon", name);
    throw new Error(
      `${name} keeps pods that do not leave it, so it stays: delete them, then run this again.\n${error.message}`,
    );
  });
}
