import { parseArgs } from "node:util";
import {
  currentStack,
  imagesWithoutDigest,
  parseSettings,
  readStackFile,
  type Settings,
  type StackFile,
  settingsOf,
} from "../config";
import { exposedPorts, pagePorts } from "../config/exposed-ports";
import { pinUnknownDigests } from "../image-builder/pin-digests";
import { imageKeys } from "../images/catalogue";
import { deferInterrupts } from "../lib/interrupts";
import { runPhases } from "../lib/main";
import { pageTitles } from "../lib/page-titles";
import { Phases, type Progress } from "../lib/phases";
import { localForwards, type Ports, portNotices, recordedPorts } from "../local/cluster/forward";
import { unhealthyReason } from "../local/cluster/health";
import { takeLock } from "../local/cluster/lock";
import { preflightErrors, preflightFacts } from "../local/cluster/preflight";
import { waitUntil } from "../local/cluster/processes";
import { startCluster, startDns } from "../local/cluster/up";
import { ensureClusterPackages } from "../local/toolchain/debian-packages";
import { buildTools, type ToolGroup, toolGroups } from "../local/toolchain/go-tools";
import { fetchOfficialParts, toolsToCompile, wantedParts } from "../local/toolchain/official-parts";
import { buildManifests } from "../local/toolchain/release-manifests";
import { buildLocalImages } from "../local/toolchain/third-party-images/build";
import { writeLocalImages } from "../local/toolchain/third-party-images/images-file";
import { pushLocalImages } from "../local/toolchain/third-party-images/mirror";
import { localImageNames, neededBinaries } from "../local/toolchain/third-party-images/recipes";
import { recordUrls } from "../local/urls";
import { clusterToolFor, ensureCluster } from "../stacks/docker-cluster";
import { refuseEarlierState } from "../stacks/earlier-state";
import { type LocalValues, localStack } from "../stacks/local-settings";
import { localValues, prepareStack, recordedResources, resume, stackExists, up } from "../stacks/local-stack";
import { plainUpdate } from "../stacks/update-plan";
import { selectUserStack, upWithUserPulumi } from "../stacks/user-pulumi";
import { buildImages } from "./images";
import { safePlan, type UpdateOptions } from "./safe-plan";

const usage = `Usage: npm start -- [--refresh] [--allow-data-loss]

Updates the stack that GOURMETGRAM_STACK names, default staging, and creates the cluster if the stack uses the local
cluster or one in Docker (kind, k3d).
  --refresh          compares the program with the cluster, and so takes back what was changed there by hand
  --allow-data-loss  updates without the check that no data is lost`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      refresh: { type: "boolean", default: false },
      "allow-data-loss": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const options = { refresh: values.refresh, allowDataLoss: values["allow-data-loss"] };
  const stack = currentStack();
  const { file, isLocal } = readStackFile(stack);
  if (isLocal) await startLocal(stack, file, options);
  else await startRemote(stack, file, options);
  return 0;
}

/** Updates a stack on the user's cluster, which may be one that is made in Docker here. */
async function startRemote(stack: string, file: StackFile, options: UpdateOptions): Promise<void> {
  for (const line of await pinUnknownDigests(imagesWithoutDigest(file))) console.log(line);
  const tool = clusterToolFor(file);
  if (tool) await ensureCluster(tool, stack, file, new Phases());
  const recorded = await selectUserStack(stack);
  const plan = await safePlan(stack, plainUpdate, recorded, options, console.log);
  await upWithUserPulumi(stack, !("platform" in settingsOf(file)), plan);
}

/** Starts the local cluster with the stack on it; for a stack that has only environments, just the stack. */
async function startLocal(stack: string, file: StackFile, options: UpdateOptions): Promise<void> {
  const settings = checkSettings(file);
  await checkMachine();
  refuseEarlierState();
  const releaseLock = takeLock();
  process.on("exit", releaseLock);
  const phases = new Phases();
  if (settings.platform) await startEnvironments(stack, file, settings, options, phases);
  else await startPlatform(stack, file, settings, options, phases);
}

