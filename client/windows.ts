/** When the calendar allows promotions, as `workflows/lib/windows.py` decides it for the pipeline. Pure. */
import { Cron } from "croner";
import { timestamp } from "../lib/timestamp";

/** A window of the calendar, as the pipeline's parameters have it. */
export interface PromotionWindow {
  readonly name: string;
  readonly kind: "allow" | "deny";
  /** Those whose promotions it concerns. */
  readonly environments: readonly string[];
  /** When it begins, in cron's five fields, in the time zone `zone`. */
  readonly schedule: string;
  readonly zone: string;
  readonly minutes: number;
  readonly description: string;
}

/** How far ahead the next opening is looked for, in ms, and how many moments are looked at. */
const horizon = 400 * 86_400_000;
const mostLooks = 2000;

/**
 * Why promotions to an environment are closed, and when they open next, as two sentences; null while they are open. A
 * window that denies wins over one that allows; with one that allows, an environment is closed outside of it.
 */
export function closedReason(windows: readonly PromotionWindow[], environment: string, now: Date): string | null {
  const concerned = windows.filter(({ environments }) => environments.includes(environment)).map(timed);
  const blocking = blockingReason(concerned, now);
  if (blocking === null) return null;
  const opens = nextOpening(concerned, now);
  const until = opens ? `They open at ${timestamp(opens)}.` : "No opening is in sight.";
  return `Promotions to ${environment} are closed ${blocking}. ${until}`;
}

interface TimedWindow extends PromotionWindow {
  readonly cron: Cron;
  /** How long it lasts, in ms. */
  readonly lasts: number;
}

const timed = (window: PromotionWindow): TimedWindow => ({
  ...window,
  cron: new Cron(window.schedule, { timezone: window.zone, paused: true, sloppyRanges: true }),
  lasts: 60_000 * window.minutes,
});

const later = (time: Date, milliseconds: number) => new Date(time.getTime() + milliseconds);

function blockingReason(windows: readonly TimedWindow[], at: Date): string | null {
  const denying = windows.find((window) => window.kind === "deny" && isActive(window, at));
  if (denying) return `by the window ${titleOf(denying)}`;
  const allowing = windows.filter(({ kind }) => kind === "allow");
  if (allowing.length === 0 || allowing.some((window) => isActive(window, at))) return null;
  return `outside of the window ${allowing.map(titleOf).join(" and ")}`;
}

const titleOf = ({ name, description }: PromotionWindow) => (description ? `${name} (${description})` : name);

const isActive = (window: TimedWindow, at: Date) => endOf(window, at) !== null;

/** When a window ends that has begun at a moment, or before; null where it has ended. */
function endOf({ cron, lasts }: TimedWindow, at: Date): Date | null {
  // Backwards, the moment itself is left out.
  const [begun] = cron.previousRuns(1, later(at, 1000));
  const ends = begun && later(begun, lasts);
  return ends && at < ends ? ends : null;
}

/** When an environment opens next: a window that allows begins, or one that denies ends. */
function nextOpening(windows: readonly TimedWindow[], now: Date): Date | null {
  let at = now;
  for (let look = 0; look < mostLooks && at <= later(now, horizon); look++) {
    if (blockingReason(windows, at) === null) return at;
    const next = nextChange(windows, at);
    if (next === null) return null;
    at = next;
  }
  return null;
}

/** Until then an environment stays closed for sure. */
function nextChange(windows: readonly TimedWindow[], at: Date): Date | null {
  const of = (kind: PromotionWindow["kind"]) => windows.filter((window) => window.kind === kind);
  const ends = of("deny").flatMap((window) => endOf(window, at)?.getTime() ?? []);
  if (ends.length > 0) return new Date(Math.max(...ends));
  const beginnings = of("allow").flatMap(({ cron }) => cron.nextRun(at)?.getTime() ?? []);
  return beginnings.length > 0 ? new Date(Math.min(...beginnings)) : null;
}
