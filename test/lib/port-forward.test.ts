import { describe, expect, it } from "vitest";
import { withPortForward } from "../../lib/port-forward";
import { withApiServer } from "../cli/api-server";

const pods = "GET /api/v1/namespaces/kube-system/pods?labelSelector=app=registry";
const podsThatAre = (...ready: string[]) => ({
  items: ready.map((status) => ({
    metadata: { name: "registry-1" },
    status: { conditions: [{ type: "Ready", status }] },
  })),
});

/** Opens a port to the pods that the API server names, one answer after another; the last one stays. */
function opened(answers: object[], seconds: number): Promise<number> {
  const knowing = {
    get [pods]() {
      return answers.length > 1 ? answers.shift() : answers[0];
    },
  };
  return withApiServer(knowing, (cluster) =>
    withPortForward(cluster, "kube-system", "app=registry", 5000, async (port) => port, seconds),
  );
}

describe("a port of this machine that leads to a pod", () => {
  it("opens at once where the pod is ready", async () => {
    expect(await opened([podsThatAre("True")], 0)).toBeGreaterThan(0);
  });

  it("waits for a pod that starts again", async () => {
    expect(await opened([podsThatAre(), podsThatAre("False"), podsThatAre("True")], 30)).toBeGreaterThan(0);
  });

  it("fails where none is ready in time, and says where to look", async () => {
    await expect(opened([podsThatAre("False")], 0)).rejects.toThrow(
      "no pod app=registry is ready in kube-system after 0 s: " +
        "look at it with kubectl --kubeconfig /state/kubeconfig describe pods --namespace kube-system",
    );
  });
});
