import { expect, it } from "vitest";
import { withoutMlflow } from "../../../cli/backups/mlflow-deployment";
import { type Answers, withApiServer } from "../api-server";

const apps = "/apis/apps/v1/namespaces/gourmetgram-platform/deployments/mlflow";
const pods = "/api/v1/namespaces/gourmetgram-platform/pods";
const scale = `PATCH ${apps}/scale?fieldManager=npm-restore`;
const ready = { metadata: { name: "x" }, status: { conditions: [{ type: "Ready", status: "True" }] } };
const deployment = {
  spec: {
    template: {
      spec: {
        securityContext: { runAsNonRoot: true },
        initContainers: [{ name: "migrate" }],
        containers: [
          {
            name: "mlflow",
            image: "mlflow@sha256:1",
            command: ["mlflow"],
            env: [{ name: "PGHOST", value: "db" }],
            volumeMounts: [{ name: "data" }],
          },
        ],
        volumes: [{ name: "data" }],
      },
    },
  },
};

/** A cluster whose pods come and go as they are asked to: one list after another, the last one stays. */
function cluster(mlflow: object[][], helper: object[][]): Answers {
  const next = (lists: object[][]) => ({ items: lists.length > 1 ? lists.shift() : lists[0] });
  return {
    [scale]: {},
    [`GET ${apps}`]: deployment,
    [`POST ${pods}`]: {},
    [`DELETE ${pods}/mlflow-restore`]: [404, { message: "not found" }],
    get [`GET ${pods}?labelSelector=app=mlflow`]() {
      return next(mlflow);
    },
    get [`GET ${pods}?labelSelector=app=mlflow-restore`]() {
      return next(helper);
    },
  };
}

it("runs a pod with MLflow's volume and variables while MLflow does not run, and MLflow afterwards", async () => {
  const answers = cluster([[ready], [], [ready]], [[], [], [ready], []]);
  await withApiServer(answers, async (api, calls) => {
    await withoutMlflow(api, 2, async (container) => {
      expect(container).toEqual({ namespace: "gourmetgram-platform", pod: "mlflow-restore", container: "restore" });
      expect(calls.filter(({ line }) => line === scale).map(({ body }) => body.spec.replicas)).toEqual([0]);
    });
    const made = calls.find(({ line }) => line === `POST ${pods}`)!.body;
    expect(made.metadata.labels).toEqual({ app: "mlflow-restore" });
    expect(made.spec).toMatchObject({
      securityContext: { runAsNonRoot: true },
      volumes: [{ name: "data" }],
      initContainers: [],
    });
    expect(made.spec.containers).toMatchObject([
      { image: "mlflow@sha256:1", env: [{ name: "PGHOST", value: "db" }], volumeMounts: [{ name: "data" }] },
    ]);
    expect(calls.filter(({ line }) => line === scale).map(({ body }) => body.spec.replicas)).toEqual([0, 2]);
  });
});

it("runs MLflow again if the work fails", async () => {
  await withApiServer(cluster([[], [ready]], [[], [ready], []]), async (api, calls) => {
    await expect(withoutMlflow(api, 1, () => Promise.reject(new Error("no room")))).rejects.toThrow("no room");
    const last = calls.filter(({ line }) => !line.startsWith("GET")).slice(-2);
    expect(last.map(({ line }) => line)).toEqual([`DELETE ${pods}/mlflow-restore`, scale]);
    expect(last[1].body.spec.replicas).toBe(1);
  });
});
