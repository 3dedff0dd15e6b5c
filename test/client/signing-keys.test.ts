import { describe, expect, it } from "vitest";
import { readPublicKeys, rotateKey, signingKey } from "../../client/signing-keys";
import { type Answers, withApiServer } from "../cli/api-server";

const configMap = "GET /api/v1/namespaces/argo/configmaps/signing-keys";
const remove = "DELETE /api/v1/namespaces/argo/secrets/signing-key-gates";
const jobs = "/apis/batch/v1/namespaces/argo/jobs";
const [old, fresh, other] = ["a", "b", "c"].map((letter) => letter.repeat(64));
const job = {
  metadata: { name: "signing-keys", uid: "1" },
  spec: {
    backoffLimit: 3,
    selector: { matchLabels: { "batch.kubernetes.io/controller-uid": "1" } },
    template: {
      metadata: {
        labels: {
          app: "signing-keys",
          "batch.kubernetes.io/controller-uid": "1",
          "batch.kubernetes.io/job-name": "signing-keys",
          "controller-uid": "1",
          "job-name": "signing-keys",
        },
      },
      spec: { containers: [{ name: "make" }] },
    },
  },
};

/** A cluster whose Job comes to an end, after which the ConfigMap has these entries. */
function cluster(after: Record<string, string>, status: object = { succeeded: 1 }): Answers {
  const before = { [`gates.${old}`]: "old", [`build.${other}`]: "other" };
  let ended = false;
  return {
    get [configMap]() {
      return { data: ended ? after : before };
    },
    [remove]: {},
    [`GET ${jobs}/signing-keys`]: job,
    [`POST ${jobs}`]: { metadata: { name: "signing-keys-x" } },
    get [`GET ${jobs}/signing-keys-x`]() {
      ended = true;
      return { metadata: { name: "signing-keys-x" }, status };
    },
  };
}
const entries = { [`gates.${old}`]: "old", [`gates.${fresh}`]: "fresh", [`build.${other}`]: "other" };

describe("rotateKey", () => {
  it("deletes the private key, has the Job make another, and says that the old one still counts", async () => {
    await withApiServer(cluster(entries), async (api, calls) => {
      expect(await rotateKey(api, "gates", 0)).toBe(
        "The key gates is now bbbbbbbbbbbb. What aaaaaaaaaaaa signed still counts.",
      );
      const lines = calls.map(({ line }) => line);
      expect(lines.indexOf(remove)).toBeLessThan(lines.indexOf(`POST ${jobs}`));
      const { spec, ...rest } = calls.find(({ line }) => line === `POST ${jobs}`)!.body;
      expect(rest.metadata).toEqual({ generateName: "signing-keys-", namespace: "argo" });
      expect(spec).toEqual({
        backoffLimit: 3,
        ttlSecondsAfterFinished: 300,
        template: { metadata: { labels: { app: "signing-keys" } }, spec: { containers: [{ name: "make" }] } },
      });
    });
  });

  it("makes a key where an interrupted rotation has left none", async () => {
    const answers = Object.assign(cluster(entries), { [remove]: [404, { message: "not found" }] });
    await withApiServer(answers, async (api) => {
      expect(await rotateKey(api, "gates", 0)).toContain("The key gates is now bbbbbbbbbbbb.");
    });
  });

  it("deletes nothing where the Job is not there to make another", async () => {
    const answers = Object.assign(cluster(entries), { [`GET ${jobs}/signing-keys`]: [404, { message: "not found" }] });
    await withApiServer(answers, async (api, calls) => {
      await expect(rotateKey(api, "gates", 0)).rejects.toThrow(
        "the cluster has no Job signing-keys (not found): run npm start, or pulumi up, first",
      );
      expect(calls.some(({ line }) => line === remove)).toBe(false);
    });
  });

  it("says that the Job failed", async () => {
    const status = { conditions: [{ type: "Failed", status: "True", message: "deadline" }] };
    await withApiServer(cluster(entries, status), async (api) => {
      await expect(rotateKey(api, "gates", 0)).rejects.toThrow(
        "the Job signing-keys-x failed (deadline): see its pod's log in argo",
      );
    });
  });

  it("says that no key was made", async () => {
    await withApiServer(cluster({ [`gates.${old}`]: "old" }), async (api) => {
      await expect(rotateKey(api, "gates", 0)).rejects.toThrow("has no new key gates: rotate it again");
    });
  });
});

it("reads the public keys, none of a ConfigMap without any", async () => {
  await withApiServer(cluster(entries), async (api) => {
    expect(await readPublicKeys(api)).toEqual([
      { name: "gates", id: old, pem: "old" },
      { name: "build", id: other, pem: "other" },
    ]);
  });
  await withApiServer({ [configMap]: {} }, async (api) => expect(await readPublicKeys(api)).toEqual([]));
});

it("knows the four keys alone", () => {
  expect(signingKey("release")).toBe("release");
  expect(() => signingKey("gate")).toThrow('"gate" is no signing key: choose one of training, build, gates, release');
});
