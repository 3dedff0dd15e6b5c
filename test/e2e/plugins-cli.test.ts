/** The real Pulumi CLI on a real API server, through the compiled plugins. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { linkCachedPlugins } from "../../stacks/plugins";
import { plainUpdate, takingBack, type UpdatePlan, updateArgs } from "../../stacks/update-plan";
import { type PluginsStack, startPluginsStack } from "./plugins-stack";

const password = "correct horse battery staple";
let stack: PluginsStack;
/** What the first update printed. */
let firstUp: string;
beforeAll(async () => {
  stack = await startPluginsStack(password);
}, 60_000);
afterAll(() => stack?.end());

/** An update by a plan, with its environment. */
async function updateBy(plan: UpdatePlan): Promise<string> {
  Object.assign(process.env, plan.env);
  return stack.update("up", "--yes", "--skip-preview", ...updateArgs(plan)).finally(() => {
    for (const name of Object.keys(plan.env)) delete process.env[name];
  });
}

it("brings a stack up, and then finds nothing to change", async () => {
  const { update, names } = stack;
  expect(linkCachedPlugins()).toEqual(["kubernetes", "command"]);
  firstUp = await update("up", "--yes");
  expect(firstUp).toContain("+ 12 created");
  expect(firstUp).toContain('hello   : "hello world"');
  expect(await names("/api/v1/namespaces/demo/configmaps")).toEqual(
    expect.arrayContaining(["settings", expect.stringMatching(/^named-[0-9a-f]{8}$/)]),
  );

  expect(await update("up", "--yes")).toMatch(/Resources:\n {4}12 unchanged/);
  expect(await update("refresh", "--yes", "--skip-preview")).toMatch(/Resources:\n {4}12 unchanged/);
}, 120_000);

it("replaces nothing for another name of the context, another kubeconfig, or another address", async () => {
  const { plane, state, update } = stack;
  const moved = join(state, "moved-kubeconfig");
  const renamed = JSON.parse(readFileSync(plane.kubeconfig, "utf8"));
  renamed.contexts[0].name = renamed["current-context"] = "renamed";
  const { cluster } = renamed.clusters[0];
  Object.assign(cluster, { server: cluster.server.replace("127.0.0.1", "localhost"), "tls-server-name": "kubernetes" });
  writeFileSync(moved, JSON.stringify(renamed));
  const elsewhere = ["-c", `kubeconfig=${moved}`, "-c", "context=renamed"];
  expect(await update("preview", ...elsewhere)).not.toMatch(/to (create|replace|delete)/);
  expect(await update("up", "--yes", "--skip-preview", ...elsewhere)).not.toMatch(/created|replaced|deleted/);
  expect(await update("up", "--yes", "--skip-preview")).not.toMatch(/created|replaced|deleted/);

  // The old file need not be there any more.
  const movedAgain = join(state, "moved-again-kubeconfig");
  renameSync(moved, movedAgain);
  const back = ["-c", `kubeconfig=${movedAgain}`, "-c", "context=renamed"];
  expect(await update("up", "--yes", "--skip-preview", ...back)).not.toMatch(/created|replaced|deleted/);
}, 120_000);

const settings = "/api/v1/namespaces/demo/configmaps/settings";

it("takes back what somebody changed by hand, once an update looks at the cluster", async () => {
  const { plane, update } = stack;
  const byHand = { data: { "app.yaml": "color: blue\n", undeclared: "as a release" } };
  await plane.client.request("PATCH", settings, { body: byHand, contentType: "application/merge-patch+json" });
  expect(await update("up", "--yes", "--skip-preview")).toMatch(/Resources:\n {4}12 unchanged/);
  expect(await updateBy(takingBack(plainUpdate))).toMatch(/~ 1 updated/);
  expect((await plane.client.request("GET", settings)) as object).toMatchObject({
    data: { "app.yaml": "color: green\nsize: 1\n", undeclared: "as a release" },
  });
  expect(await update("up", "--yes", "--skip-preview")).toMatch(/Resources:\n {4}12 unchanged/);
}, 120_000);

it("makes a new object of the same name where it is told to, as with the Job that publishes a bundle", async () => {
  const { plane } = stack;
  const uidOf = async () =>
    ((await plane.client.request("GET", settings)) as { metadata: { uid: string } }).metadata.uid;
  const uid = await uidOf();
  const urn = (await stack.run("stack", "--show-urns")).match(/urn:\S+ConfigMap::settings/)![0];
  expect(await updateBy({ ...plainUpdate, replace: [urn] })).toMatch(/\+-1 replaced\n {4}11 unchanged/);
  expect(await uidOf()).not.toBe(uid);
}, 120_000);

it("shows a change well, makes it, and takes all down again", async () => {
  const { state, update, names } = stack;
  const changes = ["-c", "memory=512Mi", "-c", "color=red", "-c", "who=you"];
  const preview = await update("preview", "--diff", ...changes);
  expect(preview).toContain('~ memory: "256Mi" => "512Mi"');
  expect(preview).toContain('~ color: "green" => "red"');
  expect(preview).toMatch(/~ 3 to update\n {4}9 unchanged/);

  const changed = await update("up", "--yes", "--skip-preview", ...changes);
  expect(changed).toMatch(/~ 3 updated\n {4}9 unchanged/);
  expect(changed).toContain('"again you, after: hello world"');

  const recorded = readFileSync(join(state, "pulumi-backend/.pulumi/stacks/plugins/dev.json"), "utf8");
  for (const text of [firstUp, preview, changed, recorded]) {
    expect(text).not.toContain(password);
    expect(text).not.toContain(Buffer.from(password).toString("base64"));
  }

  expect(await update("destroy", "--yes", "--skip-preview")).toContain("- 12 deleted");
  expect(await names("/api/v1/namespaces")).not.toContain("demo");
  expect(await names("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")).toEqual([]);
}, 120_000);
