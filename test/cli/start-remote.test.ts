import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startRemote } from "../../cli/start-remote";
import { applicationsPath } from "../../components/shared/workflow-names";
import { parseSettings, settingsOf } from "../../config";
import { machineArchitecture } from "../../image-builder/architecture";
import { markLabel } from "../../local/docker-cluster/mark";
import { clusterToolFor } from "../../stacks/docker-cluster";
import { runnableStack } from "../stack-files";
import { kubeconfig, withApiServer } from "./api-server";

const claim = "/api/v1/namespaces/gourmetgram-platform/persistentvolumeclaims/mlflow-data";
const volume = {
  urn: "urn:pulumi:kind::gourmetgram::kubernetes:core/v1:PersistentVolumeClaim::mlflow-data",
  type: "kubernetes:core/v1:PersistentVolumeClaim",
  provider: "urn:pulumi:kind::gourmetgram::pulumi:providers:kubernetes::cluster::id",
  inputs: { metadata: { namespace: "gourmetgram-platform", name: "mlflow-data" } },
};
const file = { config: runnableStack("kind") };
const { mark } = clusterToolFor(file)!.config(parseSettings(settingsOf(file)));
const node = {
  metadata: { name: "gourmetgram-control-plane", labels: { [markLabel]: mark } },
  spec: {},
  status: { nodeInfo: { architecture: machineArchitecture(), operatingSystem: "linux" } },
};

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

const start = (allowDataLoss: boolean) =>
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
      await startRemote("kind", file, { refresh: false, allowDataLoss });
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
