import { currentStack, parseSettings, readStackFile, type StackFile, settingsOf } from "../config";
import { imageKeys } from "../images/catalogue";
import { endChildren } from "../lib/exec";
import { deferInterrupts, handleInterrupts } from "../lib/interrupts";
import { Phases } from "../lib/phases";
import { localForwards, type Ports, portNotices, recordedPorts } from "../local/cluster/forward";
import { unhealthyReason } from "../local/cluster/health";
import { takeLock } from "../local/cluster/lock";
import { inspectMachine, preflightErrors } from "../local/cluster/preflight";
import { waitUntil } from "../local/cluster/processes";
import { startCluster, startDns } from "../local/cluster/up";
import { ensurePackages } from "../local/toolchain/debian-packages";
import { buildTools, isBuilt, type ToolGroup, toolGroups } from "../local/toolchain/go-tools";
import { buildManifests } from "../local/toolchain/release-manifests";
import {
  buildLocalImages,
  localImageNames,
  neededBinaries,
  pushLocalImages,
  writeLocalImages,
} from "../local/toolchain/third-party-images";
import { recordUrls } from "../local/urls";
import { type LocalValues, localStack } from "../stacks/local-settings";
import { localValues, prepareStack, stackExists, up } from "../stacks/local-stack";
import { upWithUserPulumi } from "../stacks/user-pulumi";
import { buildImages } from "./images";

/** Names of the UIs in the table of URLs. */
const titles: Record<string, string> = { mlflow: "MLflow", argoWorkflows: "Argo Workflows", argoCd: "Argo CD" };

async function main(): Promise<void> {
  const stack = currentStack();
  const { file, isLocal } = readStackFile(stack);
  if (isLocal) await startLocal(stack, file);
  else await upWithUserPulumi(stack, !("platform" in settingsOf(file)));
}

async function startLocal(stack: string, file: StackFile): Promise<void> {
  // With any images at all: a mistake in the file is said now and not after half an hour.
  const { environments, exposure, promotionPath, platform } = parseSettings(
    settingsOf(localStack(file, localValues(unbuiltImages()))),
  );
  const found = preflightErrors(await inspectMachine());
  if (found.length > 0) throw new Error(found.join("\n"));
  const releaseLock = takeLock();
  process.on("exit", releaseLock);
  const phases = new Phases();
  if (platform) return startEnvironments(stack, platform.stack, file, Object.keys(environments), phases);

  await phases.run(
    "Debian packages",
    async (progress) => (await ensurePackages(progress)).join(" ") || "all installed",
  );
  const { done, compiled } = await compile(phases);
  const exposed = {
    ...Object.fromEntries(Object.entries(promotionPath).map(([name, { port }]) => [name, port])),
    ...exposure.ports,
  };
  const forwards = localForwards(exposed);
  // While the rest compiles, what needs no more than is there already.
  const cluster = done("kubernetes").then(() => phases.run("Cluster", (progress) => startCluster(forwards, progress)));
  const images = done("tools").then(() => phases.run("Images, first part", (progress) => buildFirstImages(progress)));
  await Promise.all([cluster, images, compiled]);
  const ports = await cluster;
  portNotices(forwards, ports).forEach((notice) => phases.say(`! ${notice}`));

  await phases.run("Install manifests", async () => ((await buildManifests()) ? "written" : "in the cache"));
  const thirdParties = await phases.run("Images, second part", (progress) =>
    buildLocalImages(undefined, undefined, progress),
  );
  const published = await phases.run("Mirror", () => pushLocalImages(thirdParties, `127.0.0.1:${ports.mirror}`));
  await writeLocalImages(published);
  await phases.run("Cluster DNS", () => startDns(thirdParties.coredns!.digest));
  await updateStack(stack, localStack(file, localValues(published)), phases);
  recordUrls(localUrls(Object.keys(exposed), ports), true);
  await finish(
    [...Object.keys(environments), ...Object.keys(exposure.ports)],
    Object.keys(environments),
    ports,
    phases,
  );
}

/** A stack of environments alone: the cluster is its platform's to start. */
async function startEnvironments(
  stack: string,
  platformStack: string,
  file: StackFile,
  environments: string[],
  phases: Phases,
): Promise<void> {
  const ports = recordedPorts();
  const why = stackExists(platformStack)
    ? await unhealthyReason()
    : `There is no stack ${platformStack} on this machine`;
  if (!ports || why)
    throw new Error(
      `${why}: run GOURMETGRAM_STACK=${platformStack} npm start first, since ${stack} is on its platform.`,
    );
  await updateStack(stack, localStack(file, localValues({})), phases);
  await finish(environments, environments, ports, phases);
}

