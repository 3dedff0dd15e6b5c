/** The program itself, as the stack of an environment on a remote cluster. There are two real API servers. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";
import { manifestPath } from "../../local/toolchain/release-manifests";
import { pulumi } from "../../stacks/local-pulumi";
import { localStackFile, prepareStack, stacksDirectory } from "../../stacks/local-stack";
import { linkCachedPlugins } from "../../stacks/plugins";
import { installPolicyPack } from "../../stacks/policy-pack";
import { resourceCount, runProgram } from "../program";
import { stacksOfTwoClusters } from "../stack-files";
import { type ControlPlane, startControlPlane } from "./control-plane";
import { KubeClient, nameOf, type Properties } from "./kube-client";

const bundles = "/api/v1/namespaces/gourmetgram-canary-bundle";
const environment = "/api/v1/namespaces/gourmetgram-canary";
const argoCd = "/api/v1/namespaces/argocd";
const applications = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";

let platform: ControlPlane;
let edge: ControlPlane;
let state: string;
const before = process.env.GOURMETGRAM_STATE;

beforeAll(async () => {
  state = mkdtempSync(join(tmpdir(), "gourmetgram-state-"));
  process.env.GOURMETGRAM_STATE = state;
  linkCachedPlugins();
  [platform, edge] = await Promise.all([startControlPlane(), startControlPlane()]);

  await platform.client.request("POST", "/api/v1/namespaces", {
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "argocd" } },
  });
  const definitions = (loadAll(readFileSync(manifestPath("argo-cd"), "utf8")) as Properties[]).filter((object) =>
    /^(applications|appprojects)\./.test(nameOf(object)),
  );
  for (const body of definitions)
    await platform.client.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body });

  const program = join(state, "program"); // A copy, as the CLI writes beside the program.
  cpSync(join(__dirname, "platform-program"), program, { recursive: true });
  symlinkSync(join(repositoryRoot, "node_modules"), join(program, "node_modules"));
  await prepareStack("platform", { config: {} });
  await run("platform", program, "up", "--yes", "--skip-preview");

  const config = {
    "gourmetgram:cluster": { context: "test", kubeconfig: edge.kubeconfig },
    "gourmetgram:platform": {
      stack: "platform",
      cluster: { context: "test", kubeconfig: platform.kubeconfig },
      apiServer: await edge.client.server(),
    },
    "gourmetgram:exposure": { type: "LoadBalancer", host: "edge.example.org" },
    "gourmetgram:environments": { canary: {} },
  };
  await prepareStack("canary", { config });
}, 60_000);

afterAll(async () => {
  if (before === undefined) delete process.env.GOURMETGRAM_STATE;
  else process.env.GOURMETGRAM_STATE = before;
  await Promise.all([platform?.stop(), edge?.stop()]);
  if (state) rmSync(state, { recursive: true, force: true });
});

const onCanary = (...args: string[]) => run("canary", repositoryRoot, ...args);

/** Runs the CLI and gives all that it printed. @throws Error with all that, where it fails */
async function run(stack: string, cwd: string, ...args: string[]): Promise<string> {
  const lines: string[] = [];
  await pulumi([...args, "--stack", stack, "--config-file", localStackFile(stack), "--color", "never"], {
    cwd,
    onLine: (line) => lines.push(line),
  }).catch((error) => {
    throw new Error(`${error.message}\n${lines.join("\n")}`);
  });
  return lines.join("\n");
}

/** Names of the objects at a path that the program made, and not the API server. */
async function names({ client }: ControlPlane, path: string): Promise<string[]> {
  const { items } = (await client.request("GET", path)) as { items: Properties[] };
  return items
    .map(nameOf)
    .filter((name) => !/^(default|kube-.*|argocd)$/.test(name))
    .sort();
}

