import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { dump } from "js-yaml";
import type { Settings } from "../../config";
import { goTool } from "../../image-builder/go-tool";
import { exec, succeeds } from "../../lib/exec";
import type { Progress } from "../../lib/phases";
import { k3dConfig } from "./k3d";
import { kindConfig } from "./kind";
import { type ClusterConfig, clusterName } from "./mark";

/** A program that makes Kubernetes clusters of Docker containers. */
export interface ClusterTool {
  readonly name: "kind" | "k3d";
  /** Command that starts a cluster whose containers were stopped. */
  readonly startCommand: string;
  /** What the cluster of a stack is made from. @throws if the stack does not fit such a cluster */
  readonly config: (settings: Settings) => ClusterConfig;
  /** Path of the program. @throws if there is none */
  readonly program: () => Promise<string>;
  /** Arguments that list the clusters. */
  readonly list: readonly string[];
  /** The names of the clusters, from the output of that command. */
  readonly names: (output: string) => string[];
  /** Arguments that make the cluster, before the path of its configuration. */
  readonly create: readonly string[];
  /** Arguments that delete the cluster. */
  readonly remove: readonly string[];
}

const kind: ClusterTool = {
  name: "kind",
  startCommand: `docker start ${clusterName}-control-plane`,
  config: kindConfig,
  program: async () => onPath("kind") ?? goTool("kind"),
  list: ["get", "clusters"],
  names: (output) => output.split("\n").map((line) => line.trim()),
  create: ["create", "cluster", "--wait", "5m", "--config"],
  remove: ["delete", "cluster", "--name", clusterName],
};

const k3d: ClusterTool = {
  name: "k3d",
  startCommand: `k3d cluster start ${clusterName}`,
  config: k3dConfig,
  program: async () => {
    const program = onPath("k3d");
    if (!program) throw new Error("k3d is not installed: install k3d 5 from https://k3d.io, then run this again.");
    return program;
  },
  list: ["cluster", "list", "--output", "json"],
  // Without clusters, Go may write an empty list as null.
  names: (output) => ((JSON.parse(output) ?? []) as { name: string }[]).map(({ name }) => name),
  create: ["cluster", "create", "--config"],
  remove: ["cluster", "delete", clusterName],
};

/** The tool that makes a cluster with this context, `kind-gourmetgram` or `k3d-gourmetgram`. */
export function clusterToolOf(context: string): ClusterTool | undefined {
  return [kind, k3d].find(({ name }) => context === `${name}-${clusterName}`);
}

/** @throws if no Docker engine answers */
export async function requireDocker({ name }: ClusterTool): Promise<void> {
  if (await succeeds("docker", ["info"])) return;
  throw new Error(
    `The cluster of this stack is made by ${name} in Docker, and no Docker engine answers: install Docker or start ` +
      "it, or name the context of a cluster of your own in gourmetgram:cluster.context of the stack file.",
  );
}

/** Whether the cluster exists, running or stopped. */
export async function clusterExists(tool: ClusterTool): Promise<boolean> {
  const output = await exec(await tool.program(), [...tool.list]);
  return tool.names(output).includes(clusterName);
}

/**
 * Makes the cluster, and adds its context to the kubeconfig.
 * @param kubeconfig path of the kubeconfig; default `KUBECONFIG`, then `~/.kube/config`
 */
export async function createCluster(
  tool: ClusterTool,
  config: ClusterConfig,
  kubeconfig: string | undefined,
  progress: Progress,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "gourmetgram-cluster-"));
  try {
    const file = join(folder, `${tool.name}.yaml`);
    writeFileSync(file, dump(config.file, { noRefs: true }));
    await exec(await tool.program(), [...tool.create, file], { env: kubeconfigEnv(kubeconfig), onLine: progress });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Deletes the cluster with everything on it, and its context in the kubeconfig. */
export async function deleteCluster(tool: ClusterTool, kubeconfig: string | undefined): Promise<void> {
  await exec(await tool.program(), [...tool.remove], { env: kubeconfigEnv(kubeconfig) });
}

/** The same as a person calls it. */
export async function deletionCommand(tool: ClusterTool): Promise<string> {
  return [onPath(tool.name) ? tool.name : await tool.program(), ...tool.remove].join(" ");
}

const kubeconfigEnv = (path: string | undefined): Record<string, string> => (path ? { KUBECONFIG: path } : {});

/** Path of a program that the user has installed. */
function onPath(name: string): string | undefined {
  const folders = process.env.PATH?.split(delimiter) ?? [];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
