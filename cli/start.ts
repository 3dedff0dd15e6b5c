import { parseArgs } from "node:util";
import {
  currentStack,
  type ListenSettings,
  listenFlags,
  readStackFile,
  type Settings,
  type StackFile,
} from "../config";
import { exposedPorts, pagePorts } from "../config/exposed-ports";
import { counted } from "../lib/counted";
import { exec } from "../lib/exec";
import { runPhases } from "../lib/main";
import { pageTitles } from "../lib/page-titles";
import { repositoryRoot } from "../lib/paths";
import { Phases, type Progress } from "../lib/phases";
import {
  ensureForwards,
  type Forward,
  localForwards,
  type Ports,
  plannedPorts,
  portNotices,
  recordedPorts,
} from "../local/cluster/forward";
import { unhealthyReason } from "../local/cluster/health";
import { missingKernelParts } from "../local/cluster/kernel";
import {
  hasIPv6,
  listenAddresses,
  listenError,
  machineAddresses,
  type RecordedListen,
  recordedListen,
  recordListen,
} from "../local/cluster/listen";
import { takeLock } from "../local/cluster/lock";
import { parseNodeCount, recordedNodeCount } from "../local/cluster/nodes";
import { etcdError, kernelErrors, preflightErrors, preflightFacts, preflightNotices } from "../local/cluster/preflight";
import { waitUntil } from "../local/cluster/processes";
import { recordCheckout } from "../local/cluster/state-directory";
import { startCluster, startDns } from "../local/cluster/up";
import { ensureClusterPackages } from "../local/toolchain/debian-packages";
import { buildTools, type ToolGroup } from "../local/toolchain/go-tools";
import {
  downloadedText,
  fetchOfficialParts,
  neededToolGroups,
  toolsToCompile,
  wantedParts,
} from "../local/toolchain/official-parts";
import { buildManifests } from "../local/toolchain/release-manifests";
import { buildLocalImages } from "../local/toolchain/third-party-images/build";
import { writeLocalImages } from "../local/toolchain/third-party-images/images-file";
import { pushLocalImages } from "../local/toolchain/third-party-images/mirror";
import { type LocalImageName, neededBinaries, neededLocalImages } from "../local/toolchain/third-party-images/recipes";
import { recordUrls } from "../local/urls";
import { checkLocalSettings } from "../stacks/check-settings";
import { refuseEarlierState } from "../stacks/earlier-state";
import { type LocalValues, localStack } from "../stacks/local-settings";
import { localValues, prepareStack, recordedResources, resume, stackExists, up } from "../stacks/local-stack";
import { rebuildReleases } from "../stacks/lost-releases";
import { connectToPlatform } from "../stacks/stack-cluster";
import { buildImages } from "./images";
import { closedNotices, type LocalUrls, localUrls, openNames, openNotices } from "./open-ports";
import { safePlan, type UpdateOptions } from "./safe-plan";
import { startRemote } from "./start-remote";

const usage = `Usage: npm start -- [--nodes NUMBER] [--refresh] [--allow-data-loss]
       npm start -- --listen <address> [--host <name>] [--only environments]

Updates the stack that GOURMETGRAM_STACK names, default staging, and creates the cluster if the stack uses the local
cluster or one in Docker (kind, k3d).
  --nodes NUMBER     how many nodes the local cluster has, 1 to 3; as before if it is left out, and 1 at first
  --refresh          compares the program with the cluster, and so takes back what was changed there by hand
  --allow-data-loss  updates without the check that no data is lost
  --listen           opens the local cluster's environments and pages to other machines: an address of this machine,
                     0.0.0.0 or ::. Without it, they are where exposure.listen of the stack file says, or on 127.0.0.1
  --host             a name or address that people open instead, such as a floating IP; may be given several times
  --only             environments: opens the environments and the gateway, and no page`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string" },
      refresh: { type: "boolean", default: false },
      "allow-data-loss": { type: "boolean", default: false },
      listen: { type: "string" },
      host: { type: "string", multiple: true },
      only: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const options = { refresh: values.refresh, allowDataLoss: values["allow-data-loss"] };
  const nodes = parseNodeCount(values.nodes);
  const stack = currentStack();
  const { file, isLocal } = readStackFile(stack);
  const listen = listenFlags(values);
  if (!isLocal && listen)
    throw new Error("--listen is for the local cluster, and this stack is on another: leave it out.");
  if (!isLocal && nodes)
    throw new Error("--nodes is for the local cluster, and this stack is on another: leave it out.");
  if (isLocal) await startLocal(stack, file, { ...options, nodes }, listen);
  else await startRemote(stack, file, options);
  return 0;
}

interface LocalOptions extends UpdateOptions {
  /** Number of nodes of the local cluster; as before if undefined. */
  nodes: number | undefined;
}

