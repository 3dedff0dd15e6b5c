import { createHash } from "node:crypto";
import { readStatus } from "../client/pipeline-status";
import { applicationsPath } from "../components/shared/workflow-names";
import { exec } from "../lib/exec";
import type { Cluster } from "../lib/kube-client";
import { kubeconfigPath, toolPath } from "../lib/paths";
import { row } from "./statistics";

const application = `${applicationsPath}/gourmetgram-staging`;
const rounds = 6;

interface Application {
  spec: { source: { kustomize?: { images?: string[] } } };
}
interface Pod {
  metadata: { name: string; namespace: string; deletionTimestamp?: string };
  status: { phase: string };
  spec: { containers: { resources: { limits: { memory: string } } }[] };
}

/** From patching staging's image to the new version's answer, back and forth between the two newest models. */
export async function deployTimes(cluster: Cluster): Promise<string[]> {
  const { models, urls } = await readStatus(cluster);
  const [newest, previous] = models;
  const repository = (await current(cluster))!.split("@")[0];
  const images = await Promise.all(
    [previous, newest].map(
      async ({ version }) => [version, `${repository}@${await imageDigest(cluster, version)}`] as const,
    ),
  );
  const seconds: number[] = [];
  for (let turn = 0; turn < rounds; turn++) {
    const [version, image] = images[turn % 2];
    // While the pod of the version before is there, it answers too.
    await until("one pod alone in staging", async () => (await stagingPods(cluster)).length === 1);
    const begun = performance.now();
    await cluster.api(application, {
      method: "PATCH",
      headers: { "content-type": "application/merge-patch+json" },
      body: {
        metadata: { annotations: { "argocd.argoproj.io/refresh": "normal" } },
        spec: { source: { kustomize: { images: [image] } } },
      },
    });
    await until(`${version} in staging`, async () => (await servedVersion(urls.staging)) === version);
    seconds.push((performance.now() - begun) / 1000);
  }
  return row("deploy", seconds);
}

async function stagingPods(cluster: Cluster): Promise<Pod[]> {
  const path = "/api/v1/namespaces/gourmetgram-staging/pods?labelSelector=app%3Dgourmetgram-staging";
  return (await cluster.api<{ items: Pod[] }>(path)).items;
}

async function current(cluster: Cluster): Promise<string | undefined> {
  return (await cluster.api<Application>(application)).spec.source.kustomize?.images?.[0];
}

async function imageDigest(cluster: Cluster, version: string): Promise<string> {
  const path = `/v2/gourmetgram-app/manifests/staging-${version}`;
  const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
  const { text } = await cluster.service("kube-system", "registry", 5000, path, { headers: { accept } });
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

async function servedVersion(url: string): Promise<string | undefined> {
  const answer = await fetch(`${url}/version`, { headers: { connection: "close" } }).catch(() => undefined);
  return answer && ((await answer.json()) as { model_version?: string }).model_version;
}

/** Polls often, so that a figure is right to a tenth of a second. */
async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`there is not ${what} after 120 s: look at its Application in Argo CD`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The most memory that each environment's process has held so far, as its kernel counts it. */
export async function peakMemory(cluster: Cluster): Promise<string[][]> {
  const selector = "app in (gourmetgram-staging,gourmetgram-canary,gourmetgram-production)";
  const { items } = await cluster.api<{ items: Pod[] }>(`/api/v1/pods?labelSelector=${encodeURIComponent(selector)}`);
  return Promise.all(
    items
      .filter(({ metadata, status }) => status.phase === "Running" && !metadata.deletionTimestamp)
      .map(async ({ metadata, spec }) => {
        const flags = ["--kubeconfig", kubeconfigPath(), "--namespace", metadata.namespace, metadata.name];
        const status = await exec(toolPath("kubectl"), ["exec", ...flags, "--", "cat", "/proc/1/status"]);
        const kib = Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]);
        return [metadata.namespace, (kib / 1024).toFixed(0), spec.containers[0].resources.limits.memory];
      }),
  );
}