async function updateStack(stack: string, settings: StackFile, phases: Phases): Promise<void> {
  await phases.run("Pulumi stack", async (progress) => {
    const standIns = await prepareStack(stack, settings);
    if (standIns.length > 0)
      phases.say(
        `! The official Pulumi plugins are not on this machine: the stand-ins of local/plugins serve ${standIns.join(" and ")}.`,
      );
    return deferInterrupts(up(stack, progress));
  });
}

/** @param names environments and pages that must answer, as the forwards know them */
async function finish(names: string[], environments: string[], ports: Ports, phases: Phases): Promise<void> {
  const urls = localUrls(names, ports);
  await phases.run("Answers", (progress) => waitForAnswers(urls, environments, progress));
  console.log(`\n${closingWords(urls, phases.elapsed())}`);
}

const localUrls = (names: string[], ports: Ports): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `http://127.0.0.1:${ports[name]}`]));

/** Compiles the groups one after another, each using all cores by itself. */
async function compile(phases: Phases): Promise<{ compiled: Promise<void>; done: (group: string) => Promise<void> }> {
  const missing = new Set<ToolGroup>();
  for (const group of toolGroups) if (!(await isBuilt(group))) missing.add(group);
  if (missing.size === 0) phases.say("✓ Compiled tools: all in the cache");
  const finished = new Map<string, Promise<void>>();
  let previous = Promise.resolve();
  for (const group of toolGroups) {
    if (missing.has(group)) {
      const title = `Compile ${group.name} (about ${group.minutes} min on two cores)`;
      previous = previous.then(() =>
        phases.run(title, async (progress) => void (await buildTools(group, (count) => progress(`${count} packages`)))),
      );
    }
    finished.set(group.name, previous);
  }
  return { compiled: previous, done: (group) => finished.get(group)! };
}

function unbuiltImages(): LocalValues["images"] {
  const image = { repository: "unbuilt/unbuilt", tag: "unbuilt", digest: `sha256:${"0".repeat(64)}` };
  return Object.fromEntries(imageKeys.map((key) => [key, image]));
}

/** Builds the images that need nothing of what takes long to compile. */
async function buildFirstImages(progress: (doing: string) => void): Promise<string> {
  const own = await buildImages(undefined, { report: progress });
  const third = await buildLocalImages(
    undefined,
    localImageNames.filter((name) => neededBinaries(name).length === 0),
    progress,
  );
  const images = [...Object.values(own), ...Object.values(third)];
  const fresh = images.filter((image) => image.fresh).length;
  return fresh > 0 ? `${fresh} of ${images.length} built` : "all in the cache";
}

/** Waits until every URL answers; an environment when it says that it is healthy. */
async function waitForAnswers(
  urls: Record<string, string>,
  environments: string[],
  progress: (doing: string) => void,
): Promise<string> {
  for (const [name, url] of Object.entries(urls)) {
    progress(name);
    const path = environments.includes(name) ? "/healthz" : "/";
    await waitUntil(`an answer of ${name} at ${url}${path}`, () => answers(url + path), {
      seconds: 180,
      watch: ["forward-inside", "forward-outside", "kubelet"],
    });
  }
  const count = Object.keys(urls).length;
  return count === 1 ? "one URL" : `all ${count} URLs`;
}

/** Whether a page answers within five seconds. With a timer of its own: Node.js 20 may collect `AbortSignal.timeout` while it is waited for. */
async function answers(url: string): Promise<boolean> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), 5_000);
  try {
    return (await fetch(url, { redirect: "manual", signal: controller.signal })).status < 400;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function closingWords(urls: Record<string, string>, elapsed: string): string {
  const rows = Object.entries(urls).map(([name, url]) => `  ${(titles[name] ?? name).padEnd(16)}${url}`);
  return [
    `Ready after ${elapsed}.`,
    "",
    ...rows,
    "",
    "  npm run train -- normal    train a model and follow it to its end",
    "  npm run status             what runs where, and every model's verdicts",
    "  npm stop                   take everything away (-- --keep-data: keep it for the next start)",
  ].join("\n");
}

handleInterrupts();
main().catch((error: Error) => {
  endChildren();
  console.error(`\n${error.message}`);
  process.exit(1);
});
