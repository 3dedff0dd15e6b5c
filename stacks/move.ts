/** Moves environments, or a whole platform, from one stack's state to another's. Nothing in the cluster is touched. */
import { parseArgs } from "node:util";
import { readStackFile, settingsOf } from "../config";
import { runMain } from "../lib/main";
import { pulumi } from "./local-pulumi";
import { localStack } from "./local-settings";
import { localValues, prepareStack, releaseStaleLocks, stackExists } from "./local-stack";
import { userPulumi, userPulumiOutput } from "./user-pulumi";

const usage = `Usage: npm run move -- <from> <to>, as in: npm run move -- staging canary

Moves what the file of the stack <to> holds out of the state of the stack <from>: its environments, and where it has no
\`platform\`, the platform too. Nothing in the cluster changes. Update both stacks afterwards.`;

/** What Pulumi records of one resource, as far as it is read here. */
export interface Recorded {
  urn: string;
  type: string;
  parent?: string;
}

const isEnvironment = ({ type }: Recorded) => type === "gourmetgram:release:Environment";
const nameOf = (urn: string) => urn.split("::").at(-1)!;
/** The stack itself and its providers: every stack has its own. */
const isFrame = ({ type }: Recorded) => type.startsWith("pulumi:");

/**
 * Sorts what is at the top of a stack's state; what is in a component goes with it.
 * @param environments those of the stack that takes
 * @param isPlatform whether that stack holds the platform too
 */
export function belonging(
  resources: readonly Recorded[],
  environments: readonly string[],
  isPlatform: boolean,
): { goes: string[]; stays: string[] } {
  const root = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.urn;
  const top = resources.filter((resource) => resource.parent === root && !isFrame(resource));
  const belongs = (resource: Recorded) =>
    isEnvironment(resource) ? environments.includes(nameOf(resource.urn)) : isPlatform;
  const urns = (all: Recorded[]) => all.map(({ urn }) => urn);
  return { goes: urns(top.filter(belongs)), stays: urns(top.filter((resource) => !belongs(resource))) };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [from, to, ...rest] = positionals;
  if (!to || rest.length > 0 || from === to) throw new Error(usage.split("\n")[0]);
  const { file, isLocal } = readStackFile(to);
  const settings = settingsOf(file);
  const cli = isLocal ? (...args: string[]) => pulumi(args, { onLine: () => {} }) : userPulumiOutput;
  if (isLocal && !stackExists(from)) throw new Error(`There is no stack ${from} on this machine: name another one.`);
  if (isLocal) releaseStaleLocks(from);

  const exported = JSON.parse(await cli("stack", "export", "--stack", from)) as {
    deployment: { resources?: Recorded[] };
  };
  const { goes, stays } = belonging(
    exported.deployment.resources ?? [],
    Object.keys((settings.environments ?? {}) as object),
    !("platform" in settings),
  );
  if (goes.length === 0)
    throw new Error(`The stack ${from} has nothing that Pulumi.${to}.yaml holds: there is nothing to move.`);
  if (isLocal) await prepareStack(to, localStack(file, localValues({})));
  else await userPulumi("stack", "select", "--create", to);
  await cli("state", "move", "--yes", "--source", from, "--dest", to, ...goes);
  if (stays.length === 0) await cli("stack", "rm", from, "--yes", "--force", "--preserve-config");

  console.log(
    `Moved from ${from} to ${to}: ${goes.map(nameOf).sort().join(", ")}. Nothing in the cluster has changed.`,
  );
  if (stays.length === 0) console.log(`The stack ${from} was empty then, and is gone.`);
  return 0;
}

if (require.main === module) runMain(main);
