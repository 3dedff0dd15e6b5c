import type { Accuracy, ModelView } from "../../api";

/** A share of 0 to 1 in percent, as in `96.1 %`; `–` where it is not known. */
export const percent = (share: number | null): string => (share === null ? "–" : `${(share * 100).toFixed(1)} %`);

/** A difference of two shares in points, as in `+1.2` or `−0.4`. */
export function points(difference: number): string {
  const text = Math.abs(difference * 100).toFixed(1);
  if (text === "0.0") return "±0.0";
  return `${difference > 0 ? "+" : "−"}${text}`;
}

/** How far a model is from the one in production when it was registered; null where one of them is not known. */
export function againstProduction({ accuracy, production }: ModelView): number | null {
  return accuracy && production ? accuracy.overall - production.overall : null;
}

export interface ClassRow {
  readonly name: string;
  /** Shares of 0 to 1; null where it is not known. */
  readonly left: number | null;
  readonly right: number | null;
  /** `left` - `right`; null where one of them is not known. */
  readonly difference: number | null;
}

const row = (name: string, left: number | null | undefined, right: number | null | undefined): ClassRow => ({
  name,
  left: left ?? null,
  right: right ?? null,
  difference: left == null || right == null ? null : left - right,
});

/** Two accuracies, overall and then by class, the greatest loss of `left` first. */
export function compareAccuracy(left: Accuracy | null, right: Accuracy | null): readonly ClassRow[] {
  const classes = [...new Set([...Object.keys(left?.byClass ?? {}), ...Object.keys(right?.byClass ?? {})])];
  const rows = classes
    .map((name) => row(name, left?.byClass[name], right?.byClass[name]))
    .sort((a, b) => (a.difference ?? 1) - (b.difference ?? 1) || a.name.localeCompare(b.name));
  return [row("overall", left?.overall, right?.overall), ...rows];
}

export interface FactRow {
  readonly name: string;
  readonly left: string;
  readonly right: string;
  readonly isSame: boolean;
}

const figures = (model: ModelView): Record<string, number> =>
  Object.fromEntries(
    model.gates.flatMap(({ gate, figures: found }) =>
      Object.entries(found).map(([name, value]) => [`${gate}.${name}`, value]),
    ),
  );

/** A figure of a gate with at most two decimals. */
export const figure = (value: number | undefined): string =>
  value === undefined ? "–" : String(Math.round(value * 100) / 100);

/** What else differs between two models: what they were made of, and the figures of their gates. */
export function compareFacts(left: ModelView, right: ModelView): readonly FactRow[] {
  const [leftFigures, rightFigures] = [figures(left), figures(right)];
  const names = [...new Set([...Object.keys(leftFigures), ...Object.keys(rightFigures)])].sort();
  const facts: [string, string | null, string | null][] = [
    ["scenario", left.scenario, right.scenario],
    ["data", left.dataSha256, right.dataSha256],
    ["image", left.digest, right.digest],
    ["verdict", left.verdict, right.verdict],
    ...names.map((name): [string, string, string] => [name, figure(leftFigures[name]), figure(rightFigures[name])]),
  ];
  return facts.map(([name, one, other]) => ({
    name,
    left: one ?? "–",
    right: other ?? "–",
    isSame: one === other,
  }));
}

/** The pages of models as one list, newest first, each version once. */
export function mergeModels(loaded: readonly ModelView[], more: readonly ModelView[]): readonly ModelView[] {
  const byNumber = new Map([...loaded, ...more].map((model) => [model.number, model]));
  return [...byNumber.values()].sort((a, b) => b.number - a.number);
}

/** How far a model was from production in canary, for a column with that head: `on 3 of 412 pictures (0.7 %)`. */
export const shortDisagreement = (disagreement: string | null): string =>
  disagreement?.replace(/^disagrees with production /, "") ?? "–";
