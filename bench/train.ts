import { follow } from "../cli/train";
import { submit } from "../client/workflows";
import type { Cluster } from "../lib/kube-client";

/**
 * Sends a normal model through the whole pipeline.
 * @returns the name of the pipeline run
 * @throws if the model is not promoted
 */
export async function trainAndFollow(cluster: Cluster): Promise<string> {
  const pipelineRun = await submit(cluster, "train-model", { scenario: "normal" });
  const outcome = await follow(cluster, pipelineRun);
  if (outcome.exitCode !== 0) throw new Error(`the model was not promoted: ${outcome.sentence}`);
  return pipelineRun;
}