/** There is no node: the pod that publishes the bundle ends as its kubelet would say. */
async function publishes(): Promise<void> {
  const { client } = platform;
  const pod = await client.follow(`${bundles}/pods`, {}, (item) => item && nameOf(item));
  const status = {
    phase: "Succeeded",
    containerStatuses: [
      {
        name: "publish",
        image: "",
        imageID: "",
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode: 0 } },
      },
    ],
  };
  await client.request("PATCH", `${bundles}/pods/${pod}/status`, {
    body: { status },
    contentType: "application/merge-patch+json",
  });
}

it("puts what runs on its own cluster and what deploys it on the platform's, and takes both away", async () => {
  const judged = ["--policy-pack", installPolicyPack()];
  const stacks = stacksOfTwoClusters();
  const count = resourceCount(await runProgram(stacks.canary, "canary", stacks.platform));
  const first = await onCanary("preview", ...judged);
  expect(first).toContain(`+ ${count} to create`);
  expect(first).toContain("string value at .stringData can't be known during preview");

  const [up] = await Promise.all([onCanary("up", "--yes", "--skip-preview", ...judged), publishes()]);
  expect(up).toContain(`+ ${count} created`);
  expect(await names(platform, "/api/v1/namespaces")).toEqual(["gourmetgram-canary-bundle"]);
  expect(await names(edge, "/api/v1/namespaces")).toEqual(["gourmetgram-canary"]);
  expect(await names(platform, `${bundles}/configmaps`)).toContain("gourmetgram-canary-bundle");
  expect(await names(platform, `${argoCd}/secrets`)).toEqual(["cluster-edge", "gourmetgram-canary-bundles"]);
  expect(await names(edge, `${environment}/secrets`)).toEqual(["argocd-deployer-token"]);
  expect(await platform.client.request("GET", `${applications}/gourmetgram-canary`)).toMatchObject({
    spec: { destination: { name: "edge", namespace: "gourmetgram-canary" } },
  });

  // The registration is all that Argo CD has of that cluster.
  const { data } = (await platform.client.request("GET", `${argoCd}/secrets/cluster-edge`)) as {
    data: Record<string, string>;
  };
  const registered = Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]),
  );
  expect(registered).toMatchObject({
    name: "edge",
    server: await edge.client.server(),
    namespaces: "gourmetgram-canary",
    clusterResources: "false",
  });
  const { bearerToken, tlsClientConfig } = JSON.parse(registered.config) as {
    bearerToken: string;
    tlsClientConfig: { caData: string };
  };
  const deployer = KubeClient.ofToken(registered.server, tlsClientConfig.caData, bearerToken);
  const deploy = (namespace: string) =>
    deployer.request("POST", `/apis/apps/v1/namespaces/${namespace}/deployments`, {
      body: deployment,
      query: { dryRun: "All" },
    });
  await expect(deploy("gourmetgram-canary")).resolves.toMatchObject({ metadata: { namespace: "gourmetgram-canary" } });
  await expect(deploy("default")).rejects.toMatchObject({ status: 403 });
  await expect(deployer.request("GET", `${environment}/secrets`)).rejects.toMatchObject({ status: 403 });

  const second = await onCanary("up", "--yes", "--refresh", "--skip-preview", ...judged);
  expect(second).toContain(`Resources:\n    ${count} unchanged`);
  const recorded = readFileSync(join(stacksDirectory(), "canary.json"), "utf8");
  for (const item of [first, up, second, recorded])
    for (const token of [bearerToken, Buffer.from(bearerToken).toString("base64")]) expect(item).not.toContain(token);

  expect(await onCanary("destroy", "--yes", "--skip-preview")).toContain(`- ${count} deleted`);
  for (const plane of [platform, edge]) expect(await names(plane, "/api/v1/namespaces")).toEqual([]);
  expect(await names(platform, applications)).toEqual([]);
  expect(await names(platform, `${argoCd}/secrets`)).toEqual([]);
}, 90_000);

const template = {
  metadata: { labels: { app: "it" } },
  spec: { containers: [{ name: "app", image: "example.test/app:1" }] },
};
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "it" },
  spec: { selector: { matchLabels: { app: "it" } }, template },
};
