/** A destroy under difficult conditions: the real CLI on a real API server, through the compiled plugins. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { connectTo } from "../../lib/connect";
import { exec } from "../../lib/exec";
import { repositoryRoot, toolPath } from "../../lib/paths";
import { recordCheckout } from "../../local/cluster/state-directory";
import { drainWorkflows } from "../../stacks/drain-workflows";
import { pendingObjects, pendingOperations, resumeUpdate } from "../../stacks/interrupted-update";
import { recoverFromKill, stacksDirectory } from "../../stacks/local-stack";
import { npm } from "./commands";
import { type PluginsStack, startPluginsStack } from "./plugins-stack";

const namespace = "/api/v1/namespaces/demo";
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const held = `${namespace}/configmaps/held`;

let stack: PluginsStack;
// By the name of the real project: locks are looked for under it.
beforeAll(async () => {
  stack = await startPluginsStack("swordfish", "gourmetgram");
}, 60_000);
afterAll(() => stack?.end());

const up = (...args: string[]) => stack.update("up", "--yes", "--skip-preview", ...args);
const destroy = () => stack.update("destroy", "--yes", "--skip-preview");
const failure = (work: Promise<string>): Promise<string> =>
  work.then(
    (output) => expect.fail(`it did not fail:\n${output}`),
    (error: Error) => error.message,
  );

/** Resolves once there is no such object; without one, at once. */
const gone = (collection: string, name: string) =>
  stack.plane.client.follow(collection, { fieldSelector: `metadata.name=${name}` }, (object) =>
    object ? undefined : true,
  );

async function deleteByHand(path: string): Promise<void> {
  await stack.plane.client.request("DELETE", path);
  await gone(path.slice(0, path.lastIndexOf("/")), path.slice(path.lastIndexOf("/") + 1));
}

/** After each test nothing is left, on the cluster or in the state. */
afterEach(async () => {
  expect(await stack.names("/api/v1/namespaces")).not.toContain("demo");
  expect(await stack.names(definitions)).toEqual([]);
  const { checkpoint } = JSON.parse(
    readFileSync(join(stack.state, "pulumi-backend/.pulumi/stacks/gourmetgram/dev.json"), "utf8"),
  );
  expect(checkpoint.latest.resources ?? []).toEqual([]);
});

it("refuses what is protected before it touches anything, and takes it once it is not", async () => {
  await up("-c", "protect=true");
  const refused = await failure(stack.update("destroy", "--yes"));
  expect(refused).toContain(
    "because it is protected. To unprotect the resource, either remove the `protect` flag from the resource " +
      "in your Pulumi program and run `pulumi up`",
  );
  expect(refused).toContain("kubernetes:core/v1:Namespace::demo");
  expect(await up("-c", "protect=true")).toMatch(/Resources:\n {4}12 unchanged/);

  expect(await up("-c", "protect=false")).toMatch(/Resources:\n {4}12 unchanged/);
  expect(await destroy()).toContain("- 12 deleted");
}, 180_000);

it("finishes where the namespace was deleted by hand, with everything in it", async () => {
  await up();
  await deleteByHand(namespace);
  expect(await destroy()).toContain("- 12 deleted");
}, 120_000);

it("finishes where a definition was deleted by hand, and its objects with it", async () => {
  await up();
  await deleteByHand(`${definitions}/dishes.example.test`);
  expect(await destroy()).toContain("- 12 deleted");
}, 120_000);

it("continues from where it was killed, with the namespace half deleted", async () => {
  await up();
  await stack.plane.client.request("POST", `${namespace}/configmaps`, {
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "held", finalizers: ["example.test/hold"] } },
  });
  const cut = failure(destroy());
  // Only what the state doesn't know is left in the namespace by then, so nothing else is being deleted.
  await stack.plane.client.follow("/api/v1/namespaces", { fieldSelector: "metadata.name=demo" }, (object) =>
    (object?.metadata as { deletionTimestamp?: string })?.deletionTimestamp ? true : undefined,
  );
  stack.kill();
  await cut;

  expect(await failure(destroy())).toContain("the stack is currently locked by 1 lock(s)");
  recoverFromKill("dev");
  const again = destroy();
  await stack.plane.client.request("PATCH", held, {
    body: { metadata: { finalizers: null } },
    contentType: "application/merge-patch+json",
  });
  expect(await again).toContain("deleted");
}, 120_000);

