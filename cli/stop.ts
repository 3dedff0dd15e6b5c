import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { currentStack, parseCluster, parseStack, settingsOf } from "../config";
import { endChildren } from "../lib/exec";
import { deferInterrupts, handleInterrupts } from "../lib/interrupts";
import { localContext, repositoryRoot, stateDir } from "../lib/paths";
import { Phases } from "../lib/phases";
import { leftovers, removeData, stopCluster } from "../local/cluster/down";
import { unhealthyReason } from "../local/cluster/health";
import { takeLock } from "../local/cluster/lock";
import { destroy, releaseStaleLocks, stackExists } from "../stacks/local-stack";
import { refuseOthers, refuseProtected } from "../stacks/protect-check";
import { destroyWithUserPulumi } from "../stacks/user-pulumi";

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { "keep-data": { type: "boolean", default: false } } });
  const stack = currentStack();
  const name = `Pulumi.${stack}.yaml`;
  const path = join(repositoryRoot, name);
  const file = existsSync(path) ? parseStack(readFileSync(path, "utf8"), name) : undefined;
  if (file && parseCluster(file).context !== localContext) {
    if (values["keep-data"])
      throw new Error(
        "--keep-data is for the local cluster: a cluster of your own keeps running, so there is nothing to stop.",
      );
    return destroyWithUserPulumi(stack);
  }
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    throw new Error("The local cluster belongs to root on a Linux machine: run this with sudo there.");
  if (!existsSync(stateDir()) && (await leftovers()).length === 0)
    return console.log("There is no local cluster: nothing to stop.");
  const releaseLock = takeLock();
  process.on("exit", releaseLock);
  releaseStaleLocks(stack);
  // Of environments alone only the stack goes: the cluster is their platform's.
  if (file && "platform" in settingsOf(file) && !values["keep-data"]) await stopEnvironments(stack);
  else await stopLocal(stack, values["keep-data"]);
}

async function stopEnvironments(stack: string): Promise<void> {
  if (!stackExists(stack)) return console.log(`There is no stack ${stack} on this machine: nothing to remove.`);
  refuseProtected(stack);
  await new Phases().run("pulumi destroy", (progress) => deferInterrupts(destroy(stack, progress)));
  console.log(`\nNothing of the stack ${stack} is left. The cluster, and what else is on it, goes on.`);
}

async function stopLocal(stack: string, keepData: boolean): Promise<void> {
  if (!keepData) refuseProtected();
  const phases = new Phases();
  const failure = keepData ? undefined : await destroyStack(stack, phases);
  await phases.run("Cluster", (progress) => stopCluster(progress).then(() => "stopped"));
  if (!keepData) await phases.run("Data", async () => (removeData(), "removed"));
  const left = await leftovers();
  if (left.length > 0)
    throw new Error(`Still there: ${left.join(", ")}. Run npm stop again; if it stays, end it by hand.`);
  console.log(
    `\nNothing is left running: no process, mount, interface, cgroup or network namespace.${keepData ? ` The data in ${stateDir()} is kept: npm start serves the same versions again.` : ""}`,
  );
  if (failure)
    throw new Error(
      `The cluster is gone with all its data, so nothing is left to do; but before that ${failure.message}`,
    );
}

/** @returns why it was not finished: the cluster goes all the same, and everything with it. */
async function destroyStack(stack: string, phases: Phases): Promise<Error | undefined> {
  const why = await unhealthyReason();
  if (why) {
    phases.say(`! ${why}: the cluster is taken away as a whole, without pulumi destroy.`);
    return undefined;
  }
  refuseOthers(stack);
  if (!stackExists(stack)) return undefined;
  const destroyed = phases.run("pulumi destroy", (progress) => deferInterrupts(destroy(stack, progress)));
  return destroyed.then(
    () => undefined,
    (error: Error) => error,
  );
}

handleInterrupts();
main().catch((error: Error) => {
  endChildren();
  console.error(`\n${error.message}`);
  process.exit(1);
});
