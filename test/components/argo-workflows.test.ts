import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ArgoWorkflows } from "../../components/platform/argo-workflows";
import { loadManifests, type Manifest } from "../../components/platform/release-manifests";
import { deletionScript } from "../../components/shared/command-env";
import { catalogue } from "../../images/catalogue";
import { childrenOf, one, record } from "../registrations";
import { settingsWith } from "../stack-files";

const fixture = join(__dirname, "..", "fixtures", "argo-workflows.yaml");

async function argoWorkflows(
  section: object = {},
  change: (manifests: Manifest[]) => Manifest[] = (all) => all,
  board?: string,
) {
  const { argoWorkflows: settings, cluster, exposure, images } = settingsWith({ argoWorkflows: section });
  const manifests = change(await loadManifests(fixture));
  const { registrations, result } = await record({}, () => {
    const { url, namespace } = new ArgoWorkflows("argo-workflows", {
      settings,
      cluster,
      exposure,
      images: images.catalogue,
      manifests,
      board,
    });
    return { url, namespace };
  });
  const container = (name: string) => one(registrations, name).inputs.spec.template.spec.containers[0];
  return { registrations, result, container };
}

describe("ArgoWorkflows", () => {
  it("is a namespace, the release and the Service that people open", async () => {
    const { registrations, result } = await argoWorkflows();
    expect(childrenOf(registrations, "argo-workflows")).toEqual([
      "Command argo-workflows-drain",
      "ConfigGroup argo-workflows-release",
      "ConfigGroup argo-workflows-release-workloads",
      "Namespace argo-workflows-namespace",
      "Service argo-workflows-exposed-service",
    ]);
    const groups = ["argo-workflows-release", "argo-workflows-release-workloads"];
    const installed = groups.flatMap((group) => childrenOf(registrations, group));
    expect(installed).toHaveLength((await loadManifests(fixture)).length);
    expect(result).toEqual({ url: "http://gourmetgram.example.org:2746", namespace: "argo" });
    expect(one(registrations, "argo-workflows-namespace").inputs.metadata).toEqual({
      name: "argo",
      labels: { "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted" },
    });
  });

  it("leads to the board where the stack has one, and starts anew when the board moves", async () => {
    const found = async (board?: string) => {
      const { registrations } = await argoWorkflows({}, undefined, board);
      const { links } = one(registrations, "argo/workflow-controller-configmap").inputs.data;
      const { metadata } = one(registrations, "argo/argo-server").inputs.spec.template;
      return [links && JSON.parse(links), metadata?.annotations];
    };
    expect(await found("http://127.0.0.1:9999")).toEqual([
      [{ name: "Board", scope: "workflow", url: "http://127.0.0.1:9999" }],
      { "gourmetgram.io/board": "http://127.0.0.1:9999" },
    ]);
    expect(await found()).toEqual([undefined, undefined]);
  });

  it("ends every Workflow before it goes, and does nothing before that", async () => {
    const { registrations } = await argoWorkflows();
    expect(one(registrations, "argo-workflows-drain").inputs).toEqual({
      delete: deletionScript("stacks/drain-workflows.ts"),
      environment: { GOURMETGRAM_CONTEXT: "gourmetgram-local" },
    });
  });

  it("installs nothing where the cluster has it", async () => {
    const { registrations, result } = await argoWorkflows({ install: false });
    expect(registrations.map(({ name }) => name)).toEqual(["argo-workflows"]);
    expect(result).toEqual({ url: "http://gourmetgram.example.org:2746", namespace: "argo" });
  });

  it("runs the catalogue's images, the executor's too", async () => {
    const { container } = await argoWorkflows();
    expect(container("argo/workflow-controller")).toMatchObject({
      image: `quay.io/argoproj/workflow-controller@sha256:${"2".repeat(64)}`,
      args: ["--namespaced", `--executor-image=quay.io/argoproj/argoexec@${catalogue.argoExec.digest}`],
      env: [{ name: "DEFAULT_REQUEUE_TIME", value: "1s" }],
    });
    expect(container("argo/argo-server").image).toBe(`quay.io/argoproj/argocli@sha256:${"3".repeat(64)}`);
  });

  it.each([
    ["asks for a token by default", {}, "client"],
    ["lets everyone in where the stack says so", { authMode: "server" }, "server"],
  ])("%s", async (_title, section, mode) => {
    expect((await argoWorkflows(section)).container("argo/argo-server")).toMatchObject({
      args: ["server", "--namespaced", `--auth-mode=${mode}`, "--secure=false"],
      readinessProbe: { httpGet: { port: 2746, scheme: "HTTP", path: "/" } },
    });
  });

  it("runs every step's executor under the restricted standard", async () => {
    const { registrations } = await argoWorkflows();
    expect(JSON.parse(one(registrations, "argo/workflow-controller-configmap").inputs.data.executor)).toEqual({
      imagePullPolicy: "IfNotPresent",
      resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "256Mi" } },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      },
    });
  });

  it("runs a workflow only as a template of the program describes it", async () => {
    const { registrations } = await argoWorkflows();
    const { data } = one(registrations, "argo/workflow-controller-configmap").inputs;
    expect(Object.keys(data).sort()).toEqual(["executor", "workflowRestrictions"]);
    expect(JSON.parse(data.workflowRestrictions)).toEqual({ templateReferencing: "Strict" });
  });

  it("refuses a release with an image that is not in the catalogue", async () => {
    const text = readFileSync(fixture, "utf8");
    expect(text).toContain("quay.io/argoproj/argocli:latest");
    const renamed = (manifests: Manifest[]) =>
      JSON.parse(
        JSON.stringify(manifests).replace("quay.io/argoproj/argocli:latest", "quay.io/argoproj/argo-ui:latest"),
      ) as Manifest[];
    await expect(argoWorkflows({}, renamed)).rejects.toThrow(
      new Error(
        "Deployment argo-server runs quay.io/argoproj/argo-ui:latest, which is not in the catalogue: " +
          "add it to images/catalogue.ts",
      ),
    );
  });

  it("refuses a release without the controller", async () => {
    await expect(
      argoWorkflows({}, (manifests) => manifests.filter(({ metadata }) => metadata.name !== "workflow-controller")),
    ).rejects.toThrow(
      new Error(
        "the release manifest has no Deployment workflow-controller: check its version in the stack's configuration",
      ),
    );
  });
});
