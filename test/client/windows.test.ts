import { describe, expect, it } from "vitest";
import { closedReason, type PromotionWindow } from "../../client/windows";

/** The cases of test/workflows/test_windows.py. */
const office: PromotionWindow = {
  name: "office",
  kind: "allow",
  environments: ["production"],
  schedule: "0 9 * * 1-5",
  minutes: 8 * 60,
  zone: "Europe/Berlin",
  description: "people are there",
};
const night: PromotionWindow = {
  name: "night",
  kind: "deny",
  environments: ["production"],
  schedule: "30 2 * * *",
  minutes: 60,
  zone: "Europe/Berlin",
  description: "",
};
const exams: PromotionWindow = {
  name: "exams",
  kind: "deny",
  environments: ["production", "canary"],
  schedule: "0 0 2 2 *",
  minutes: 3 * 24 * 60,
  zone: "UTC",
  description: "",
};
const outside = "outside of the window office (people are there)";

describe("the calendar", () => {
  it.each<[PromotionWindow[], string, string]>([
    [[], "production", "2026-01-31T03:00:00Z"],
    [[office], "production", "2026-01-30T08:00:00Z"],
    [[office], "production", "2026-01-30T15:59:59Z"],
    [[office], "canary", "2026-01-31T03:00:00Z"],
    [[exams], "canary", "2026-02-05T00:00:00Z"],
    [[office, exams], "production", "2026-02-05T08:00:00Z"],
    [[office, { ...office, name: "night", schedule: "0 2 * * *" }], "production", "2026-01-31T03:00:00Z"],
    [[night], "production", "2026-10-25T00:29:59Z"],
    [[night], "production", "2026-10-25T01:30:00Z"],
    [[{ ...night, schedule: "0 3 * * *" }], "production", "2026-10-25T01:30:00Z"],
    [[night], "production", "2026-03-29T00:59:59Z"],
    [[night], "production", "2026-03-29T02:00:00Z"],
  ])("is open, case %#", (windows, environment, now) =>
    expect(closedReason(windows, environment, new Date(now))).toBeNull(),
  );

  it.each<[PromotionWindow[], string, string, string]>([
    [[office], "2026-01-30T16:00:00Z", outside, "2026-02-02T08:00:00Z"],
    [[office], "2026-01-30T07:59:59Z", outside, "2026-01-30T08:00:00Z"],
    [[office, exams], "2026-02-02T10:00:00Z", "by the window exams", "2026-02-05T08:00:00Z"],
    [[exams], "2026-02-02T00:00:00Z", "by the window exams", "2026-02-05T00:00:00Z"],
    [[office], "2026-03-28T12:00:00Z", outside, "2026-03-30T07:00:00Z"],
    [[night], "2026-03-29T01:00:00Z", "by the window night", "2026-03-29T02:00:00Z"],
    [[night], "2026-03-29T01:59:59Z", "by the window night", "2026-03-29T02:00:00Z"],
    [[night], "2026-10-25T00:30:00Z", "by the window night", "2026-10-25T01:30:00Z"],
    [[night], "2026-10-25T01:15:00Z", "by the window night", "2026-10-25T01:30:00Z"],
    [
      [{ ...night, kind: "allow", minutes: 30 }],
      "2026-10-25T01:15:00Z",
      "outside of the window night",
      "2026-10-26T01:30:00Z",
    ],
  ])("is closed and says when it opens, case %#", (windows, now, because, opens) =>
    expect(closedReason(windows, "production", new Date(now))).toBe(
      `Promotions to production are closed ${because}. They open at ${opens}.`,
    ),
  );

  it.each(["0 0 * * *", "* * * * *"])("says that it does not open, with a window at %s", (schedule) => {
    const always: PromotionWindow = { ...exams, name: "always", schedule, minutes: 10080 };
    expect(closedReason([always, office], "production", new Date("2026-01-30T16:00:00Z"))).toBe(
      "Promotions to production are closed by the window always. No opening is in sight.",
    );
  });
});
