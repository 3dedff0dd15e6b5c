/**
 * Deletes every Workflow before Argo Workflows is deleted, so that none acts on what is being destroyed. The controller
 * may keep a finalizer on their pods. Only a running controller removes it; if none does, this command does.
 * `pulumi destroy` runs it.
 */

import { workflowNamespace } from "../components/shared/workflow-names";
import { connectTo } from "../lib/connect";
import { counted } from "../lib/counted";
import { type Cluster, emptyIfNotFound } from "../lib/kube-client";
import { runMain } from "../lib/main";

const finalizer = "workflows.argoproj.io/status";
/** Seconds that the controller gets to remove the finalizers by itself. */
const finalizerTimeout = 60;

interface Pod {
  metadata: { name: string; finalizers?: string[] };
}

/** @returns what was done, in one sentence */
export async function drainWorkflows(cluster: Cluster, seconds = finalizerTimeout): Promise<string> {
  const workflows = `/apis/argoproj.io/v1alpha1/namespaces/${workflowNamespace}/workflows`;
  const pods = `/api/v1/namespaces/${workflowNamespace}/pods`;
  const selected = `${pods}?labelSelector=${encodeURIComponent("workflows.argoproj.io/workflow")}`;
  // If their definition or the namespace is already deleted, there is nothing to delete.
  const { items } = await cluster.api<{ items: unknown[] }>(workflows).catch(emptyIfNotFound);
  if (items.length > 0)
    await cluster
      .api(workflows, {
        method: "DELETE",
        body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background" },
      })
      .catch(emptyIfNotFound);

  const list = () => cluster.api<{ items: Pod[] }>(selected).catch(emptyIfNotFound) as Promise<{ items: Pod[] }>;
  const deadline = Date.now() + seconds * 1000;
  let left = await list();
  while (left.items.length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    left = await list();
  }
  for (const { metadata } of left.items) {
    const finalizers = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
    await cluster
      .api(`${pods}/${metadata.name}`, {
        method: "PATCH",
        headers: { "content-type": "application/merge-patch+json" },
        body: { metadata: { finalizers } },
      })
      .catch(emptyIfNotFound);
  }
  const deleted = `${counted(items.length, "Workflow")} deleted`;
  if (left.items.length === 0) return deleted;
  const freed = `The finalizer of ${counted(left.items.length, "pod")} removed`;
  return `${deleted}. ${freed}, since no controller did it within ${seconds} s`;
}

if (require.main === module)
  runMain(async () => {
    console.log(await drainWorkflows(connectTo(process.env.GOURMETGRAM_CONTEXT!)));
    return 0;
  });
