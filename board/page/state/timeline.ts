import type { RecordView, ServedView } from "../../api";
import { instant, shortTime, timeOfDay } from "./time";

/** A time during which an environment served one version. */
export interface Span {
  readonly version: string;
  /** ISO 8601. */
  readonly from: string;
  readonly to: string;
  /** Position and width, in percent of the timeline. */
  readonly x: number;
  readonly width: number;
}

export interface Lane {
  readonly environment: string;
  readonly spans: readonly Span[];
}

/** The part of the past that a timeline shows, in milliseconds since 1970. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

const hour = 3_600_000;
const day = 24 * hour;

/** The periods to choose from, by their length in milliseconds. */
export const periods: readonly { readonly label: string; readonly length: number }[] = [
  { label: "6 hours", length: 6 * hour },
  { label: "1 day", length: day },
  { label: "7 days", length: 7 * day },
  { label: "30 days", length: 30 * day },
];

/** Where a time lies in a period, 0 to 100 percent. */
export function positionOf(time: number, { from, to }: Period): number {
  return Math.min(100, Math.max(0, ((time - from) / (to - from)) * 100));
}

interface Change {
  readonly at: number;
  readonly version: string;
}

function changesOf(environment: string, records: readonly RecordView[]): Change[] {
  return records
    .flatMap(({ environment: where, serves, endedAt }) =>
      where === environment && serves && endedAt ? [{ at: instant(endedAt), version: serves.version }] : [],
    )
    .sort((a, b) => a.at - b.at);
}

/** Width of the shortest span, in percent: a release of a minute ago is to be seen in a month. */
const shortest = 0.6;

function spansOf(changes: readonly Change[], period: Period): Span[] {
  const changed = changes.filter(({ version }, index) => changes[index - 1]?.version !== version);
  return changed.flatMap(({ at, version }, index) => {
    const begin = Math.max(at, period.from);
    const end = Math.min(changed[index + 1]?.at ?? period.to, period.to);
    if (end <= begin) return [];
    // Over the end of the one before it: the one after it is drawn on top.
    const x = Math.max(0, Math.min(positionOf(begin, period), positionOf(end, period) - shortest));
    const span = { from: new Date(begin).toISOString(), to: new Date(end).toISOString() };
    return [{ ...span, version, x, width: Math.max(shortest, positionOf(end, period) - x) }];
  });
}

/**
 * What each environment served during a period: a lane for each, in their order.
 * @param before what they served when the period began; null where that is not known
 */
export function lanesOf(
  environments: readonly string[],
  records: readonly RecordView[],
  before: ServedView | null,
  period: Period,
): readonly Lane[] {
  return environments.map((environment) => {
    const version = before?.environments.find(({ name }) => name === environment)?.version;
    const first = version && before ? [{ at: instant(before.at), version }] : [];
    return { environment, spans: spansOf([...first, ...changesOf(environment, records)], period) };
  });
}

const tickSteps = [hour / 4, hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 30 * day, 90 * day];

/** At most seven round times of a period. @returns their position in percent, and their label in UTC */
export function ticksOf(period: Period): readonly { readonly x: number; readonly label: string }[] {
  const length = period.to - period.from;
  const step = tickSteps.find((candidate) => length / candidate <= 7) ?? length / 4;
  const first = Math.ceil(period.from / step) * step;
  return Array.from({ length: Math.floor((period.to - first) / step) + 1 }, (_, index) => {
    const time = new Date(first + index * step).toISOString();
    const label = step < 12 * hour ? timeOfDay(time).slice(0, 5) : shortTime(time).replace(/ 00:00$/, "");
    return { x: positionOf(instant(time), period), label };
  });
}

/** Positions of the slider over the record. */
export const sliderSteps = 1_000;

/** The time at a position of the slider; null for the last one, which is now and goes on. */
export const timeAtStep = (step: number, { from, to }: Period): number | null =>
  step >= sliderSteps ? null : from + ((to - from) * step) / sliderSteps;

/** The position of a time on the slider. @param time null for now */
export const stepOfTime = (time: number | null, period: Period): number =>
  time === null ? sliderSteps : Math.round((positionOf(time, period) / 100) * sliderSteps);
