/** Moves environments, or a whole platform, from one stack's state to another's. Nothing in the cluster changes. */

import { environmentType } from "../components/shared/workflow-names";
import { readStackFile, settingsOf } from "../config";
import { recordedListen } from "../local/cluster/listen";
import { pulumi } from "./local-pulumi";
import { localStack } from "./local-settings";
import { localValues, prepareStack, recoverFromKill, stackExists } from "./local-stack";
import { exportState, type StateResource, topLevel } from "./state";
import { userPulumi, userPulumiOutput } from "./user-pulumi";

/** URNs of a stack's top-level resources, by whether they move. */
export interface Division {
  readonly moved: string[];
  readonly kept: string[];
}

/** What a move did. */
export interface Move {
  /** Names of the resources that moved, in the order of the alphabet. */
  readonly names: string[];
  /** Whether the source was empty afterwards, and was removed. */
  readonly sourceRemoved: boolean;
}

const nameOf = (urn: string) => urn.split("::").at(-1)!;

/**
 * Divides the top-level resources of a stack's state. What is in a component moves with it.
 * @param environments names of the target stack's environments
 * @param holdsPlatform whether the target stack holds the platform too
 */
export function divideResources(
  resources: readonly StateResource[],
  environments: readonly string[],
  holdsPlatform: boolean,
): Division {
  const belongsToTarget = ({ type, urn }: StateResource) =>
    type === environmentType ? environments.includes(nameOf(urn)) : holdsPlatform;
  const urnsWhere = (condition: (resource: StateResource) => boolean) =>
    topLevel(resources)
      .filter(condition)
      .map(({ urn }) => urn);
  return { moved: urnsWhere(belongsToTarget), kept: urnsWhere((resource) => !belongsToTarget(resource)) };
}

/**
 * Moves what the target's stack file describes out of the state of the source. An emptied source is removed.
 * @throws if there is nothing to move, or Pulumi fails
 */
export async function moveResources(source: string, target: string): Promise<Move> {
  const { file, isLocal } = readStackFile(target);
  const cli = isLocal ? (...args: string[]) => pulumi(args, { onLine: () => {} }) : userPulumiOutput;
  if (isLocal && !stackExists(source))
    throw new Error(`There is no stack ${source} on this machine: name another one.`);
  if (isLocal) recoverFromKill(source);

  const settings = settingsOf(file);
  const { moved, kept } = divideResources(
    await exportState<StateResource>(cli, source),
    Object.keys((settings.environments ?? {}) as object),
    !("platform" in settings),
  );
  if (moved.length === 0)
    throw new Error(`The stack ${source} has nothing that Pulumi.${target}.yaml holds: there is nothing to move.`);

  if (isLocal) await prepareStack(target, localStack(file, localValues({}, recordedListen())));
  else await userPulumi("stack", "select", "--create", target);
  await cli("state", "move", "--yes", "--source", source, "--dest", target, ...moved);
  const sourceRemoved = kept.length === 0;
  if (sourceRemoved) await cli("stack", "rm", source, "--yes", "--force", "--preserve-config");
  return { names: moved.map(nameOf).sort(), sourceRemoved };
}
