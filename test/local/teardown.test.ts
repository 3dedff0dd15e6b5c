import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { unhealthyReason } from "../../local/cluster/health";
import {
  foreignDirectory,
  recordCheckout,
  recordedCheckout,
  removeStateDirectory,
} from "../../local/cluster/state-directory";
import { protectedEnvironments, refuseOthers, refuseProtected } from "../../stacks/protect-check";

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "teardown-"));
  vi.stubEnv("GOURMETGRAM_STATE", state);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(state, { recursive: true, force: true });
});

const urn = (type: string, name: string) => `urn:pulumi:staging::gourmetgram::${type}::${name}`;
const part = (environment: string, protect?: boolean) => ({
  type: "kubernetes:core/v1:Namespace",
  parent: urn("gourmetgram:release:Environment", environment),
  ...(protect && { protect }),
});

/** Has the local backend hold this of a stack. */
function record(stack: string, latest: object | null): void {
  const directory = join(state, "pulumi-backend", ".pulumi", "stacks", "gourmetgram");
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, `${stack}.json`),
    JSON.stringify({ version: 3, checkpoint: { stack, ...(latest && { latest }) } }),
  );
  writeFileSync(
    join(directory, `${stack}.json.bak`),
    JSON.stringify({ checkpoint: { latest: { resources: [part("staging", true)] } } }),
  );
}

describe("protected environments", () => {
  it("are those with a part that Pulumi protects, once each; what they share with others names none", () => {
    const shared = {
      type: "kubernetes:core/v1:Namespace",
      parent: urn("gourmetgram:platform:ModelRegistry", "mlflow"),
      protect: true,
    };
    const stack = { type: "pulumi:pulumi:Stack", protect: true };
    expect(
      protectedEnvironments([
        stack,
        shared,
        part("staging"),
        part("canary", true),
        part("production", true),
        part("production", true),
      ]),
    ).toEqual(["canary", "production"]);
  });

  it("keep npm stop from everything, with the words that let it", () => {
    record("staging", { resources: [part("staging"), part("production", true)] });
    expect(() => refuseProtected()).toThrow(
      new Error(
        "production is protected, so nothing was stopped or removed. Write protect: false under production in " +
          "Pulumi.staging.yaml, then run npm start and npm stop; " +
          "or run npm stop -- --keep-data, which keeps everything.",
      ),
    );
  });

  it("keep it from that in every stack of the cluster, and are all named", () => {
    record("another", { resources: [part("canary", true), part("production", true)] });
    record("staging", { resources: [part("production")] });
    expect(() => refuseProtected()).toThrow(
      /^canary and production are protected, .* under canary and production in Pulumi\.another\.yaml,/,
    );
  });

  it("are none where nothing is protected, or was ever there", () => {
    expect(() => refuseProtected()).not.toThrow();
    record("staging", { resources: [part("production")] });
    record("emptied", {});
    record("new", null);
    expect(() => refuseProtected()).not.toThrow();
  });
});

describe("a stack per environment", () => {
  it("keeps npm stop from taking the cluster away under other stacks, and names each with its command", () => {
    record("production", { resources: [part("production")] });
    record("platform", { resources: [part("staging")] });
    record("canary", { resources: [part("canary")] });
    expect(() => refuseOthers("platform")).toThrow(
      new Error(
        "canary and production are on this cluster too, so nothing was stopped or removed. " +
          "Run GOURMETGRAM_STACK=canary npm stop and GOURMETGRAM_STACK=production npm stop first, while the cluster " +
          "runs; or npm stop -- --keep-data, which keeps everything; or npm stop -- --all, which removes everything.",
      ),
    );
  });

  it("keeps it from nothing where the others are empty", () => {
    record("platform", { resources: [part("staging")] });
    record("canary", { resources: [{ type: "pulumi:pulumi:Stack" }, { type: "pulumi:providers:kubernetes" }] });
    record("production", null);
    expect(() => refuseOthers("platform")).not.toThrow();
  });

  it("is protected for itself", () => {
    record("canary", { resources: [part("canary")] });
    record("production", { resources: [part("production", true)] });
    expect(() => refuseProtected("canary")).not.toThrow();
    expect(() => refuseProtected("production")).toThrow(/^production is protected, /);
  });
});

describe("a cluster that can't finish deletions", () => {
  it("is one that does not run", async () =>
    expect(await unhealthyReason(() => false)).toBe("No process of the cluster runs"));

  it("is one without a part that it needs", async () => {
    expect(await unhealthyReason((name) => name !== "kubelet")).toBe("Of the cluster's processes kubelet has ended");
    expect(await unhealthyReason((name) => !["etcd", "kubelet"].includes(name))).toBe(
      "Of the cluster's processes etcd, kubelet have ended",
    );
  });

  it("is one whose API server can't be asked", async () => {
    expect(await unhealthyReason(() => true)).toBe(
      `The API server does not answer (there is no kubeconfig ${join(state, "kubeconfig")}: run npm start first)`,
    );
  });
});

describe("a directory that GOURMETGRAM_STATE names", () => {
  it("is a cluster's where it is new, or only has what is there before a cluster", () => {
    expect(foreignDirectory()).toBeUndefined();
    for (const name of ["lock", "urls.json", "overlay-aB3dE5"]) writeFileSync(join(state, name), "{}");
    expect(foreignDirectory()).toBeUndefined();
    rmSync(state, { recursive: true });
    expect(foreignDirectory()).toBeUndefined();
  });

  it("is nobody's to delete where somebody has files there", () => {
    for (const name of ["photos", "thesis.tex", "a", "b", "lock"]) writeFileSync(join(state, name), "");
    expect(foreignDirectory()).toBe(
      `The directory ${state} is not of a local cluster, and has a, b, photos and 1 more: ` +
        `set GOURMETGRAM_STATE to a new one, as in ${state}/gourmetgram.`,
    );
  });

  it("is the cluster's from its start on, and goes with what says so last", () => {
    recordCheckout("/checkout");
    writeFileSync(join(state, "nodes.json"), "1");
    expect([foreignDirectory(), recordedCheckout()]).toEqual([undefined, "/checkout"]);
    rmSync(join(state, "checkout"));
    writeFileSync(join(state, "kubeconfig"), "");
    expect(foreignDirectory()).toBeUndefined();
    removeStateDirectory();
    expect(existsSync(state)).toBe(false);
  });
});
