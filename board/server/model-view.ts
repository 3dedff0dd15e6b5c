import type { ModelRecord } from "../../client/models";
import type { Release } from "../../client/releases";
import type { TrainingRun } from "../../client/training-runs";
import { collectedTag } from "../../components/shared/workflow-names";
import { parseJson } from "../../lib/json";
import { isRecord } from "../../lib/record";
import type { Accuracy, GateView, ModelView } from "../api";

/** The gates in the order in which `workflows/test-staging.yaml` runs them. Others follow by name. */
export const gateOrder = ["integration", "resource", "load"];

/**
 * A registered version as the page shows it.
 * @param training its training; undefined where MLflow no longer has it
 * @param releases records, newest first
 */
export function modelView(
  { version, number, registeredAt, tags, aliases }: ModelRecord,
  training: TrainingRun | undefined,
  releases: readonly Release[],
): ModelView {
  const metrics = training?.metrics ?? {};
  return {
    version,
    number,
    registeredAt: registeredAt.toISOString(),
    scenario: tags.scenario ?? training?.tags.scenario ?? null,
    dataSha256: training?.tags.data_sha256 ?? null,
    digest: tags.image_digest || null,
    aliases,
    accuracy: accuracyOf("accuracy", metrics),
    production: productionOf(tags.judgement ?? "", metrics),
    gates: gatesOf(tags),
    verdict: tags["staging.verdict"] || null,
    reason: tags["staging.reason"] ?? "",
    disagreement: disagreementOf(version, releases),
    records: releases.filter((release) => release.version === version).length,
    collected: tags[collectedTag] || null,
  };
}

/** Accuracy overall and by class, as `images/train/judgement.py` names the metrics; null where it is not known. */
function accuracyOf(metric: string, metrics: Readonly<Record<string, number>>): Accuracy | null {
  const overall = metrics[metric];
  if (overall === undefined) return null;
  const prefix = `${metric}.class.`;
  const ofClasses = Object.entries(metrics).filter(([name]) => name.startsWith(prefix));
  return { overall, byClass: Object.fromEntries(ofClasses.map(([name, value]) => [name.slice(prefix.length), value])) };
}

function productionOf(judgement: string, metrics: Readonly<Record<string, number>>): ModelView["production"] {
  const accuracy = accuracyOf("production_accuracy", metrics);
  return accuracy && { ...accuracy, version: /production's (1\.0\.\d+)/.exec(judgement)?.[1] ?? "unknown" };
}

function gatesOf(tags: Readonly<Record<string, string>>): GateView[] {
  const place = ({ gate }: GateView) => {
    const index = gateOrder.indexOf(gate);
    return index < 0 ? gateOrder.length : index;
  };
  return Object.entries(tags)
    .flatMap(([key, value]) => (key.startsWith("gate.") ? gateOf(key.slice("gate.".length), value) : []))
    .sort((a, b) => place(a) - place(b) || a.gate.localeCompare(b.gate));
}

/** A gate's report; nothing if a person wrote something else there. */
function gateOf(gate: string, report: string): GateView[] {
  const found = parseJson(report);
  if (!isRecord(found) || typeof found.verdict !== "string" || typeof found.reason !== "string") return [];
  const metrics = isRecord(found.metrics) ? found.metrics : {};
  const figures = Object.entries(metrics).filter((pair): pair is [string, number] => Number.isFinite(pair[1]));
  return [{ gate, verdict: found.verdict, reason: found.reason, figures: Object.fromEntries(figures) }];
}

const disagreementOf = (version: string, releases: readonly Release[]): string | null =>
  releases.find((release) => release.version === version && release.disagreement)?.disagreement?.sentence ?? null;
