import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { currentStack, parseCluster, parseStack, settingsOf } from "../config";
import { thisAsRoot } from "../lib/as-root";
import { runPhases } from "../lib/main";
import { localContext, repositoryRoot, stateDir } from "../lib/paths";
import { Phases } from "../lib/phases";
import { leftovers, removeData, stopCluster } from "../local/cluster/down";
import { unhealthyReason } from "../local/cluster/health";
import { takeLock } from "../local/cluster/lock";
import { foreignDirectory } from "../local/cluster/state-directory";
import { clusterToolFor, stopInDocker } from "../stacks/docker-cluster";
import { earlierState } from "../stacks/earlier-state";
import { destroy, recoverFromKill, stackExists } from "../stacks/local-stack";
import { recordedStacks, refuseOthers, refuseProtected } from "../stacks/protect-check";
import { destroyWithUserPulumi } from "../stacks/user-pulumi";

const usage = `Usage: npm stop -- [--keep-data | --all]

Destroys the stack that GOURMETGRAM_STACK names, default staging, and removes the local cluster with all its data, or
the cluster that npm start made in Docker. Any other cluster continues to run.
  --keep-data  ends the local cluster's processes only: npm start serves the same versions again
  --all        removes the local cluster with every stack that is on it, without pulumi destroy`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h", default: false },
      "keep-data": { type: "boolean", default: false },
      all: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (values.all && values["keep-data"])
    throw new Error("--all removes what --keep-data keeps: leave one of them out.");
  const stack = currentStack();
  const name = `Pulumi.${stack}.yaml`;
  const path = join(repositoryRoot, name);
  const file = existsSync(path) ? parseStack(readFileSync(path, "utf8"), name) : undefined;
  if (file && parseCluster(file).context !== localContext) {
    if (values["keep-data"])
      throw new Error("--keep-data is for the local cluster. Your cluster keeps running, so there is nothing to stop.");
    if (values.all) throw new Error("--all is for the local cluster: leave it out.");
    const tool = clusterToolFor(file);
    await (tool ? stopInDocker(tool, stack, file, new Phases()) : destroyWithUserPulumi(stack));
    return 0;
  }
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    throw new Error(`The local cluster belongs to root on a Linux machine: there, run ${thisAsRoot()}.`);
  if (!existsSync(stateDir()) && (await leftovers()).length === 0) {
    console.log("There is no local cluster: nothing to stop.");
    return 0;
  }
  const foreign = foreignDirectory();
  if (foreign) throw new Error(`${foreign} Nothing was stopped or removed.`);
  if (!file && !stackExists(stack))
    throw new Error(`There is no stack ${stack}, neither its file ${name} nor on this machine: ${otherStack()}.`);
  const releaseLock = takeLock();
  process.on("exit", releaseLock);
  recoverFromKill(stack);
  // A stack that has only environments is on the cluster of its platform, which stays.
  if (values["keep-data"]) await stopKeepingData();
  else if (file && "platform" in settingsOf(file) && !values.all) await stopEnvironments(stack);
  else await stopLocal(stack, values.all);
  return 0;
}

async function stopEnvironments(stack: string): Promise<void> {
  if (!stackExists(stack)) return console.log(`There is no stack ${stack} on this machine: nothing to remove.`);
  refuseProtected(stack);
  await new Phases().run("pulumi destroy", (progress) => destroy(stack, progress));
  console.log(`\nThe stack ${stack} is removed. The cluster continues to run, with everything else on it.`);
}

async function stopKeepingData(): Promise<void> {
  await stopProcesses(new Phases());
  console.log(`\n${nothingRuns} The data in ${stateDir()} is kept: npm start serves the same versions again.`);
}

async function stopLocal(stack: string, all: boolean): Promise<void> {
  refuseProtected();
  const phases = new Phases();
  const failure = all ? undefined : await destroyStack(stack, phases);
  await stopProcesses(phases, removeData);
  console.log(`\n${nothingRuns}`);
  if (failure)
    throw new Error(
      "pulumi destroy failed, but the cluster was then removed with all its data: nothing is left to do.\n" +
        failure.message,
    );
}

const nothingRuns = "Nothing is left running: no process, mount, interface, cgroup or network namespace.";

/** Stops the cluster, and removes its data if asked to. @throws if anything still runs */
async function stopProcesses(phases: Phases, remove?: () => void): Promise<void> {
  await phases.run("Cluster", async (progress) => {
    await stopCluster(progress);
    return "stopped";
  });
  if (remove)
    await phases.run("Data", async () => {
      remove();
      return "removed";
    });
  const left = await leftovers();
  if (left.length > 0)
    throw new Error(`Still there: ${left.join(", ")}. Run npm stop again. If it stays, remove it by hand.`);
}

/** What a person names instead of a stack that is not there. */
function otherStack(): string {
  const stacks = Object.keys(recordedStacks());
  return stacks.length > 0
    ? `set GOURMETGRAM_STACK to ${stacks.join(" or ")}`
    : "leave GOURMETGRAM_STACK out, or set it to the stack of the cluster";
}

/** @returns why the destroy failed, if it did: the cluster is removed all the same, with everything on it */
async function destroyStack(stack: string, phases: Phases): Promise<Error | undefined> {
  refuseOthers(stack);
  const why = earlierState() ?? (await unhealthyReason());
  if (why) {
    phases.say(`! ${why}: the cluster is removed as a whole, without pulumi destroy.`);
    return undefined;
  }
  if (!stackExists(stack)) return undefined;
  const destroyed = phases.run("pulumi destroy", (progress) => destroy(stack, progress));
  return destroyed.then(
    () => undefined,
    (error: Error) => error,
  );
}

runPhases(main);
