import { describe, expect, it } from "vitest";
import type { RecordView, ServedView } from "../../../board/api";
import { lanesOf, periods, positionOf, stepOfTime, ticksOf, timeAtStep } from "../../../board/page/state/timeline";

const time = (clock: string) => Date.parse(`2026-11-27T${clock}:00Z`);
const period = { from: time("10:00"), to: time("20:00") };

const release = (environment: string, clock: string | null, version: string | null): RecordView => ({
  startedAt: "2026-11-27T00:00:00Z",
  endedAt: clock && `2026-11-27T${clock}:00Z`,
  action: "promote",
  environment,
  version,
  outcome: "promoted",
  requestedBy: "alice",
  reason: "",
  disagreement: null,
  serves: version === null ? null : { version, digest: "sha256:0" },
});

const servedAtBegin = (version: string | null): ServedView => ({
  at: "2026-11-27T10:00:00Z",
  from: null,
  environments: [{ name: "canary", version, digest: null }],
});

const bars = (records: RecordView[], before: ServedView | null = null) =>
  lanesOf(["canary"], records, before, period)[0].spans.map(
    ({ version, x, width }) => `${version} at ${x} for ${width}`,
  );

describe("a lane of the timeline", () => {
  it("shows each version from its release to the next one, and the last until now", () => {
    const records = [release("canary", "15:00", "1.0.2"), release("canary", "12:00", "1.0.1")];
    expect(bars(records)).toEqual(["1.0.1 at 20 for 30", "1.0.2 at 50 for 50"]);
  });

  it("begins with what served before", () => {
    expect(bars([release("canary", "15:00", "1.0.2")], servedAtBegin("1.0.1"))).toEqual([
      "1.0.1 at 0 for 50",
      "1.0.2 at 50 for 50",
    ]);
    expect(bars([], servedAtBegin(null))).toEqual([]);
  });

  it("cuts off what lies outside the period", () => {
    const records = [release("canary", "08:00", "1.0.1"), release("canary", "09:00", "1.0.2")];
    expect(bars([...records, release("canary", "22:00", "1.0.3")])).toEqual(["1.0.2 at 0 for 100"]);
  });

  it("is one bar where the same version was released again", () => {
    expect(bars([release("canary", "12:00", "1.0.1"), release("canary", "15:00", "1.0.1")])).toEqual([
      "1.0.1 at 20 for 80",
    ]);
  });

  it("leaves out open records, those that changed nothing, and other environments", () => {
    const records = [release("canary", null, "1.0.1"), release("canary", "12:00", null)];
    expect(bars([...records, release("production", "12:00", "1.0.9")])).toEqual([]);
  });
});

describe("a span that is too short to be seen", () => {
  it("has a width all the same, over the one before it", () => {
    const records = [release("canary", "12:00", "1.0.1"), release("canary", "19:59", "1.0.2")];
    expect(bars(records)).toEqual(["1.0.1 at 20 for 79.83333333333333", "1.0.2 at 99.4 for 0.6"]);
  });

  it("stays within the timeline at its beginning", () => {
    const records = [release("canary", "09:00", "1.0.1"), release("canary", "10:01", "1.0.2")];
    expect(bars(records)[0]).toBe("1.0.1 at 0 for 0.6");
  });
});

describe("the slider", () => {
  it("is at now on its last position, however late that is", () => {
    expect(timeAtStep(1000, period)).toBeNull();
    expect(stepOfTime(null, { ...period, to: time("23:00") })).toBe(1000);
  });

  it("stays at the time that was chosen, while now goes on", () => {
    const chosen = timeAtStep(500, period);
    expect(chosen).toBe(time("15:00"));
    expect([period, { ...period, to: time("22:00") }].map((later) => stepOfTime(chosen, later))).toEqual([500, 417]);
  });
});

it("a time outside the period is at its edge", () => {
  expect(positionOf(time("15:00"), period)).toBe(50);
  expect(positionOf(time("09:00"), period)).toBe(0);
  expect(positionOf(time("23:00"), period)).toBe(100);
});

describe("the ticks of the timeline", () => {
  it("are round times", () => {
    expect(ticksOf(period)).toEqual([
      { x: 20, label: "12:00" },
      { x: 50, label: "15:00" },
      { x: 80, label: "18:00" },
    ]);
  });

  it("are days in a longer period", () => {
    const days = { from: Date.parse("2026-11-22T12:00:00Z"), to: Date.parse("2026-11-27T12:00:00Z") };
    expect(ticksOf(days).map(({ label }) => label)).toEqual(["23 Nov", "24 Nov", "25 Nov", "26 Nov", "27 Nov"]);
  });

  it("are two to eight in every period to choose from, and in ten years", () => {
    const lengths = [...periods.map(({ length }) => length), 3_600_000, 3_650 * 86_400_000];
    for (const length of lengths) {
      const { length: count } = ticksOf({ from: period.to - length, to: period.to });
      expect(count).toBeGreaterThanOrEqual(2);
      expect(count).toBeLessThanOrEqual(8);
    }
  });
});
