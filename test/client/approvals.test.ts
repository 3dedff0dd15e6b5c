import { describe, expect, it } from "vitest";
import { type Approval, describeApproval, listApprovals, respond, waitingApproval } from "../../client/approvals";
import { promotionParameters } from "../../client/promotion";
import { ApiError } from "../../lib/kube-client";
import { whoIs, withApiServer } from "../cli/api-server";

const path = "/apis/gourmetgram.io/v1/namespaces/argo/approvals";
const spec = {
  target: "production",
  version: "1.0.7",
  digest: `sha256:${"7".repeat(64)}`,
  figures: { "load.p95Ms": 110.5 },
  requestedBy: "anna",
  minimum: 2,
  expiresAt: "2126-01-06T10:00:00Z",
  emergency: "",
  responses: [{ user: "ben", action: "approve" as const, message: "fine" }],
};
const approval = (changes: Partial<Approval> = {}): Approval => ({
  name: "promote-model-1",
  requestedAt: "2026-01-05T10:00:00Z",
  ...spec,
  phase: "Waiting",
  reason: "",
  ...changes,
});

const carl = { user: "carl", action: "approve" as const };

describe("the requests", () => {
  it("are listed newest first, and wait until the pipeline has closed them", async () => {
    const object = (name: string, creationTimestamp: string, status?: object) => ({
      metadata: { name, creationTimestamp },
      spec,
      ...(status && { status }),
    });
    const items = [
      object("promote-model-1", "2026-01-05T10:00:00Z"),
      object("promote-model-2", "2026-01-05T11:00:00Z", { phase: "Rejected", reason: "no" }),
    ];
    expect(await withApiServer({ [`GET ${path}`]: { items } }, listApprovals)).toEqual([
      approval({ name: "promote-model-2", requestedAt: "2026-01-05T11:00:00Z", phase: "Rejected", reason: "no" }),
      approval(),
    ]);
  });

  it("have expired when their time is over, though nobody has closed them", async () => {
    const over = { ...spec, expiresAt: "2026-01-06T10:00:00Z" };
    const metadata = { name: "promote-model-1", creationTimestamp: "2026-01-05T10:00:00Z" };
    const items = [
      { metadata, spec: over, status: { phase: "Waiting" } },
      { metadata, spec: over },
      { metadata, spec: over, status: { phase: "Void", reason: "its promotion was stopped" } },
    ];
    const found = await withApiServer({ [`GET ${path}`]: { items } }, listApprovals);
    const reason = "The request expired at 2026-01-06T10:00:00Z: ask again.";
    expect(found.map((one) => [one.phase, one.reason])).toEqual([
      ["Expired", reason],
      ["Expired", reason],
      ["Void", "its promotion was stopped"],
    ]);
    expect(() => waitingApproval(found, carl, "1.0.7", "production")).toThrow("npm run promote asks for one");
  });

  it("are none on a cluster whose pipeline is older", async () => {
    expect(await withApiServer({ [`GET ${path}`]: [404, { message: "not found" }] }, listApprovals)).toEqual([]);
  });

  it("say in one sentence what is wanted", () => {
    expect(describeApproval(approval({ emergency: "production is down" }))).toBe(
      "anna asks to promote 1.0.7 to production, in an emergency: production is down. 1 of 2 approved. " +
        'It waits until 2126-01-06T10:00:00Z: npm run approve -- 7 production --message "<why>"',
    );
  });

  it("count only those who approved", () => {
    const responses = [...spec.responses, { user: "carl", action: "reject" as const, message: "no" }];
    expect(describeApproval(approval({ responses }))).toContain(" 1 of 2 approved. ");
  });

  it("are found by version, and by target where there are several", () => {
    const canary = approval({ name: "promote-model-2", target: "canary" });
    expect(waitingApproval([approval({ phase: "Expired" }), canary], carl, "1.0.7")).toBe(canary);
    expect(waitingApproval([approval(), canary], carl, "1.0.7", "canary")).toBe(canary);
    expect(() => waitingApproval([approval(), canary], carl, "1.0.7")).toThrow(
      new Error("requests for 1.0.7 wait for production and canary: name one"),
    );
    expect(() => waitingApproval([approval()], carl, "1.0.8", "production")).toThrow(
      new Error(
        "nobody waits for an approval of 1.0.8 in production: " +
          "npm run status lists the requests, and npm run promote asks for one",
      ),
    );
  });
});

