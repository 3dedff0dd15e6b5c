import { describe, expect, it } from "vitest";
import type { DeliveryView, PipelineView, RecordView } from "../../../board/api";
import { actOf, type Draft } from "../../../board/page/state/acts";
import { afterError, connectionText } from "../../../board/page/state/connection";
import { deliveryRows, turnedAwayShare } from "../../../board/page/state/delivery";
import { mergeRecords, recordChange } from "../../../board/page/state/history";
import { applicationLink, modelLink, safeLink, workflowLink } from "../../../board/page/state/links";
import { parseRoute, placeholderOf, routeAddress } from "../../../board/page/state/route";
import { age, countdown, durationOrDash, shortTime, timeOfDay } from "../../../board/page/state/time";
import { outcomeTone, toneOf } from "../../../board/page/state/tone";
import { hueCount, hueOf, numberOf, shortHash } from "../../../board/page/state/version";
import { isNearEnd, rowWindow } from "../../../board/page/state/window";

describe("the colour of a version", () => {
  it("is the same whenever it is asked for, and none for what is no version", () => {
    expect(hueOf("1.0.7")).toBe(hueOf("1.0.7"));
    expect([null, "base", "1.0.x", "1.0.7 ", "2.0.7", "<b>"].map(hueOf)).toEqual(Array(6).fill(null));
  });

  it("differs among as many neighbours as there are colours", () => {
    const hues = Array.from({ length: hueCount }, (_, index) => hueOf(`1.0.${index + 40}`));
    expect(new Set(hues).size).toBe(hueCount);
  });

  it("goes with a number and a short digest", () => {
    expect(numberOf("1.0.1000")).toBe(1000);
    expect(shortHash("sha256:0123456789abcdef")).toBe("0123456789ab");
  });
});

describe("times", () => {
  it("are in UTC, short", () => {
    expect(shortTime("2026-01-02T03:04:05Z")).toBe("2 Jan 03:04");
    expect(timeOfDay("2026-01-02T03:04:05.678Z")).toBe("03:04:05");
  });

  it.each([
    [0, "0:00"],
    [5, "0:05"],
    [245, "4:05"],
    [3845, "1:04:05"],
    [187_200, "2 d 04 h"],
  ])("count %i s down as %s", (seconds, text) => {
    expect(countdown(seconds)).toBe(text);
  });

  it("are never negative, whatever the clocks say", () => {
    expect(age("2026-01-01T00:00:10Z", Date.parse("2026-01-01T00:00:00Z"))).toBe("0 s");
  });

  it("are a dash where there is none", () => {
    expect([durationOrDash(null), durationOrDash(74.4)]).toEqual(["–", "1 min 14 s"]);
  });
});

describe("the sign beside a word", () => {
  it("says whether it is good", () => {
    expect(["Healthy", "fail", "NoApplication", "inconclusive", "Running", "Omitted"].map(toneOf)).toEqual([
      "good",
      "bad",
      "bad",
      "warn",
      "busy",
      "quiet",
    ]);
    expect(["whatever", "constructor", "__proto__"].map(toneOf)).toEqual(["quiet", "quiet", "quiet"]);
  });

  it.each([
    ["promoted", "good"],
    ["Failed", "bad"],
    ["not registered", "bad"],
    ["reverted", "warn"],
    ["broken", "bad"],
    ["Broken", "bad"],
    ["refused", "warn"],
    ["Turned away", "warn"],
    ["Reverted", "warn"],
    ["unfrozen", "good"],
    [null, "busy"],
  ])("of the outcome %s is %s", (outcome, tone) => {
    expect(outcomeTone(outcome)).toBe(tone);
  });
});

it.each([
  ["http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a"],
  ["https://argo.example/", "https://argo.example/"],
  ["javascript:alert(1)", null],
  [" JaVaScRiPt:alert(1)", null],
  ["data:text/html,<script>", null],
  ["/relative", null],
  ["", null],
  [undefined, null],
])("the link %s leads to %s", (address, href) => {
  expect(safeLink(address)).toBe(href);
});

