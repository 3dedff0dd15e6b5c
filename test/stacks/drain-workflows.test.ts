import { describe, expect, it } from "vitest";
import { drainWorkflows } from "../../stacks/drain-workflows";
import { withApiServer } from "../cli/api-server";

const workflows = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows";
const pods = "/api/v1/namespaces/argo/pods";
const selected = `GET ${pods}?labelSelector=workflows.argoproj.io/workflow`;
const pod = { metadata: { name: "train-1", finalizers: ["workflows.argoproj.io/status", "example.org/other"] } };

describe("drainWorkflows", () => {
  it("deletes every Workflow, and is done when their pods are gone", async () => {
    await withApiServer(
      { [`GET ${workflows}`]: { items: [{}, {}] }, [`DELETE ${workflows}`]: {}, [selected]: { items: [] } },
      async (cluster, calls) => {
        expect(await drainWorkflows(cluster, 0)).toBe("2 Workflows deleted");
        expect(calls.map(({ line }) => line)).toEqual([`GET ${workflows}`, `DELETE ${workflows}`, selected]);
      },
    );
  });

  it("takes Argo's finalizer off pods that no controller freed, and leaves others on", async () => {
    const answers = {
      [`GET ${workflows}`]: { items: [{}] },
      [`DELETE ${workflows}`]: {},
      [selected]: { items: [pod] },
      [`PATCH ${pods}/train-1`]: {},
    };
    await withApiServer(answers, async (cluster, calls) => {
      expect(await drainWorkflows(cluster, 0)).toBe(
        "1 Workflow deleted. The finalizer of 1 pod removed, since no controller did it within 0 s",
      );
      expect(calls.at(-1)!.body).toEqual({ metadata: { finalizers: ["example.org/other"] } });
    });
  });

  it("finds nothing to do where Argo's definitions are gone already", async () => {
    const gone = [404, { message: "the server could not find the requested resource" }];
    await withApiServer({ [`GET ${workflows}`]: gone, [selected]: gone }, async (cluster, calls) => {
      expect(await drainWorkflows(cluster, 0)).toBe("0 Workflows deleted");
      expect(calls).toHaveLength(2);
    });
  });

  it("continues if the definition is deleted meanwhile", async () => {
    await withApiServer(
      { [`GET ${workflows}`]: { items: [{}] }, [`DELETE ${workflows}`]: [404, {}], [selected]: { items: [] } },
      async (cluster) => {
        expect(await drainWorkflows(cluster, 0)).toBe("1 Workflow deleted");
      },
    );
  });

  it("reports a refusal instead of passing it over", async () => {
    await withApiServer({ [`GET ${workflows}`]: [403, { message: "workflows is forbidden" }] }, async (cluster) => {
      await expect(drainWorkflows(cluster, 0)).rejects.toThrow("workflows is forbidden");
    });
  });
});
