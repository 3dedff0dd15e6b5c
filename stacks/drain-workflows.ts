/**
 * Ends every Workflow before Argo Workflows is taken away, so that none acts on what is being destroyed. Where the
 * controller was told to keep its finalizer on their pods, only a running one takes it off, or this does.
 * Run by `pulumi destroy`.
 */

import { workflowNamespace } from "../components/shared/workflow-names";
import { type Cluster, connectTo, none } from "../lib/kube-client";
import { runMain } from "../lib/main";

const finalizer = "workflows.argoproj.io/status";
/** Seconds that the controller gets to take the finalizers off by itself. */
const patience = 60;

interface Pod {
  metadata: { name: string; finalizers?: string[] };
}

/** @returns what was done, in one sentence */
export async function drainWorkflows(cluster: Cluster, seconds = patience): Promise<string> {
  const workflows = `/apis/argoproj.io/v1alpha1/namespaces/${workflowNamespace}/workflows`;
  const pods = `/api/v1/namespaces/${workflowNamespace}/pods`;
  const selected = `${pods}?labelSelector=${encodeURIComponent("workflows.argoproj.io/workflow")}`;
  // Gone already, with their definition or with the namespace: nothing to end.
  const { items } = await cluster.api<{ items: unknown[] }>(workflows).catch(none);
  if (items.length > 0)
    await cluster
      .api(workflows, {
        method: "DELETE",
        body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background" },
      })
      .catch(none);

  const list = () => cluster.api<{ items: Pod[] }>(selected).catch(none) as Promise<{ items: Pod[] }>;
  let left = await list();
  for (
    const deadline = Date.now() + seconds * 1000;
    left.items.length > 0 && Date.now() < deadline;
    left = await list()
  ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  for (const { metadata } of left.items) {
    const finalizers = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
    await cluster
      .api(`${pods}/${metadata.name}`, {
        method: "PATCH",
        headers: { "content-type": "application/merge-patch+json" },
        body: { metadata: { finalizers } },
      })
      .catch(none);
  }
  return `${items.length} Workflows deleted${left.items.length > 0 ? `, ${left.items.length} pods freed of their finalizer, since no controller did it in ${seconds} s` : ""}`;
}

if (require.main === module)
  runMain(async () => {
    console.log(await drainWorkflows(connectTo(process.env.GOURMETGRAM_CONTEXT!)));
    return 0;
  });
