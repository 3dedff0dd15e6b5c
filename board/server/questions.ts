import { readEnvironments } from "../../client/environments";
import { listModelRecords, listRegisteredVersions } from "../../client/models";
import { listNewestReleases, listReleases } from "../../client/releases";
import { readTrainingRuns } from "../../client/training-runs";
import { measureDelivery } from "../../lib/delivery";
import type { Cluster } from "../../lib/kube-client";
import { type DeliveryView, type HistoryPage, type ModelsPage, recordActions, type ServedView } from "../api";
import { modelView } from "./model-view";
import { appVersionOf, readQuery, timeOf, versionOf, wordOf } from "./parameters";
import { deliveryView, recordView, servedView } from "./record-view";
import { Refusal } from "./refusal";

/** Entries of one answer. */
const pageSize = 100;
/** Length of the period that is measured, in ms. */
const period = 30 * 86_400_000;

/** Answers of `GET /api/<name>`. Each takes the query of the address. */
export const questions: Readonly<Record<string, (cluster: Cluster, query: URLSearchParams) => Promise<object>>> = {
  models: readModels,
  history: readHistory,
  served: readServed,
  delivery: readDelivery,
};

async function readModels(cluster: Cluster, query: URLSearchParams): Promise<ModelsPage> {
  const before = versionOf("before", readQuery(query, ["before"]).before);
  const [{ records, hasOlder }, releases] = await Promise.all([
    listModelRecords(cluster, pageSize, before),
    listReleases(cluster),
  ]);
  const runs = await readTrainingRuns(
    cluster,
    records.map(({ trainingRun }) => trainingRun),
  );
  return { models: records.map((record) => modelView(record, runs.get(record.trainingRun), releases)), hasOlder };
}

async function readHistory(cluster: Cluster, query: URLSearchParams): Promise<HistoryPage> {
  const asked = readQuery(query, ["environment", "action", "version", "before"]);
  const action = wordOf("action", asked.action, recordActions);
  const version = appVersionOf("version", asked.version);
  const before = timeOf("before", asked.before);
  // `-` stands for the records that concern all environments, such as a freeze.
  const names = asked.environment === undefined ? [] : [...(await readEnvironments(cluster)), "-"];
  const environment = wordOf("environment", asked.environment, names);
  const filter = { environment, action, version, before };
  const { releases, hasOlder } = await listNewestReleases(cluster, pageSize, filter);
  return { records: releases.map(recordView), hasOlder };
}

async function readServed(cluster: Cluster, query: URLSearchParams): Promise<ServedView> {
  const at = timeOf("at", readQuery(query, ["at"]).at);
  if (!at) throw new Refusal(400, "at is missing: write a time, as in 2026-01-31T12:00:00Z.");
  return servedView(await listReleases(cluster), await readEnvironments(cluster), at);
}

async function readDelivery(cluster: Cluster, query: URLSearchParams): Promise<DeliveryView> {
  readQuery(query, []);
  const [environments, releases, versions] = await Promise.all([
    readEnvironments(cluster),
    listReleases(cluster),
    listRegisteredVersions(cluster),
  ]);
  const to = new Date();
  return deliveryView(measureDelivery(releases, versions, environments, new Date(to.getTime() - period), to));
}
