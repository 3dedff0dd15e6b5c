/** What keeps a workload's pods from running, in words. */
import type { KubeClient } from "./kube-client";
import { condition } from "./kube-ready";
import { count, isRecord, type Properties, record, records, text } from "./values";

/** The label selector of a workload's pods, or undefined for what has none. */
export function podSelector(object: Properties): string | undefined {
  const labels = Object.entries(record(record(record(object, "spec"), "selector"), "matchLabels"));
  return labels.length > 0 ? labels.map(([key, value]) => `${key}=${value}`).join(",") : undefined;
}

const starting = new Set(["ContainerCreating", "PodInitializing"]);

const ended = (terminated: Properties): string =>
  `${text(terminated, "reason") ?? "Error"}, exit code ${count(terminated, "exitCode")}`;

/** Why a pod isn't well, or undefined where it is, or is merely starting. */
export function podProblem(pod: Properties): string | undefined {
  const status = record(pod, "status");
  for (const container of [...records(status, "initContainerStatuses"), ...records(status, "containerStatuses")]) {
    const waiting = record(record(container, "state"), "waiting");
    const reason = text(waiting, "reason");
    const last = record(record(container, "lastState"), "terminated");
    if (reason && !starting.has(reason)) {
      const why = isRecord(last) && "exitCode" in last ? ended(last) : text(waiting, "message");
      return `container ${container.name}: ${reason}${why ? ` (${why})` : ""}`;
    }
    const terminated = record(record(container, "state"), "terminated");
    if (count(terminated, "exitCode") !== 0) return `container ${container.name}: ${ended(terminated)}`;
  }
  const scheduled = condition(pod, "PodScheduled");
  if (scheduled.status === "False") return `${text(scheduled, "reason")}: ${text(scheduled, "message")}`;
  return text(status, "phase") === "Failed"
    ? (text(status, "message") ?? text(status, "reason") ?? "Failed")
    : undefined;
}

/** Lines that tell how a workload's unwell pods fare: their problem, last warning event and last log lines. */
export async function explainPods(client: KubeClient, object: Properties): Promise<string[]> {
  const namespace = text(record(object, "metadata"), "namespace");
  const labelSelector = podSelector(object);
  const collection = `/api/v1/namespaces/${namespace}/pods`;
  const isPod = object.kind === "Pod";
  if (!namespace || (!labelSelector && !isPod)) return [];
  const pods = isPod
    ? [object]
    : records(await client.request("GET", collection, { query: { labelSelector: labelSelector! } }), "items");
  const unwell = pods.filter(
    (pod) => condition(pod, "Ready").status !== "True" && record(pod, "status").phase !== "Succeeded",
  );
  const explained = await Promise.all(unwell.slice(0, 3).map((pod) => explainPod(client, collection, pod)));
  return explained.flat();
}

async function explainPod(client: KubeClient, collection: string, pod: Properties): Promise<string[]> {
  const name = text(record(pod, "metadata"), "name") ?? "";
  const lines = [`pod ${name}: ${podProblem(pod) ?? text(record(pod, "status"), "phase") ?? "not ready"}`];
  const fieldSelector = `involvedObject.name=${name},type=Warning`;
  const events = records(
    await client.request("GET", collection.replace(/pods$/, "events"), { query: { fieldSelector } }),
    "items",
  );
  const last = events.at(-1);
  if (last) lines.push(`  ${text(last, "reason")}: ${text(last, "message")?.trim()}`);
  const statuses = [
    ...records(record(pod, "status"), "initContainerStatuses"),
    ...records(record(pod, "status"), "containerStatuses"),
  ];
  const broken = statuses.find(
    (each) =>
      each.ready !== true &&
      (count(each, "restartCount") > 0 || "terminated" in record(each, "state") || "running" in record(each, "state")),
  );
  if (!broken) return lines;
  // Between restarts, the log that tells something is that of the container before.
  const previous = String("waiting" in record(broken, "state") && count(broken, "restartCount") > 0);
  const log = await client.text(`${collection}/${name}/log`, {
    container: String(broken.name),
    tailLines: "10",
    previous,
  });
  return [
    ...lines,
    ...log
      .trimEnd()
      .split("\n")
      .filter(Boolean)
      .map((line) => `  ${broken.name} | ${line}`),
  ];
}