/** A start, phase by phase. The cluster and the first images need not wait for all tools to be compiled. */
async function startPlatform(
  stack: string,
  file: StackFile,
  settings: Settings,
  options: UpdateOptions,
  phases: Phases,
): Promise<void> {
  await installPackages(phases);
  await fetchParts(phases);
  const { compiled, allCompiled } = await compileTools(phases);
  const [ports] = await Promise.all([
    compiled("kubernetes").then(() => bootCluster(settings, phases)),
    compiled("tools").then(() => phases.run("Images, first part", buildFirstImages)),
    allCompiled,
  ]);
  await writeManifests(phases);
  const images = await publishThirdPartyImages(ports, phases);
  await updateStack(stack, localStack(file, localValues(images)), options, phases);
  recordUrls(localUrls(Object.keys(exposedPorts(settings)), ports), true);
  const environments = Object.keys(settings.environments);
  await waitAndReport([...environments, ...Object.keys(pagePorts(settings))], environments, ports, phases);
}

/** A start of a stack that has only environments: its platform's stack has started the cluster. */
async function startEnvironments(
  stack: string,
  file: StackFile,
  settings: Settings,
  options: UpdateOptions,
  phases: Phases,
): Promise<void> {
  const ports = await platformPorts(stack, settings.platform!.stack);
  const environments = Object.keys(settings.environments);
  await updateStack(stack, localStack(file, localValues({})), options, phases);
  await waitAndReport(environments, environments, ports, phases);
}

/** Checks the stack file at the very beginning, with placeholders for the images: a start takes half an hour. */
function checkSettings(file: StackFile): Settings {
  const placeholder = { repository: "unbuilt/unbuilt", tag: "unbuilt", digest: `sha256:${"0".repeat(64)}` };
  const images: LocalValues["images"] = Object.fromEntries(imageKeys.map((key) => [key, placeholder]));
  return parseSettings(settingsOf(localStack(file, localValues(images))));
}

async function checkMachine(): Promise<void> {
  const errors = preflightErrors(await preflightFacts());
  if (errors.length > 0) throw new Error(errors.join("\n"));
}

async function installPackages(phases: Phases): Promise<void> {
  await phases.run("Debian packages", async (progress) => {
    const installed = await ensureClusterPackages(progress);
    return installed.join(" ") || "all installed";
  });
}

/** Downloads what is published and not in the cache, and says of each part where it comes from. */
async function fetchParts(phases: Phases): Promise<void> {
  const parts = await wantedParts();
  const total = parts.files.length + parts.images.length;
  if (total === 0) return;
  let lines: string[] = [];
  await phases.run("Official parts", async (progress) => {
    const outcome = await fetchOfficialParts(parts, progress);
    lines = outcome.lines;
    return `${outcome.count} of ${total} downloaded`;
  });
  for (const line of lines) phases.say(line);
}

interface Compilation {
  /** Ends when this group of tools is compiled. */
  readonly compiled: (group: string) => Promise<void>;
  readonly allCompiled: Promise<void>;
}

/** Compiles the missing tools, one group after another, since each uses all cores. */
async function compileTools(phases: Phases): Promise<Compilation> {
  const missing = new Map((await toolsToCompile()).map(({ group, tools }) => [group, tools]));
  if (missing.size === 0) phases.say("✓ Tools: all in the cache");
  const compilations = new Map<string, Promise<void>>();
  let previous = Promise.resolve();
  for (const group of toolGroups) {
    const tools = missing.get(group);
    if (tools) previous = previous.then(() => compileGroup(group, tools, phases));
    compilations.set(group.name, previous);
  }
  return { compiled: (group) => compilations.get(group)!, allCompiled: previous };
}

function compileGroup(group: ToolGroup, tools: string[], phases: Phases): Promise<void> {
  const isWhole = tools.length === Object.keys(group.tools).length;
  // How long a part takes depends on what was compiled before.
  const what = isWhole ? `${group.name} (about ${group.minutes} min on two cores)` : tools.join(", ");
  return phases.run(`Compile ${what}`, async (progress) => {
    await buildTools(group, tools, (count) => progress(`${count} packages`));
  });
}

/** Starts the cluster. @returns the ports at which this machine reaches it */
async function bootCluster(settings: Settings, phases: Phases): Promise<Ports> {
  const forwards = localForwards(exposedPorts(settings));
  const ports = await phases.run("Cluster", (progress) => startCluster(forwards, progress));
  for (const notice of portNotices(forwards, ports)) phases.say(`! ${notice}`);
  return ports;
}