describe("of several requests for one version and target", () => {
  const newest = approval({ name: "promote-model-3", requestedBy: "ben", responses: [] });
  const older = approval({ name: "promote-model-2", requestedBy: "anna", responses: [] });
  const oldest = approval({ name: "promote-model-1", requestedBy: "dora", responses: [] });
  const chosen = (user: string, action: "approve" | "reject", requests = [newest, older, oldest]) =>
    waitingApproval(requests, { user, action }, "1.0.7", "production").name;

  it("the newest is meant that somebody else asked for, unless who asked takes it back", () => {
    expect(chosen("carl", "approve")).toBe("promote-model-3");
    expect(chosen("ben", "approve")).toBe("promote-model-2");
    expect(chosen("ben", "reject")).toBe("promote-model-3");
    expect(chosen("ben", "approve", [newest])).toBe("promote-model-3");
  });

  it("none is meant that the person has answered, where another waits", () => {
    const answered = (one: Approval) => ({ ...one, responses: spec.responses });
    expect(chosen("ben", "approve", [newest, answered(older), oldest])).toBe("promote-model-1");
    expect(chosen("ben", "reject", [answered(older), oldest])).toBe("promote-model-1");
    expect(chosen("ben", "reject", [answered(older)])).toBe("promote-model-2");
  });
});

describe("a response", () => {
  const patch = `PATCH ${path}/promote-model-1?fieldManager=approve`;
  const object = { metadata: { name: "promote-model-1", creationTimestamp: "2026-01-05T10:00:00Z" }, spec };
  const asked = { [`GET ${path}/promote-model-1`]: object };

  it("is added in the name by which the API server knows the person", async () => {
    await withApiServer({ ...whoIs("carl"), ...asked, [patch]: {} }, async (cluster, calls) => {
      expect(await respond(cluster, "promote-model-1", "approve", " looked at it ")).toEqual(approval());
      const { body, headers } = calls.at(-1)!;
      expect(headers["content-type"]).toBe("application/json-patch+json");
      expect(body).toEqual([
        {
          op: "add",
          path: "/spec/responses/-",
          value: { user: "carl", action: "approve", message: "looked at it" },
        },
      ]);
    });
  });

  it("that is refused says why, in the policy's own sentence", async () => {
    const message =
      "approvals.gourmetgram.io \"promote-model-1\" is forbidden: ValidatingAdmissionPolicy 'gourmetgram-approvals' " +
      "with binding 'gourmetgram-approvals' denied request: anna asked for this promotion, and may not approve it: " +
      "another person has to";
    await withApiServer({ ...whoIs("anna"), ...asked, [patch]: [422, { message }] }, async (cluster) => {
      await expect(respond(cluster, "promote-model-1", "approve", "mine")).rejects.toThrow(
        new ApiError(422, "anna asked for this promotion, and may not approve it: another person has to"),
      );
    });
  });

  it("to a request whose time is over is not sent", async () => {
    const over = { ...object, spec: { ...spec, expiresAt: "2026-01-06T10:00:00Z" } };
    const answers = { ...whoIs("carl"), [`GET ${path}/promote-model-1`]: over, [patch]: {} };
    await withApiServer(answers, async (cluster, calls) => {
      await expect(respond(cluster, "promote-model-1", "approve", "late")).rejects.toThrow(
        new ApiError(422, "this request is Expired: ask again, with npm run promote"),
      );
      expect(calls.filter(({ line }) => line.startsWith("PATCH"))).toEqual([]);
    });
  });

  it.each(["", "two\nlines", "{{workflow.name}}", "x".repeat(201)])(
    "has a message on one line, not %j",
    async (text) => {
      await withApiServer(whoIs("carl"), async (cluster) => {
        await expect(respond(cluster, "promote-model-1", "approve", text)).rejects.toThrow(
          "write the message, in one line of at most 200 characters without braces, as in: npm run approve",
        );
      });
    },
  );
});

describe("a promotion", () => {
  it("has an emergency only where a person says why", () => {
    const usual = { "model-version": "5", "source-environment": "canary", "target-environment": "production" };
    expect(promotionParameters("1.0.5", "canary", "production")).toEqual(usual);
    expect(promotionParameters("5", "canary", "production", "it is down")).toEqual({
      ...usual,
      emergency: "it is down",
    });
    expect(() => promotionParameters("5", "canary", "production", "")).toThrow("write why it is an emergency");
  });
});
