import { describe, expect, it } from "vitest";
import { checkReason, freeze, unfreeze } from "../../client/freeze";
import { type Answers, whoIs, withApiServer } from "../cli/api-server";

const path = "/api/v1/namespaces/argo/configmaps/promotion-freeze";
const mlflow = "/api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy/api/2.0/mlflow";
const patch = `PATCH ${path}?fieldManager=promotion-freeze`;
const records: Answers = {
  [`GET ${mlflow}/experiments/get-by-name?experiment_name=gourmetgram-releases`]: [
    404,
    { error_code: "RESOURCE_DOES_NOT_EXIST" },
  ],
  [`POST ${mlflow}/experiments/create`]: { experiment_id: "4" },
  [`POST ${mlflow}/runs/create`]: { run: { info: { run_id: "r" }, data: {} } },
  [`POST ${mlflow}/runs/update`]: {},
};
const tags = (body: any) =>
  Object.fromEntries(body.tags.map(({ key, value }: { key: string; value: string }) => [key, value]));

it("freezes with who, when and why, and puts it on record", async () => {
  await withApiServer({ ...whoIs("anna"), ...records, [patch]: {} }, async (cluster, calls) => {
    expect(await freeze(cluster, "exams until Friday", new Date("2026-01-05T10:00:00.123Z"))).toBe(
      "Promotions are frozen, by anna: exams until Friday. Reverts still run. " +
        "To allow promotions again, run npm run unfreeze.",
    );
    const written = calls.find(({ line }) => line === patch)!;
    expect(written.body).toEqual({ data: { who: "anna", since: "2026-01-05T10:00:00Z", why: "exams until Friday" } });
    expect(written.headers["content-type"]).toBe("application/merge-patch+json");
    const record = calls.find(({ line }) => line.endsWith("runs/create"))!.body;
    expect(record.experiment_id).toBe("4");
    expect(tags(record)).toEqual({
      action: "freeze",
      environment: "-",
      requested_by: "anna",
      reason: "exams until Friday",
      outcome: "frozen",
    });
  });
});

it("unfreezes promotions, and prints the freeze that ended", async () => {
  const on = { data: { who: "anna", since: "2026-01-05T10:00:00Z", why: "exams" } };
  await withApiServer({ ...whoIs("ben"), ...records, [`GET ${path}`]: on, [patch]: {} }, async (cluster, calls) => {
    expect(await unfreeze(cluster, "no longer needed")).toBe(
      "Promotions are allowed again. They were frozen by anna since 2026-01-05T10:00:00Z: exams",
    );
    expect(calls.find(({ line }) => line === patch)!.body).toEqual({ data: null });
    expect(tags(calls.find(({ line }) => line.endsWith("runs/create"))!.body)).toMatchObject({
      action: "unfreeze",
      requested_by: "ben",
      outcome: "unfrozen",
    });
  });
});

describe("while MLflow is away", () => {
  const answer = [503, { kind: "Status", message: 'no endpoints available for service "mlflow"' }];
  const away: Answers = { ...whoIs("anna"), [Object.keys(records)[0]]: answer, [patch]: {} };
  const unrecorded =
    " The record of releases does not say so: " +
    'MLflow does not answer (503: no endpoints available for service "mlflow"): ' +
    "see its pod with kubectl --kubeconfig /state/kubeconfig " +
    "describe pods --namespace gourmetgram-platform --selector app=mlflow";

  it("freezes all the same, and says that it is not on record", async () => {
    await withApiServer(away, async (cluster, calls) => {
      expect(await freeze(cluster, "exams")).toBe(
        "Promotions are frozen, by anna: exams. Reverts still run. " +
          `To allow promotions again, run npm run unfreeze.${unrecorded}`,
      );
      expect(calls.find(({ line }) => line === patch)!.body).toMatchObject({ data: { who: "anna", why: "exams" } });
    });
  });

  it("unfreezes all the same, and says that it is not on record", async () => {
    const on = { data: { who: "anna", since: "2026-01-05T10:00:00Z", why: "exams" } };
    await withApiServer({ ...away, [`GET ${path}`]: on }, async (cluster, calls) => {
      expect(await unfreeze(cluster, "no longer needed")).toBe(
        `Promotions are allowed again. They were frozen by anna since 2026-01-05T10:00:00Z: exams.${unrecorded}`,
      );
      expect(calls.find(({ line }) => line === patch)!.body).toEqual({ data: null });
    });
  });
});

it("changes nothing where nothing is frozen", async () => {
  await withApiServer({ [`GET ${path}`]: { metadata: {} } }, async (cluster, calls) => {
    expect(await unfreeze(cluster, "no longer needed")).toBe("Promotions were not frozen.");
    expect(calls).toHaveLength(1);
  });
});

it.each(["", " ", "two\nlines", "{{workflow.name}}", "x".repeat(201), "\u001b[31m", "a\u202eb"])(
  "refuses %j as a reason",
  (text) => {
    expect(() => checkReason(text)).toThrow(
      new Error(
        "write the reason, in one line of at most 200 characters without braces, " +
          'as in: npm run freeze -- "exams until Friday"',
      ),
    );
  },
);
