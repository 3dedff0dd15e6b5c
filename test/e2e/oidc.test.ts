/** Signing in to the board at an OIDC provider that a real API server trusts. There is no node. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { loadAll } from "js-yaml";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildPage } from "../../board/build";
import { Board } from "../../board/server/board";
import { InCluster } from "../../board/server/in-cluster";
import { readPolicy, withValues } from "../../components/pipeline/admission";
import { stackValues } from "../../components/pipeline/workflow-admission";
import { submittedBy } from "../../components/shared/workflow-names";
import { launchChromium } from "../../lib/chromium";
import { repositoryRoot } from "../../lib/paths";
import { ensurePackages } from "../../local/toolchain/debian-packages";
import { manifestPath } from "../../local/toolchain/release-manifests";
import { type RunningProvider, startProvider } from "../board/provider";
import { type ControlPlane, startControlPlane } from "./control-plane";
import { nameOf, type Properties } from "./kube-client";

const anna = "oidc:anna@example.org";
const ben = "oidc:ben@example.org";
const workflows = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows";
const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/argo";
const admission = "/apis/admissionregistration.k8s.io/v1";
const soon = { timeout: 30_000, interval: 200 };
/** How long the API server remembers that a token was right, in ms. */
const remembered = 10_000;

let folder: string;
let provider: RunningProvider;
let plane: ControlPlane;
let browser: Browser;
/** Boards by the client as which they sign people in. */
const boards: Record<string, { board: Board; address: string }> = {};

beforeAll(async () => {
  await ensurePackages(["chromium"], () => undefined);
  folder = mkdtempSync(join(tmpdir(), "gourmetgram-oidc-"));
  provider = await startProvider();
  // It answers the API server before a board is there to lead people back to.
  provider.register("http://127.0.0.1/");
  writeFileSync(join(folder, "ca.crt"), provider.certificate);
  plane = await startControlPlane([
    `--oidc-issuer-url=${provider.issuer}`,
    `--oidc-ca-file=${join(folder, "ca.crt")}`,
    "--oidc-client-id=board",
    "--oidc-username-claim=email",
    "--oidc-username-prefix=oidc:",
    "--oidc-groups-claim=groups",
    "--oidc-groups-prefix=oidc:",
  ]);
  await preparePipeline();
  await buildPage(join(folder, "page"));
  browser = await launchChromium();
  await serve("board");
  await serve("another");
}, 180_000);

afterAll(async () => {
  await browser?.close();
  for (const { board } of Object.values(boards)) {
    board.stop();
    board.server.closeAllConnections();
  }
  provider?.stop();
  await plane?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

const apply = (path: string, body: unknown) => plane.client.request("POST", path, { body });
const documents = (...path: string[]) => loadAll(readFileSync(join(repositoryRoot, ...path), "utf8")) as Properties[];

/** What the program and the release of Argo Workflows would put there for a training to be asked for. */
async function preparePipeline(): Promise<void> {
  await apply("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "argo" } });
  const definitions = (loadAll(readFileSync(manifestPath("argo-workflows"), "utf8")) as Properties[]).filter((object) =>
    /^(workflows|workflowtemplates)\.argoproj\.io$/.test(nameOf(object)),
  );
  for (const body of definitions) await apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body);
  const [template] = documents("workflows", "train-model.yaml");
  // The API server serves a kind some moments after it has its definition.
  const templates = workflows.replace(/workflows$/, "workflowtemplates");
  await vi.waitFor(() => apply(templates, template), soon);

  const file = join(repositoryRoot, "workflows", "admission-policy.yaml");
  const { metadata, spec } = readPolicy(file);
  const environments = ["staging", "canary", "production"];
  const values = stackValues({ accounts: [], allowedChildTemplates: {}, environments, approvedEnvironments: [] });
  const policy = { metadata, spec: { ...spec, variables: withValues(spec.variables, values) } };
  await apply(`${admission}/validatingadmissionpolicies`, policy);
  await apply(`${admission}/validatingadmissionpolicybindings`, {
    metadata,
    spec: { policyName: metadata.name, validationActions: ["Deny"] },
  });
  // It counts some moments later.
  const tryAsAnna = () => plane.client.request("POST", workflows, { body: ofAnna, query: { dryRun: "All" } });
  await vi.waitFor(() => expect(tryAsAnna()).rejects.toThrow(`${submittedBy} must be test, or left out`), soon);
}

/** A Workflow that says it is anna's. */
const ofAnna = {
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Workflow",
  metadata: { name: "of-anna", annotations: { [submittedBy]: anna } },
  spec: { workflowTemplateRef: { name: "train-model" } },
};

/** Serves a board whose own account may do everything, so that an act in its name instead of the person's is seen. */
async function serve(clientId: string): Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(plane.kubeconfig);
  const board = new Board({
    cluster: new InCluster(
      async () => config,
      () => "http://127.0.0.1:9",
    ),
    links: {},
    hosts: [],
    oidc: { issuer: provider.issuer, clientId, scopes: ["email", "groups"] },
    page: join(folder, "page"),
  });
  board.server.listen(0, "127.0.0.1");
  await once(board.server, "listening");
  boards[clientId] = { board, address: `http://127.0.0.1:${(board.server.address() as AddressInfo).port}/` };
}

/** Opens a board in a browser that knows nobody yet. */
async function open(id = "board", tokenSeconds = 3600): Promise<Page> {
  const { address } = boards[id];
  provider.register(address, { id, tokenSeconds });
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  // The provider's own page asks for a font.
  await page.route(/fonts\.googleapis\.com/, (route) => route.abort());
  await page.goto(`${address}#/pipeline`);
  return page;
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: /^Sign in at 127/ }).click();
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

