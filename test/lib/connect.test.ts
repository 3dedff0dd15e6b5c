import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connectTo, NoContextError } from "../../lib/connect";
import { connect } from "../../stacks/stack-cluster";
import { kubeconfig } from "../cli/api-server";

const folder = mkdtempSync(join(tmpdir(), "cluster-"));
const file = join(folder, "kubeconfig");
writeFileSync(file, kubeconfig("http://127.0.0.1:1"));

beforeEach(() =>
  vi.stubEnv("HOME", folder).stubEnv("KUBECONFIG", "").stubEnv("GOURMETGRAM_STATE", join(folder, "state")),
);
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

describe("connecting", () => {
  it("uses the named context, and not the current one", async () => {
    expect((await connectTo("food", file).config()).getCurrentContext()).toBe("food");
  });

  it("finds the kubeconfig that the environment names", async () => {
    vi.stubEnv("KUBECONFIG", file);
    expect((await connectTo("food").config()).getCurrentContext()).toBe("food");
  });

  it("lists the contexts where the named one isn't there", async () => {
    await expect(connectTo("nowhere", file).api("/api")).rejects.toThrow(
      new NoContextError(
        "the kubeconfig has no context nowhere: name one of food, other in gourmetgram:cluster.context",
      ),
    );
  });

  it("says that a kubeconfig has no context at all", async () => {
    const empty = join(folder, "empty");
    writeFileSync(empty, "apiVersion: v1\nkind: Config\ncontexts: []\nclusters: []\nusers: []\n");
    await expect(connectTo("food", empty).api("/api")).rejects.toThrow(
      new NoContextError(
        "the kubeconfig has no context food: name one of its contexts (it has none) in gourmetgram:cluster.context",
      ),
    );
  });

  it("says which kubeconfig is missing, the stack's, the environment's or the default", () => {
    const remedy = "write its path to gourmetgram:cluster.kubeconfig in the stack file";
    expect(() => connectTo("food", "/no/kubeconfig")).toThrow(
      new NoContextError(`there is no kubeconfig /no/kubeconfig: ${remedy}`),
    );
    expect(() => connectTo("food")).toThrow(
      new NoContextError(`there is no kubeconfig ${folder}/.kube/config: ${remedy}`),
    );
    vi.stubEnv("KUBECONFIG", "/no/other");
    expect(() => connectTo("food")).toThrow(new NoContextError(`there is no kubeconfig /no/other: ${remedy}`));
  });

  it("sends who has not started the local cluster to npm start", () => {
    expect(() => connect("staging")).toThrow(
      new NoContextError(`there is no kubeconfig ${folder}/state/kubeconfig: run npm start first`),
    );
  });

  it("says that a stack has no file", () => {
    expect(() => connect("nowhere")).toThrow(
      new Error(
        "There is no stack file Pulumi.nowhere.yaml: name another stack in GOURMETGRAM_STACK, or write that file.",
      ),
    );
  });
});
