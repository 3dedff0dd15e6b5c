import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { aloneInCluster } from "../../../cli/backups/restore-lock";
import type { Cluster } from "../../../lib/kube-client";
import { type Answers, type Call, whoIs, withApiServer } from "../api-server";

const leases = "/apis/coordination.k8s.io/v1/namespaces/gourmetgram-platform/leases";
const lease = `${leases}/gourmetgram-restore`;
const times = { renew: 20, expiry: 400, look: 10 };
const conflict = [409, { message: "conflict" }];
const missing = [404, { message: "not found" }];

/** An API server with one Lease, which it versions as Kubernetes does. */
class Leases {
  stored?: { metadata: { name: string; resourceVersion?: string }; spec: Record<string, unknown> };
  calls: Call[] = [];
  /** What it answers a renewal in place of doing it. */
  renewal?: unknown;
  private version = 0;

  /** Writes it, as anybody could. */
  write(body: NonNullable<Leases["stored"]>) {
    this.stored = { ...body, metadata: { ...body.metadata, resourceVersion: String(++this.version) } };
    return this.stored;
  }

  get answers(): Answers {
    const sent = () => this.calls.at(-1)!.body;
    const isCurrent = (version: string) => version === this.stored?.metadata.resourceVersion;
    return Object.defineProperties({ ...whoIs("anna") } as Answers, {
      [`POST ${leases}`]: { get: () => (this.stored ? conflict : [201, this.write(sent())]) },
      [`GET ${lease}`]: { get: () => this.stored ?? missing },
      [`PUT ${lease}`]: {
        get: () => {
          if (this.renewal) return this.renewal;
          return isCurrent(sent().metadata.resourceVersion) ? this.write(sent()) : conflict;
        },
      },
      [`DELETE ${lease}`]: {
        get: () => {
          if (!isCurrent(sent().preconditions.resourceVersion)) return conflict;
          this.stored = undefined;
          return {};
        },
      },
    });
  }
}

async function withLeases<T>(use: (cluster: Cluster, leases: Leases, told: string[]) => Promise<T>): Promise<T> {
  const server = new Leases();
  return withApiServer(server.answers, (cluster, calls) => {
    server.calls = calls;
    return use(cluster, server, []);
  });
}

const left = (acquireTime = "2026-01-31T12:00:00.000000Z") => ({
  metadata: { name: "gourmetgram-restore" },
  spec: { holderIdentity: "bert 1234", leaseDurationSeconds: 30, acquireTime, renewTime: acquireTime },
});

describe("the Lease of a restore", () => {
  it("is there while the restore runs, is renewed, and is deleted at its end", () =>
    withLeases(async (cluster, server) => {
      const versions = new Set<string | undefined>();
      const answer = await aloneInCluster(
        cluster,
        () => undefined,
        async () => {
          while (versions.size < 3) {
            versions.add(server.stored!.metadata.resourceVersion);
            await pause(5);
          }
          const { holderIdentity, renewTime } = server.stored!.spec;
          expect([holderIdentity, renewTime]).toEqual([
            expect.stringMatching(/^anna [0-9a-f-]{36}$/),
            expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
          ]);
          return 7;
        },
        times,
      );
      expect([answer, server.stored]).toEqual([7, undefined]);
    }));

  it("is deleted when the restore fails", () =>
    withLeases(async (cluster, server) => {
      const fails = async () => {
        throw new Error("no MLflow");
      };
      await expect(aloneInCluster(cluster, () => undefined, fails, times)).rejects.toThrow("no MLflow");
      expect(server.stored).toBeUndefined();
    }));

  it("keeps a second restore away, which says who began the first, when, and what to do", () =>
    withLeases(async (cluster, server, told) => {
      const first = new AbortController();
      const running = aloneInCluster(
        cluster,
        () => undefined,
        () => pause(10_000, undefined, { signal: first.signal }).catch(() => "ended"),
        times,
      );
      while (!server.stored) await pause(5);
      const second = aloneInCluster(
        cluster,
        (line) => told.push(line),
        async () => "ran beside it",
        times,
      );
      await expect(second).rejects.toThrow(
        /^another restore is at work, which anna began at [\d:TZ-]+: wait for its end, or stop it where it runs, then/,
      );
      expect(told).toEqual([expect.stringMatching(/^Looks for 0.4 s whether the restore that anna began at/)]);
      first.abort();
      expect(await running).toBe("ended");
    }));

  it("is taken over from a restore that was interrupted, whatever its clock said", () =>
    withLeases(async (cluster, server) => {
      server.write(left("2099-01-31T12:00:00.000000Z"));
      const ran = await aloneInCluster(
        cluster,
        () => undefined,
        async () => server.stored!.spec.holderIdentity,
        times,
      );
      expect(ran).toMatch(/^anna /);
      expect(server.stored).toBeUndefined();
    }));

  it("goes to one of two that take it over at once", () =>
    withLeases(async (cluster, server) => {
      server.write(left());
      const begin = () =>
        aloneInCluster(
          cluster,
          () => undefined,
          () => pause(200, "ran"),
          times,
        );
      const ended = await Promise.allSettled([begin(), begin()]);
      expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    }));

  it("is waited for where the other restore ends meanwhile", () =>
    withLeases(async (cluster, server) => {
      server.write(left());
      const restore = aloneInCluster(
        cluster,
        () => undefined,
        async () => "ran",
        times,
      );
      await pause(50);
      server.stored = undefined;
      expect(await restore).toBe("ran");
    }));

  it("stops the restore that has lost it, and stays with the other", () =>
    withLeases(async (cluster, server) => {
      const restore = aloneInCluster(
        cluster,
        () => undefined,
        async () => {
          server.write(left());
          await pause(10_000, undefined, { ref: false });
        },
        times,
      );
      await expect(restore).rejects.toThrow("another restore is at work, which bert began at 2026-01-31T12:00:00Z");
      expect(server.stored?.spec.holderIdentity).toBe("bert 1234");
    }));

  it("is made again where somebody has deleted it", () =>
    withLeases(async (cluster, server) => {
      const ran = await aloneInCluster(
        cluster,
        () => undefined,
        async () => {
          server.stored = undefined;
          while (!server.stored) await pause(5);
          return (server.stored as NonNullable<Leases["stored"]>).spec.holderIdentity;
        },
        times,
      );
      expect(ran).toMatch(/^anna /);
      expect(server.stored).toBeUndefined();
    }));

  it("is renewed again after the API server was away", () =>
    withLeases(async (cluster, server) => {
      server.renewal = [503, { message: "away" }];
      const ran = await aloneInCluster(
        cluster,
        () => undefined,
        async () => {
          await pause(100);
          server.renewal = undefined;
          const before = server.stored!.metadata.resourceVersion;
          while (server.stored!.metadata.resourceVersion === before) await pause(5);
          return "ran";
        },
        times,
      );
      expect(ran).toBe("ran");
    }));

  it("needs a stack", () =>
    withApiServer({ ...whoIs("anna"), [`POST ${leases}`]: missing }, async (cluster) => {
      await expect(
        aloneInCluster(
          cluster,
          () => undefined,
          async () => 1,
          times,
        ),
      ).rejects.toThrow("the cluster has no namespace gourmetgram-platform: run npm start, or pulumi up, then restore");
    }));
});
