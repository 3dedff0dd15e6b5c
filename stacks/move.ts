/** Moves environments, or a whole platform, from one stack's state to another's. Nothing in the cluster changes. */

import { environmentType } from "../components/shared/workflow-names";
import { readStackFile, type Settings } from "../config";
import { missingFileRemedy } from "../lib/as-root";
import { recordedListen } from "../local/cluster/listen";
import { takeLock } from "../local/cluster/lock";
import { checkLocalSettings, checkRemoteSettings } from "./check-settings";
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
 * @throws ConfigurationError if that file has a mistake: a misspelt `platform` would move the whole platform; Error if
 *   there is nothing to move, or Pulumi fails
 */
export async function moveResources(source: string, target: string): Promise<Move> {
  const { file, isLocal } = readStackFile(target);
  if (!isLocal)
    return move(source, target, checkRemoteSettings(file), userPulumiOutput, () =>
      userPulumi("stack", "select", "--create", target),
    );
  const listen = recordedListen();
  const settings = checkLocalSettings(file, listen);
  if (!stackExists(source))
    throw new Error(`There is no stack ${source} on this machine: ${missingFileRemedy()}, or name another one.`);
  const releaseLock = takeLock();
  try {
    recoverFromKill(source);
    const cli = (...args: string[]) => pulumi(args, { onLine: () => {} });
    return await move(source, target, settings, cli, () =>
      prepareStack(target, localStack(file, localValues({}, listen))),
    );
  } finally {
    releaseLock();
  }
}

/** @param prepare makes the target if there is none */
async function move(
  source: string,
  target: string,
  { environments, platform }: Settings,
  cli: (...args: string[]) => Promise<string>,
  prepare: () => Promise<unknown>,
): Promise<Move> {
  const resources = await exportState<StateResource>(cli, source);
  const { moved, kept } = divideResources(resources, Object.keys(environments), platform === undefined);
  if (moved.length === 0)
    throw new Error(`The stack ${source} has nothing that Pulumi.${target}.yaml holds: there is nothing to move.`);

  await prepare();
  await cli("state", "move", "--yes", "--source", source, "--dest", target, ...moved);
  const sourceRemoved = kept.length === 0;
  if (sourceRemoved) await cli("stack", "rm", source, "--yes", "--force", "--preserve-config");
  return { names: moved.map(nameOf).sort(), sourceRemoved };
}
