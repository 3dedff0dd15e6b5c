/** Reads from the cluster what there is to check of one version. */
import { createHash } from "node:crypto";
import { type Evidence, evidenceOf } from "../client/chain/evidence";
import { readEnvironments } from "../client/environments";
import { artifact, mlflow } from "../client/mlflow";
import { readRegisteredVersion } from "../client/models";
import { environmentStatuses, readApplications } from "../client/pipeline-status";
import type { Run } from "../client/releases";
import { readPublicKeys } from "../client/signing-keys";
import { collectedTag, workflowNamespace } from "../components/shared/workflow-names";
import { modelName } from "../images/model";
import { isDigest } from "../lib/digest";
import { parseJson } from "../lib/json";
import type { Cluster } from "../lib/kube-client";
import { timestamp } from "../lib/timestamp";
import { withAppRepository } from "./backups/images";
import type { Descriptor, Repository } from "./backups/registry";

const gatesPath = `/api/v1/namespaces/${workflowNamespace}/configmaps/pipeline-gates`;
const fileTag = "sha256.";
const signatureFile = "model.sig";
const trainingFile = "training.json";

/**
 * @param number the X of `1.0.X`
 * @throws if MLflow does not have the version, or anything that is asked gives no answer
 */
export async function readEvidence(cluster: Cluster, number: string): Promise<Evidence> {
  const registered = await readRegisteredVersion(cluster, number);
  if (!registered) throw new Error(`MLflow has no version ${number}: npm run status lists the versions`);
  const { tags } = registered;
  const keys = await readPublicKeys(cluster);
  const { data: gates = {} } = await cluster.api<{ data?: Record<string, string> }>(gatesPath);
  const image = isDigest(tags.image_digest ?? "") ? tags.image_digest : null;
  const collected = tags[collectedTag] || null;
  const applications = await readApplications(cluster);
  const environments = await environmentStatuses(cluster, applications, await readEnvironments(cluster), []);
  return evidenceOf({
    version: number,
    readAt: timestamp(new Date()),
    gates: Object.keys(gates)
      .flatMap((file) => /^(?!__)(\w+)\.py$/.exec(file)?.[1] ?? [])
      .sort(),
    keys: Object.fromEntries(keys.map(({ name, id, pem }) => [`${name}.${id}`, pem])),
    collected,
    withdrawn: tags["staging.verdict"] === "withdrawn" ? (tags["staging.reason"] ?? "") : null,
    training: await readTraining(cluster, number, collected !== null),
    image,
    attestations:
      image && !collected ? await withAppRepository(cluster, (repository) => readAttestations(repository, image)) : [],
    environments: environments.map(({ name, version, digest }) => ({
      name,
      version,
      digest: isDigest(digest ?? "") ? digest : null,
    })),
  });
}

async function readTraining(cluster: Cluster, number: string, isCollected: boolean): Promise<Evidence["training"]> {
  const path = `model-versions/get?name=${modelName}&version=${number}`;
  const found = await mlflow<{ model_version: { run_id?: string } }>(cluster, path);
  const run = found?.model_version.run_id ?? "";
  const answer = run ? await mlflow<{ run: Run }>(cluster, `runs/get?run_id=${encodeURIComponent(run)}`) : undefined;
  const written = (answer?.run.data.tags ?? []).flatMap(({ key }) =>
    key.startsWith(fileTag) ? [key.slice(fileTag.length)] : [],
  );
  const fetched = (name: string) => artifact(cluster, modelName, number, name);
  const textOf = async (name: string) =>
    written.includes(name) && !isCollected ? (await collect(await fetched(name))).toString() : null;
  const signature = await textOf(signatureFile);
  const files: Record<string, string> = {};
  for (const name of signature === null ? [] : written.filter((name) => name !== signatureFile)) {
    const hash = createHash("sha256");
    for await (const chunk of await fetched(name)) hash.update(chunk as Buffer);
    files[name] = hash.digest("hex");
  }
  return { run, signature, record: await textOf(trainingFile), files };
}

/** What is kept beside an image, as `workflows/lib/attestations.py` lists it. */
async function readAttestations(repository: Repository, image: string): Promise<Evidence["attestations"]> {
  const index = parseJson((await repository.tagged(image.replace(":", "-"))) ?? "{}") as {
    manifests?: Descriptor[];
  };
  const found: Evidence["attestations"] = [];
  for (const { digest } of index.manifests ?? []) {
    const manifest = await repository.manifest(digest);
    const { layers = [] } = parseJson(manifest?.content.toString() ?? "{}") as { layers?: Descriptor[] };
    const content = layers.length === 1 ? await repository.blob(layers[0].digest) : undefined;
    found.push({ manifest: digest, content: content?.toString() ?? null });
  }
  return found;
}

async function collect(answer: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
