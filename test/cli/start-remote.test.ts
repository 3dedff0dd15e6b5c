import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startRemote } from "../../cli/start-remote";
import { applicationsPath } from "../../components/shared/workflow-names";
import { ConfigurationError, parseSettings, settingsOf } from "../../config";
import { machineArchitecture } from "../../image-builder/architecture";
import { pinUnknownDigests } from "../../image-builder/pin-digests";
import { catalogue } from "../../images/catalogue";
import { markLabel } from "../../local/docker-cluster/mark";
import { clusterToolFor } from "../../stacks/docker-cluster";
import { runnableStack } from "../stack-files";
import { forgetDigests } from "../unknown-digests";
import { kubeconfig, withApiServer } from "./api-server";

const claim = "/api/v1/namespaces/gourmetgram-platform/persistentvolumeclaims/mlflow-data";
const volume = {
  urn: "urn:pulumi:kind::gourmetgram::kubernetes:core/v1:PersistentVolumeClaim::mlflow-data",
  type: "kubernetes:core/v1:PersistentVolumeClaim",
  provider: "urn:pulumi:kind::gourmetgram::pulumi:providers:kubernetes::cluster::id",
  inputs: { metadata: { namespace: "gourmetgram-platform", name: "mlflow-data" } },
};
const config = runnableStack("kind");
const file = { config };
const { mark } = clusterToolFor(file)!.config(parseSettings(settingsOf(file)));
const node = {
  metadata: { name: "gourmetgram-control-plane", labels: { [markLabel]: mark } },
  spec: {},
  status: { nodeInfo: { architecture: machineArchitecture(), operatingSystem: "linux" } },
};

vi.mock("../../image-builder/pin-digests", () => ({ pinUnknownDigests: vi.fn(async () => []) }));
forgetDigests();

let folder: string;
/** Docker and kind with a cluster, and a Pulumi CLI of the user's, whose preview is a recorded one. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "start-remote-"));
  vi.stubEnv("PATH", [folder, "/usr/bin", "/bin"].join(delimiter));
  vi.stubEnv("KUBECONFIG", join(folder, "kubeconfig"));
  vi.stubEnv("GOURMETGRAM_STATE", join(folder, "state"));
  writeFileSync(join(folder, "state.json"), JSON.stringify({ deployment: { resources: [volume] } }));
  mkdirSync(join(folder, "state"));
  install("docker", "");
  install("kind", "echo gourmetgram");
  install(
    "pulumi",
    `echo "$*" >> ${folder}/said
case "$*" in
  "stack export"*) cat ${folder}/state.json ;;
  "stack output"*) echo '{"staging": "http://127.0.0.1:8081"}' ;;
  preview*) cat ${join(__dirname, "recorded", "preview-changes.jsonl")} ;;
esac`,
  );
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const install = (name: string, script: string) =>
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
/** What was asked of Pulumi, the first words of each command. */
const said = () =>
  readFileSync(join(folder, "said"), "utf8")
    .trim()
    .split("\n")
    .map((line) => /^(stack )?\S+/.exec(line)![0]);

const start = (allowDataLoss: boolean, stackFile = file) =>
  withApiServer(
    {
      "GET /version": {},
      "GET /api/v1/nodes": { items: [node] },
      [`GET ${claim}`]: {},
      "GET /api/v1/namespaces/argocd": [404, {}],
      [`GET ${applicationsPath}`]: [404, {}],
    },
    async (_cluster, _calls, url) => {
      writeFileSync(join(folder, "kubeconfig"), kubeconfig(url).replaceAll("food", "kind-gourmetgram"));
      await startRemote("kind", stackFile, { refresh: false, allowDataLoss });
    },
  );

it("an update by the user's Pulumi is refused by its preview, if it loses data", async () => {
  await expect(start(false)).rejects.toThrow(
    "This update of kind loses data, so nothing was changed:\n" +
      "  PersistentVolumeClaim gourmetgram-platform/mlflow-data is replaced: its data is lost\n",
  );
  expect(said()).toEqual(["stack select", "stack export", "preview"]);
});

it("an update by the user's Pulumi is made where a person allows the loss", async () => {
  await start(true);
  expect(said()).toEqual(["stack select", "stack export", "up", "stack output"]);
});

it("a mistake in the stack file is named before anything is called, digests that nobody states or not", async () => {
  const { overrides: _, ...images } = config["gourmetgram:images"] as Record<string, object>;
  for (const [context, stated] of [
    ["kind-gourmetgram", config["gourmetgram:images"]],
    ["lab", images],
  ]) {
    const wrong = {
      ...config,
      "gourmetgram:cluster": { context },
      "gourmetgram:images": stated,
      "gourmetgram:pipeline": { epoch: 1 },
    };
    const start = startRemote("kind", { config: wrong }, { refresh: false, allowDataLoss: true });
    await expect(start).rejects.toThrow(ConfigurationError);
    await expect(start).rejects.toThrow(/ has a mistake:\n {2}gourmetgram:pipeline\.epoch: unknown key/);
  }
  expect(existsSync(join(folder, "said"))).toBe(false);
  expect(pinUnknownDigests).not.toHaveBeenCalled();
});

it("an image that nobody states a digest of is looked up before the stack is checked", async () => {
  // Given a stack that leaves the digest of MLflow to the catalogue, which has none
  const { overrides, ...images } = config["gourmetgram:images"] as { overrides: Record<string, object> };
  const { mlflow: _, ...others } = overrides;
  const unstated = { config: { ...config, "gourmetgram:images": { ...images, overrides: others } } };
  const lookUp = vi.mocked(pinUnknownDigests).mockImplementation(async (asked) => {
    for (const image of asked) Object.defineProperty(image, "digest", { value: `sha256:${"9".repeat(64)}` });
    return asked.map(({ tag }) => `${tag}: looked up`);
  });
  const print = vi.spyOn(console, "log").mockImplementation(() => {});
  // When
  await start(true, unstated);
  // Then
  expect(lookUp).toHaveBeenCalledWith([catalogue.mlflow]);
  expect(print).toHaveBeenCalledWith(`${catalogue.mlflow.tag}: looked up`);
  expect(said().at(-1)).toBe("stack output");
});