/** Builds the project's images, and the third-party images that need none of the tools that take long to compile. */
async function buildFirstImages(progress: Progress): Promise<string> {
  const withoutBinaries = localImageNames.filter((name) => neededBinaries(name).length === 0);
  const builtImages = await buildImages(undefined, { report: progress });
  const thirdPartyImages = await buildLocalImages(undefined, withoutBinaries, progress);
  const images = [...Object.values(builtImages), ...Object.values(thirdPartyImages)];
  const freshCount = images.filter((image) => image.fresh).length;
  return freshCount > 0 ? `${freshCount} of ${images.length} built` : "all in the cache";
}

async function writeManifests(phases: Phases): Promise<void> {
  await phases.run("Install manifests", async () => ((await buildManifests()) ? "written" : "in the cache"));
}

/** Builds the third-party images, pushes them into the cluster's mirror, and starts the DNS from there. */
async function publishThirdPartyImages(ports: Ports, phases: Phases): Promise<LocalValues["images"]> {
  const built = await phases.run("Images, second part", (progress) => buildLocalImages(undefined, undefined, progress));
  const published = await phases.run("Mirror", () => pushLocalImages(built, `127.0.0.1:${ports.mirror}`));
  await writeLocalImages(published);
  await phases.run("Cluster DNS", () => startDns(built.coredns!.digest));
  return published;
}

/** The ports of the cluster that the platform's stack has started. @throws if the cluster is not ready */
async function platformPorts(stack: string, platformStack: string): Promise<Ports> {
  const ports = recordedPorts();
  const why = await platformProblem(platformStack, ports);
  if (!ports || why)
    throw new Error(
      `${why}: run GOURMETGRAM_STACK=${platformStack} npm start first, since ${stack} is on its platform.`,
    );
  return ports;
}

async function platformProblem(stack: string, ports: Ports | undefined): Promise<string | undefined> {
  if (!stackExists(stack)) return `There is no stack ${stack} on this machine`;
  const unhealthy = await unhealthyReason();
  return unhealthy ?? (ports ? undefined : "The ports of the local cluster are not recorded");
}

async function updateStack(stack: string, settings: StackFile, options: UpdateOptions, phases: Phases): Promise<void> {
  await phases.run("Pulumi stack", async (progress) => {
    const compiled = await prepareStack(stack, settings);
    if (compiled.includes("kubernetes"))
      phases.say(
        "  Pulumi's Kubernetes provider can't be downloaded here: the one that was compiled from its source is used.",
      );
    if (compiled.includes("command"))
      phases.say(
        "! Pulumi's Command provider can't be downloaded here: a small stand-in of this project runs the commands.",
      );
    progress("what the update would lose");
    const say = (line: string) => phases.say(line);
    const plan = await safePlan(stack, await resume(stack), recordedResources(stack), options, say);
    return deferInterrupts(up(stack, progress, undefined, plan));
  });
}

/** @param names environments and pages that must answer, as the forwards know them */
async function waitAndReport(names: string[], environments: string[], ports: Ports, phases: Phases): Promise<void> {
  const urls = localUrls(names, ports);
  await phases.run("Answers", (progress) => waitForAnswers(urls, environments, progress));
  console.log(`\n${renderReady(urls, phases.elapsed())}`);
}

const localUrls = (names: string[], ports: Ports): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `http://127.0.0.1:${ports[name]}`]));

/** Waits until every page answers, and every environment reports that it is healthy. */
async function waitForAnswers(
  urls: Record<string, string>,
  environments: string[],
  progress: Progress,
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

/** Whether a page answers within five seconds. */
async function answers(url: string): Promise<boolean> {
  // Node.js 20 may collect an `AbortSignal.timeout` during the wait, so this is a timer.
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

function renderReady(urls: Record<string, string>, elapsed: string): string {
  const rows = Object.entries(urls).map(([name, url]) => `  ${(pageTitles[name] ?? name).padEnd(16)}${url}`);
  return [
    `Ready after ${elapsed}.`,
    "",
    ...rows,
    "",
    "  npm run train -- normal    train a model and follow it to its end",
    "  npm run status             what runs where, and every model's verdicts",
    "  npm stop                   remove everything (-- --keep-data: keep the data for the next start)",
  ].join("\n");
}

runPhases(main);