describe("the place of a thing on another page", () => {
  const pages = { argoWorkflows: "https://argo.example/", argoCd: "http://h:8082", mlflow: "http://h:8000" };

  it("is the one that the page knows", () => {
    expect(workflowLink(pages, "train-model-26e41b")).toBe("https://argo.example/workflows/argo/train-model-26e41b");
    expect(applicationLink(pages, "canary")).toBe("http://h:8082/applications/argocd/gourmetgram-canary");
    expect(modelLink(pages, "1.0.7")).toBe("http://h:8000/#/models/GourmetGramFood11Model/versions/7");
  });

  it("is none where the page has no address, or one that no browser should follow", () => {
    expect([workflowLink({}, "a"), applicationLink({}, "a"), modelLink({}, "1.0.7")]).toEqual([null, null, null]);
    expect(workflowLink({ argoWorkflows: "javascript:alert(1)" }, "a")).toBeNull();
    expect(modelLink(pages, "base")).toBeNull();
  });

  it("stays on that page, whatever the thing is called", () =>
    expect(workflowLink(pages, "../a?b#c")).toBe("https://argo.example/workflows/argo/..%2Fa%3Fb%23c"));
});

describe("a route", () => {
  it("says from whose placeholder a person came", () => {
    const from = (hash: string) => placeholderOf(parseRoute(hash));
    expect(["#/pipeline?from=argoCd", "#/pipeline?from=argoWorkflows"].map(from)).toEqual(["argoCd", "argoWorkflows"]);
    expect(["#/pipeline", "#/pipeline?from=<b>", "#/pipeline?from=mlflow"].map(from)).toEqual([null, null, null]);
  });

  it("names the view, its detail and its options", () => {
    expect(parseRoute("#/models/1.0.7?against=1.0.6")).toEqual({
      view: "models",
      detail: "1.0.7",
      options: { against: "1.0.6" },
    });
  });

  it.each(["", "#", "#/", "#/nothing", "#/__proto__", "#content"])("is the pipeline for %s", (hash) => {
    expect(parseRoute(hash)).toEqual({ view: "pipeline", detail: null, options: {} });
  });

  it("comes back from its address, whatever it holds", () => {
    const detail = `a/b?c&d=<img src=x onerror="alert(1)"> %`;
    const { view, ...rest } = parseRoute(routeAddress("models", detail, { against: detail }));
    expect({ view, ...rest }).toEqual({ view: "models", detail, options: { against: detail } });
  });

  it("survives an address that is not encoded", () => {
    expect(parseRoute("#/models/100%").detail).toBe("100%");
  });

  it("leaves out options that are empty", () => {
    expect(routeAddress("history", null, { environment: "", action: "deploy" })).toBe("#/history?action=deploy");
  });
});

describe("the connection", () => {
  const live = { kind: "live", since: "2026-11-27T10:00:00Z" } as const;

  it("is lost since its first failure", () => {
    const lost = afterError(live, "2026-11-27T10:02:11Z");
    expect(afterError(lost, "2026-11-27T10:09:00Z")).toEqual({ kind: "lost", since: "2026-11-27T10:02:11Z" });
  });

  it("says how old what one sees is", () => {
    const lost = { kind: "lost", since: "2026-11-27T10:02:11Z" } as const;
    expect(connectionText(lost, "2026-11-27T10:02:09Z")).toBe(
      "Connection lost since 10:02:11. What you see is from 10:02:09.",
    );
    expect(connectionText(lost, null)).toBe("Connection lost since 10:02:11.");
    expect(connectionText(live, null)).toBe("Live");
  });
});

describe("a long table", () => {
  it("draws what is seen and a little around it", () => {
    expect(rowWindow(1000, 50, 5000, 500)).toEqual({ first: 92, end: 118, before: 4600, after: 44_100 });
  });

  it.each([0, 1, 400, 49_500, 60_000, -20])("has the same height at every place (%i)", (scrolled) => {
    const { first, end, before, after } = rowWindow(1000, 50, scrolled, 500);
    expect(before + (end - first) * 50 + after).toBe(50_000);
  });

  it("is nothing without rows", () => {
    expect(rowWindow(0, 50, 300, 500)).toEqual({ first: 0, end: 0, before: 0, after: 0 });
  });

  it("asks for more before the end is seen", () => {
    expect(isNearEnd(1000, rowWindow(1000, 50, 0, 500))).toBe(false);
    expect(isNearEnd(1000, rowWindow(1000, 50, 49_000, 500))).toBe(true);
  });
});

