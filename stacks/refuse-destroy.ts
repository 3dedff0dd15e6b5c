/**
 * Ends with an error if environments of other stacks are on the platform. `pulumi destroy` runs it before it deletes
 * anything.
 */
import { applicationsPath, environmentOf, stackLabel } from "../components/shared/workflow-names";
import { connectTo } from "../lib/connect";
import { type Cluster, emptyIfNotFound } from "../lib/kube-client";
import { runMain } from "../lib/main";

interface Application {
  metadata: { labels: Record<string, string> };
  spec: { destination: { namespace: string } };
}

/** @returns why the stack must not be destroyed; undefined if it may be, also since Argo CD is already deleted */
export async function refusal(cluster: Cluster, stack: string): Promise<string | undefined> {
  const others = encodeURIComponent(`${stackLabel},${stackLabel}!=${stack}`);
  const { items } = await cluster
    .api<{ items: Application[] }>(`${applicationsPath}?labelSelector=${others}`)
    .catch(emptyIfNotFound);
  if (items.length === 0) return undefined;
  const environments = items.map(({ spec }) => environmentOf(spec.destination.namespace));
  const stacks = [...new Set(items.map(({ metadata }) => metadata.labels[stackLabel]))].sort();
  return (
    `the stack ${stack} holds the platform of ${environments.sort().join(" and ")}, so nothing was removed: ` +
    `destroy the ${stacks.length === 1 ? "stack" : "stacks"} ${stacks.join(" and ")} first`
  );
}

if (require.main === module)
  runMain(async () => {
    const reason = await refusal(connectTo(process.env.GOURMETGRAM_CONTEXT!), process.env.GOURMETGRAM_STACK!);
    if (reason) throw new Error(reason);
    return 0;
  });
