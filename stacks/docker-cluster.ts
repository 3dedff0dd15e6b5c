/** The cluster in Docker that `npm start` makes for a stack, and `npm stop` deletes with it. */
import { parseCluster, parseSettings, type StackFile, settingsOf } from "../config";
import { NoContextError } from "../lib/connect";
import type { Phases } from "../lib/phases";
import {
  type ClusterTool,
  clusterExists,
  clusterToolOf,
  createCluster,
  deleteCluster,
  deletionCommand,
  requireDocker,
} from "../local/docker-cluster/cluster-tool";
import { clusterName, readMark } from "../local/docker-cluster/mark";
import { connect } from "./stack-cluster";
import { destroyWithUserPulumi, requireUserPulumi, userStackExists } from "./user-pulumi";

/** The tool that makes the stack's cluster. A stack that has only environments is on the cluster of its platform. */
export function clusterToolFor(file: StackFile): ClusterTool | undefined {
  return "platform" in settingsOf(file) ? undefined : clusterToolOf(parseCluster(file).context);
}

/**
 * Makes the cluster of the stack if there is none.
 * @throws if the stack file has a mistake, or if Docker, the tool or Pulumi is missing; nothing has been done by then
 */
export async function ensureCluster(tool: ClusterTool, stack: string, file: StackFile, phases: Phases): Promise<void> {
  const config = tool.config(parseSettings(settingsOf(file)));
  await requireDocker(tool);
  if (await clusterExists(tool)) {
    const mark = await markOfCluster(tool, stack);
    if (mark !== undefined && mark !== config.mark)
      phases.say(
        `! The ${tool.name} cluster ${clusterName} was made for other ports or of another image, and keeps them: to ` +
          "make it anew, run npm stop, which deletes its data too, then npm start.",
      );
    return;
  }
  await requireUserPulumi();
  await phases.run(`${tool.name} cluster`, async (progress) => {
    await createCluster(tool, config, parseCluster(file).kubeconfig, progress);
    return `${clusterName} made`;
  });
}

/**
 * The value of the label on the cluster's nodes, or undefined if `npm start` did not make the cluster.
 * @throws if it was not made to its end, since kind and k3d write its context last
 */
async function markOfCluster(tool: ClusterTool, stack: string): Promise<string | undefined> {
  try {
    return await readMark(connect(stack), tool.startCommand);
  } catch (error) {
    if (!(error instanceof NoContextError)) throw error;
    throw new Error(
      `The ${tool.name} cluster ${clusterName} was not made to its end: run ${await deletionCommand(tool)}, then ` +
        "npm start. If it has run before, name the kubeconfig with its context in KUBECONFIG instead.",
    );
  }
}

/** Destroys the stack if there is one, then deletes its cluster if `npm start` made it. */
export async function stopInDocker(tool: ClusterTool, stack: string, file: StackFile, phases: Phases): Promise<void> {
  await requireDocker(tool);
  if (!(await clusterExists(tool))) {
    phases.say(
      `There is no ${tool.name} cluster ${clusterName}: nothing to stop. If Pulumi still lists what was on it, run ` +
        `pulumi stack rm --force --preserve-config --stack ${stack}.`,
    );
    return;
  }
  const mark = await markOfCluster(tool, stack);
  if (await userStackExists(stack)) await destroyWithUserPulumi(stack);
  else phases.say(`There is no Pulumi stack ${stack}: nothing to destroy.`);
  if (mark === undefined)
    return phases.say(`The ${tool.name} cluster ${clusterName} continues to run, since npm start did not make it.`);
  await phases.run(`${tool.name} cluster`, async () => {
    await deleteCluster(tool, parseCluster(file).kubeconfig);
    return `${clusterName} deleted`;
  });
}
