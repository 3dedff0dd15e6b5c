import { type AddressInfo, createServer, type Server } from "node:net";
import type { Cluster } from "./kube-client";

export interface Pod {
  metadata: { name: string };
  status: { conditions?: { type: string; status: string }[] };
}

/** Seconds that a pod gets to become ready. */
const readyTimeout = 120;

/**
 * Opens a port on 127.0.0.1 that leads to a ready pod, as `kubectl port-forward` does, for as long as `use` runs.
 * @param selector label selector of the pods, any ready one of which serves
 * @param seconds how long to wait for a ready pod, at least one look: a pod starts again after its node, or its volume
 * @throws when none is ready by then
 */
export async function withPortForward<T>(
  cluster: Cluster,
  namespace: string,
  selector: string,
  port: number,
  use: (localPort: number) => Promise<T>,
  seconds = readyTimeout,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let pod = await readyPod(cluster, namespace, selector);
  while (!pod && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    pod = await readyPod(cluster, namespace, selector);
  }
  if (!pod)
    throw new Error(
      `no pod ${selector} is ready in ${namespace} after ${seconds} s: ` +
        `look at it with ${cluster.kubectl} describe pods --namespace ${namespace}`,
    );

  const { PortForward } = await import("@kubernetes/client-node");
  const forward = new PortForward(await cluster.config());
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    forward.portForward(namespace, pod.metadata.name, [port], socket, null, socket).catch(() => socket.destroy());
  });
  const localPort = await listen(server);
  try {
    return await use(localPort);
  } finally {
    server.close();
  }
}

/** A pod that is ready, of those with a label; undefined if there is none. */
export async function readyPod(cluster: Cluster, namespace: string, selector: string): Promise<Pod | undefined> {
  const query = `labelSelector=${encodeURIComponent(selector)}`;
  const { items } = await cluster.api<{ items: Pod[] }>(`/api/v1/namespaces/${namespace}/pods?${query}`);
  return items.find(({ status }) =>
    status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"),
  );
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
