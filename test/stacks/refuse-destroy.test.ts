import { describe, expect, it } from "vitest";
import { refusal } from "../../stacks/refuse-destroy";
import { withApiServer } from "../cli/api-server";

const selector = "gourmetgram.io/stack,gourmetgram.io/stack!=platform";
const call = `GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications?labelSelector=${selector}`;
const application = (environment: string, stack: string) => ({
  metadata: { labels: { "gourmetgram.io/stack": stack } },
  spec: { destination: { namespace: `gourmetgram-${environment}` } },
});
const asked = (answer: unknown) => withApiServer({ [call]: answer }, (cluster) => refusal(cluster, "platform"));

describe("destroying a platform", () => {
  it("is refused while environments of other stacks are on it, with all their names", async () => {
    expect(
      await asked({
        items: [
          application("production", "production"),
          application("canary", "before"),
          application("shadow", "before"),
        ],
      }),
    ).toBe(
      "the stack platform holds the platform of canary and production and shadow, so nothing was removed: " +
        "destroy the stacks before and production first",
    );
    expect(await asked({ items: [application("canary", "canary")] })).toBe(
      "the stack platform holds the platform of canary, so nothing was removed: destroy the stack canary first",
    );
  });

  it("continues if there are none, or Argo CD is already deleted", async () => {
    expect(await asked({ items: [] })).toBeUndefined();
    expect(await asked([404, { message: "the server could not find the requested resource" }])).toBeUndefined();
  });

  it("is refused where the cluster does not say", async () => {
    await expect(asked([403, { message: "applications is forbidden" }])).rejects.toThrow("applications is forbidden");
  });
});