describe("an act", () => {
  const promote: Draft = {
    kind: "promote",
    version: "1.0.7",
    source: "canary",
    target: "production",
    isEmergency: false,
    text: " ",
  };

  it.each<[Draft, object]>([
    [
      { kind: "train", scenario: "slow" },
      { act: "train", scenario: "slow" },
    ],
    [promote, { act: "promote", version: 7, source: "canary", target: "production", emergency: "" }],
    [
      { ...promote, isEmergency: true, text: " it burns " },
      { act: "promote", version: 7, source: "canary", target: "production", emergency: "it burns" },
    ],
    [
      { kind: "revert", version: "1.0.7", isBad: true, text: "wrong" },
      { act: "revert", version: 7, why: "wrong" },
    ],
    [
      { kind: "revert", version: "1.0.7", isBad: false, text: "wrong" },
      { act: "revert", version: null, why: "wrong" },
    ],
    [
      { kind: "freeze", text: "shop" },
      { act: "freeze", why: "shop" },
    ],
    [
      { kind: "approve", approval: "a", text: " fine " },
      { act: "approve", approval: "a", message: "fine" },
    ],
    [
      { kind: "reject", approval: "a", text: "slow" },
      { act: "reject", approval: "a", message: "slow" },
    ],
  ])("is sent as the server takes it (%#)", (draft, act) => {
    expect(actOf(draft)).toEqual({ act, missing: "" });
  });

  it.each<[Draft, string]>([
    [{ ...promote, version: "base" }, "Name the version as in 1.0.7."],
    [{ ...promote, isEmergency: true }, "Say why this goes round the calendar."],
    [{ kind: "revert", version: null, isBad: true, text: "" }, "Say why."],
    [{ kind: "unfreeze", text: "  " }, "Say why."],
    [{ kind: "reject", approval: "a", text: "" }, "Say why: it stands in the record."],
  ])("is not sent while something is missing (%#)", (draft, sentence) => {
    expect(actOf(draft)).toEqual({ act: null, missing: sentence });
  });
});

describe("the record", () => {
  const record = (startedAt: string, action: string) => ({ startedAt, action, environment: "canary" }) as RecordView;
  const older = record("2026-11-26T10:00:00Z", "deploy");
  const newer = record("2026-11-27T10:00:00Z", "promote");

  it("is one list, newest first, each once, and the newest answer counts", () => {
    const closed = { ...newer, outcome: "promoted" };
    expect(mergeRecords([newer, older], [closed])).toEqual([closed, older]);
  });
});

describe("the record is asked for again", () => {
  const run = { name: "train-model-a", finishedAt: null };
  const served = { name: "staging", version: "1.0.7", since: null };
  const request = { name: "promote-model-a", phase: "Waiting", responses: [] };
  const view = (more: object = {}) =>
    ({
      runs: [run],
      environments: [served],
      freeze: null,
      approvals: [request],
      recordAt: null,
      ...more,
    }) as unknown as PipelineView;

  it.each<[string, object]>([
    ["a release that has begun is on record", { environments: [{ ...served, since: "2026-11-27T10:00:00Z" }] }],
    ["another version is served", { environments: [{ ...served, version: "1.0.8" }] }],
    ["a run has ended", { runs: [{ ...run, finishedAt: "2026-11-27T10:00:00Z" }] }],
    ["promotions are frozen", { freeze: { since: "2026-11-27T10:00:00Z" } }],
    ["people are asked", { approvals: [{ ...request, name: "promote-model-b" }, request] }],
    ["one of two has answered", { approvals: [{ ...request, responses: [{}] }] }],
    ["people have decided", { approvals: [{ ...request, phase: "Approved" }] }],
    ["what people did is on record", { recordAt: "2026-11-27T10:00:00Z" }],
  ])("once %s", (_title, more) => expect(recordChange(view(more))).not.toBe(recordChange(view())));

  it("and not only because time has passed", () =>
    expect(recordChange(view({ at: "later" }))).toBe(recordChange(view())));
});

describe("the delivery figures", () => {
  const view = {
    judged: 3,
    turnedAway: 1,
    environments: [
      { name: "staging", deployments: 8, failures: 1, restore: { count: 1, median: 74 } },
      { name: "canary", deployments: 0, failures: 0, restore: { count: 0, median: null } },
    ],
  } as unknown as DeliveryView;

  it("have a share only where there is something to share", () => {
    expect(turnedAwayShare(view)).toBe("33 %");
    expect(turnedAwayShare({ ...view, judged: 0 })).toBe("–");
    expect(deliveryRows(view).map(({ failureRate }) => failureRate)).toEqual(["13 %", "–"]);
  });
});