/** Starts the local cluster with the stack on it; for a stack that has only environments, just the stack. */
async function startLocal(
  stack: string,
  file: StackFile,
  options: LocalOptions,
  flags: ListenSettings | undefined,
): Promise<void> {
  const flagged = flags && { listen: flags, byFlag: true };
  // At the very beginning, since a start takes half an hour.
  const settings = checkLocalSettings(file, flagged);
  if (settings.platform && flags)
    throw new Error(
      "--listen belongs to the stack that starts the cluster: " +
        `run GOURMETGRAM_STACK=${settings.platform.stack} npm start -- --listen ${flags.address}.`,
    );
  if (options.nodes && settings.platform)
    throw new Error(
      `${stack} is on the cluster of another stack: ` +
        `run GOURMETGRAM_STACK=${settings.platform.stack} npm start -- --nodes ${options.nodes} instead.`,
    );
  const said = await checkMachine(settings, flags ?? settings.exposure.listen);
  refuseEarlierState();
  const releaseLock = takeLock();
  process.on("exit", releaseLock);
  recordCheckout(repositoryRoot);
  const phases = new Phases();
  if (settings.platform) return startEnvironments(stack, file, settings, options, phases);
  await startPlatform(stack, file, settings, options, phases, flagged, said);
}

/** A start, phase by phase. The cluster and the first images need not wait for all tools to be compiled. */
async function startPlatform(
  stack: string,
  file: StackFile,
  settings: Settings,
  options: LocalOptions,
  phases: Phases,
  flagged: RecordedListen | undefined,
  said: readonly string[],
): Promise<void> {
  await installPackages(phases);
  const imageNames = imagesOf(settings);
  await fetchParts(imageNames, phases);
  const { compiled, allCompiled } = await compileTools(imageNames, phases);
  const [clusterPorts] = await Promise.all([
    compiled("kubernetes").then(() => bootCluster(options.nodes ?? recordedNodeCount(), phases)),
    compiled("tools").then(() =>
      phases.run("Images, first part", (progress) => buildFirstImages(imageNames, progress)),
    ),
    allCompiled,
  ]);
  await writeManifests(phases);
  const images = await publishThirdPartyImages(imageNames, clusterPorts, phases);
  const forwards = forwardsOf(settings);
  const { mlflow } = await plannedPorts(forwards);
  await updateStack(stack, localStack(file, localValues(images, flagged, mlflow)), options, phases);
  const ports = await openPorts(settings, forwards, flagged !== undefined, phases, said);
  const names = Object.keys(exposedPorts(settings));
  const urls = localUrls(names, ports, openNames(settings), settings.exposure.listen?.hosts);
  recordUrls(urls.people, true, urls.machine);
  const environments = Object.keys(settings.environments);
  await waitAndReport([...environments, ...Object.keys(pagePorts(settings))], environments, urls, phases);
}

/** The ways from this machine to everything that a stack exposes, and to the cluster itself. */
function forwardsOf(settings: Settings): Forward[] {
  const { listen } = settings.exposure;
  const open = { names: openNames(settings), addresses: listen ? listenAddresses(listen.address) : [] };
  return localForwards(exposedPorts(settings), open);
}

/**
 * Makes this machine's ports follow a stack that has been updated. Before, they would lead to what is not there yet,
 * and an update that is refused would leave them so.
 */
async function openPorts(
  settings: Settings,
  forwards: readonly Forward[],
  byFlag: boolean,
  phases: Phases,
  said: readonly string[],
): Promise<Ports> {
  const { listen } = settings.exposure;
  const ports = await ensureForwards(forwards);
  for (const notice of closedNotices(settings, recordedListen())) phases.say(notice);
  recordListen(listen && { listen, byFlag });
  const moved = portNotices(forwards, ports);
  for (const notice of moved.filter((line) => !said.includes(line))) phases.say(`! ${notice}`);
  for (const notice of openNotices(settings, ports)) phases.say(notice);
  return ports;
}

/** A start of a stack that has only environments: its platform's stack has started the cluster. */
async function startEnvironments(
  stack: string,
  file: StackFile,
  settings: Settings,
  options: UpdateOptions,
  phases: Phases,
): Promise<void> {
  const environments = Object.keys(settings.environments);
  const ports = await platformPorts(stack, settings.platform!.stack, environments);
  const recorded = recordedListen();
  await updateStack(stack, localStack(file, localValues({}, recorded)), options, phases);
  const urls = localUrls(environments, ports, environments, recorded?.listen.hosts);
  await waitAndReport(environments, environments, urls, phases);
}

/** The images that the local cluster has for a stack. */
function imagesOf({ modelRegistry: { database, artifacts } }: Settings): LocalImageName[] {
  return neededLocalImages([...(database?.install ? ["database"] : []), ...(artifacts?.install ? ["artifacts"] : [])]);
}

/** @returns the notices that were printed */
async function checkMachine(settings: Settings, listen: ListenSettings | undefined): Promise<string[]> {
  const wrongAddress = listen && listenError(listen.address, machineAddresses(), hasIPv6());
  // A stack that has only environments opens no ports: the platform's stack has.
  const forwards = wrongAddress || settings.platform ? [] : forwardsOf(settings);
  const facts = await preflightFacts(imagesOf(settings), forwards);
  const errors = [...preflightErrors(facts), ...(wrongAddress ? [wrongAddress] : [])];
  if (errors.length > 0) throw new Error(errors.join("\n"));
  const notices = preflightNotices(facts, repositoryRoot);
  for (const notice of notices) console.log(`! ${notice}`);
  return notices;
}