it("follows an update that was killed while it created, and the object then changes as any other", async () => {
  const cut = failure(up("-c", "skipAwait=false")); // There is no node: its pods are never ready.
  await stack.plane.client.follow("/apis/apps/v1/namespaces/demo/deployments", {}, (object) => object && true);
  stack.kill();
  await cut;
  const checkpoint = join(stack.state, "pulumi-backend/.pulumi/stacks/gourmetgram/dev.json");
  writeFileSync(`${checkpoint}.attrs`, ""); // as where the process is killed while it writes them
  recoverFromKill("dev");
  expect(pendingObjects(pendingOperations(checkpoint))).toContainEqual({
    kind: "Deployment.v1.apps",
    name: "app",
    namespace: "demo",
  });

  const kubectl = (...args: string[]) => exec(toolPath("kubectl"), ["--kubeconfig", stack.plane.kubeconfig, ...args]);
  Object.assign(process.env, await resumeUpdate("dev", checkpoint, kubectl));
  const changed = ["-c", "skipAwait=true", "-c", "memory=512Mi"];
  expect(await up(...changed).finally(() => delete process.env.PULUMI_K8S_ENABLE_PATCH_FORCE)).not.toContain(
    "pending operation",
  );
  expect(await up(...changed)).toMatch(/Resources:\n {4}12 unchanged/);
  expect(await up("-c", "memory=1Gi")).toMatch(/~ 1 updated/);
  expect(await destroy()).toContain("- 12 deleted");
}, 120_000);

it("frees the pods of Workflows whose controller, definition and namespace are gone already", async () => {
  const { client, kubeconfig } = stack.plane;
  const argo = "/api/v1/namespaces/argo";
  await client.request("POST", "/api/v1/namespaces", {
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "argo" } },
  });
  await client.follow(`${argo}/serviceaccounts`, { fieldSelector: "metadata.name=default" }, (account) =>
    account ? true : undefined,
  );
  const metadata = {
    name: "train-1",
    labels: { "workflows.argoproj.io/workflow": "train" },
    finalizers: ["workflows.argoproj.io/status"],
  };
  const spec = { automountServiceAccountToken: false, containers: [{ name: "main", image: "example.test/train:1" }] };
  await client.request("POST", `${argo}/pods`, { body: { apiVersion: "v1", kind: "Pod", metadata, spec } });
  await client.request("DELETE", argo);
  expect(await drainWorkflows(connectTo("test", kubeconfig), 1)).toBe(
    "0 Workflows deleted. The finalizer of 1 pod removed, since no controller did it within 1 s",
  );
  await gone("/api/v1/namespaces", "argo");
  expect(await drainWorkflows(connectTo("test", kubeconfig), 1)).toBe("0 Workflows deleted");
}, 60_000);

it("is not started by npm stop if an environment is protected; --keep-data only stops the cluster", async () => {
  const file = join(stacksDirectory(), "staging.json");
  mkdirSync(stacksDirectory(), { recursive: true });
  const parent = "urn:pulumi:staging::gourmetgram::gourmetgram:release:Environment::production";
  writeFileSync(
    file,
    JSON.stringify({ version: 3, checkpoint: { latest: { resources: [{ parent, protect: true }] } } }),
  );

  // Without it the directory would be somebody else's.
  recordCheckout(repositoryRoot);
  const refused = await npm("stop");
  expect(refused.code).toBe(1);
  expect(refused.output).toContain(
    "\nproduction is protected, so nothing was stopped or removed. " +
      "Write protect: false under production in Pulumi.staging.yaml, ",
  );
  const kept = await npm("stop", "--", "--keep-data");
  expect(kept.code).toBe(0);
  expect(kept.output).toContain("is kept: npm start serves the same versions again.");
  expect(existsSync(file)).toBe(true);
  rmSync(file);
}, 60_000);