const greeting = (page: Page, username: string) => page.getByText(`You are signed in as ${username}.`).waitFor();

async function openSignedIn(name: string, username: string): Promise<Page> {
  const page = await open();
  await signIn(page, name);
  await greeting(page, username);
  return page;
}

async function train(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Train …" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Train" }).click();
}

const problem = (page: Page) => page.getByRole("dialog").getByRole("alert").textContent();

const forbidden = (username: string) =>
  `workflowtemplates.argoproj.io "train-model" is forbidden: User "${username}" cannot get resource ` +
  `"workflowtemplates" in API group "argoproj.io" in the namespace "argo"`;

async function started(): Promise<Properties[]> {
  return ((await plane.client.request("GET", workflows)) as { items: Properties[] }).items;
}

describe("Given an API server that trusts the provider", () => {
  it("When anna signs in there, Then the board names her as the API server knows her", async () => {
    const page = await openSignedIn("anna", anna);
    await page.locator(".session").getByTitle(anna).waitFor();
    await page.context().close();
  });

  it("When she trains without a right to, Then the board says what the API server refuses", async () => {
    const page = await openSignedIn("anna", anna);
    await train(page);
    expect(await problem(page)).toBe(forbidden(anna));
    expect(await started()).toEqual([]);
    await page.context().close();
  });

  it("When her group gets the rights of people, Then she trains in her name, and others still may not", async () => {
    const [, role, binding] = documents("docs", "people.yaml");
    await apply(`${rbac}/roles`, role);
    const subject = { apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "oidc:instructors" };
    await apply(`${rbac}/rolebindings`, { ...binding, subjects: [subject] });

    const his = await openSignedIn("ben", ben);
    await train(his);
    expect(await problem(his)).toBe(forbidden(ben));
    expect(await started()).toEqual([]);
    await his.context().close();

    const page = await openSignedIn("anna", anna);
    await train(page);
    const said = page.getByText(/^The training normal has started: train-model-\w+\.$/);
    const name = / has started: (\S+)\.$/.exec((await said.textContent())!)![1];
    await page.locator(".run").getByTitle(anna).waitFor();
    // The policy lets in no other name than the one that the API server knows the sender by.
    expect(await started()).toEqual([
      expect.objectContaining({
        metadata: expect.objectContaining({ name, annotations: { [submittedBy]: anna } }),
      }),
    ]);
    await page.context().close();
  });

  it("When the board signs in as another client, Then the API server does not know the token", async () => {
    const page = await open("another");
    await signIn(page, "anna");
    expect(await problem(page)).toBe("The API server does not know this token, or it has expired.");
    await page.getByRole("button", { name: "Sign in", exact: true }).first().waitFor();
    const cookies = await page.context().cookies(`${boards.another.address}api`);
    expect(cookies.map(({ name }) => name)).not.toContain("board-session");
    await page.context().close();
  });

  it("When her token has expired, Then she is asked to sign in again", async () => {
    const tokenSeconds = 10;
    const before = (await started()).length;
    const page = await open("board", tokenSeconds);
    await signIn(page, "anna");
    await greeting(page, anna);
    await page.waitForTimeout(1000 * tokenSeconds + remembered);
    await train(page);
    await page.getByRole("button", { name: /^Sign in at 127/ }).waitFor();
    expect(await started()).toHaveLength(before);
    await page.context().close();
  });
});