async function installPackages(phases: Phases): Promise<void> {
  await phases.run("Debian packages", async (progress) => {
    const installed = await ensureClusterPackages(progress);
    // What was not there before can only be tried now.
    const missing = installed.includes("iptables") ? await missingKernelParts() : [];
    const tooOld = installed.includes("etcd-server") ? etcdError(await exec("etcd", ["--version"])) : undefined;
    const errors = [...kernelErrors(missing, []), ...(tooOld ? [tooOld] : [])];
    if (errors.length > 0) throw new Error(errors.join("\n"));
    return installed.join(" ") || "all installed";
  });
}

/** Downloads what is published and not in the cache, and says of each part where it comes from. */
async function fetchParts(names: readonly LocalImageName[], phases: Phases): Promise<void> {
  const parts = await wantedParts(names);
  const total = parts.files.length + parts.images.length;
  if (total === 0) return;
  let lines: string[] = [];
  await phases.run("Official parts", async (progress) => {
    const outcome = await fetchOfficialParts(parts, progress);
    lines = outcome.lines;
    return downloadedText(outcome.count, total);
  });
  for (const line of lines) phases.say(line);
}

interface Compilation {
  /** Ends when this group of tools is compiled. */
  readonly compiled: (group: string) => Promise<void>;
  readonly allCompiled: Promise<void>;
}

/** Compiles the missing tools, one group after another, since each uses all cores. */
async function compileTools(names: readonly LocalImageName[], phases: Phases): Promise<Compilation> {
  const missing = new Map((await toolsToCompile(names)).map(({ group, tools }) => [group, tools]));
  if (missing.size === 0) phases.say("✓ Tools: all in the cache");
  const compilations = new Map<string, Promise<void>>();
  let previous = Promise.resolve();
  for (const group of neededToolGroups(names)) {
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
    await buildTools(group, tools, (count) => progress(counted(count, "package")));
  });
}

/** Starts the cluster. @returns the ports at which this machine reaches the cluster itself */
async function bootCluster(nodes: number, phases: Phases): Promise<Ports> {
  const { ports, notices } = await phases.run("Cluster", (progress) => startCluster(nodes, progress));
  for (const notice of notices) phases.say(`! ${notice}`);
  return ports;
}

/** Builds the project's images, and the third-party images that need none of the tools that take long to compile. */
async function buildFirstImages(names: readonly LocalImageName[], progress: Progress): Promise<string> {
  const withoutBinaries = names.filter((name) => neededBinaries(name).length === 0);
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
async function publishThirdPartyImages(
  names: readonly LocalImageName[],
  ports: Ports,
  phases: Phases,
): Promise<LocalValues["images"]> {
  const built = await phases.run("Images, second part", (progress) => buildLocalImages(undefined, names, progress));
  const published = await phases.run("Mirror", () => pushLocalImages(built, `127.0.0.1:${ports.mirror}`));
  await writeLocalImages(published);
  await phases.run("Cluster DNS", () => startDns(built.coredns!.digest));
  return published;
}

/** The ports of the cluster that the platform's stack has started. @throws if the cluster is not ready */
async function platformPorts(stack: string, platformStack: string, environments: string[]): Promise<Ports> {
  const ports = recordedPorts();
  const why = await platformProblem(platformStack, environments, ports);
  if (!ports || why)
    throw new Error(
      `${why}: run GOURMETGRAM_STACK=${platformStack} npm start first, since ${stack} is on its platform.`,
    );
  return ports;
}

async function platformProblem(
  stack: string,
  environments: readonly string[],
  ports: Ports | undefined,
): Promise<string | undefined> {
  if (!stackExists(stack)) return `There is no stack ${stack} on this machine`;
  const unhealthy = await unhealthyReason();
  if (unhealthy) return unhealthy;
  // The platform's start opens them at its end.
  const closed = environments.filter((name) => !ports?.[name]);
  return closed.length > 0 ? `No port of this machine leads to ${closed.join(", ")} yet` : undefined;
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
    const plan = await safePlan(stack, await resume(stack), recordedResources(stack), options, say, settings);
    const counts = await up(stack, progress, undefined, plan);
    for (const notice of await rebuildReleases(connectToPlatform(stack), plan.lostReleases)) say(notice);
    return counts;
  });
}

/** @param names environments and pages that must answer, as the forwards know them */
async function waitAndReport(names: string[], environments: string[], urls: LocalUrls, phases: Phases): Promise<void> {
  const ofNames = (all: Record<string, string>) => Object.fromEntries(names.map((name) => [name, all[name]]));
  await phases.run("Answers", (progress) => waitForAnswers(ofNames(urls.machine), environments, progress));
  console.log(`\n${renderReady(ofNames(urls.people), phases.elapsed())}`);
}

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
