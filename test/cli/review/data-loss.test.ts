import { describe, expect, it } from "vitest";
import { dataLosses, dataLossLine, refuseDataLoss } from "../../../cli/review/data-loss";
import type { Change } from "../../../cli/review/events";
import { ConfigurationError } from "../../../config";
import { recorded } from "./recorded";

const events = recorded("preview-changes");
const lossless = { ...events, changes: events.changes.filter(({ operation }) => operation === "update") };
const namespaces = (count: number): Change[] =>
  Array.from({ length: count }, (_, index) => ({
    ...events.changes[0],
    urn: `urn:pulumi:staging::gourmetgram::kubernetes:core/v1:Namespace::n${index}`,
    type: "kubernetes:core/v1:Namespace",
    operation: "delete",
    before: { metadata: { name: `n${100 + index}` } },
    after: {},
  }));

describe("an update that loses data", () => {
  const loss = "PersistentVolumeClaim gourmetgram-platform/mlflow-data is replaced: its data is lost";

  it("is refused, with what is lost, what to do, and what allows it", () => {
    expect(dataLosses(events)).toEqual([loss]);
    expect(() => refuseDataLoss("staging", events)).toThrow(
      new Error(
        `This update of staging loses data, so nothing was changed:\n  ${loss}\n` +
          "Undo the change that causes it: npm run preview shows why. " +
          "To lose the data, run npm start -- --allow-data-loss.",
      ),
    );
  });

  it("has a line that says so", () => {
    expect(dataLossLine(events)).toBe(
      `DATA LOSS: ${loss}. ` +
        "npm start, npm run preview and npm run policy refuse this update without -- --allow-data-loss.",
    );
    expect(dataLossLine(lossless)).toBeUndefined();
  });

  it("names at most twenty losses", () => {
    const many = { ...events, changes: namespaces(23) };
    expect(dataLosses(many)).toHaveLength(23);
    expect(dataLossLine(many)).toContain("Namespace n119 is deleted: everything in it is deleted too; and 3 more.");
    expect(dataLossLine(many)).not.toContain("n120");
  });
});

it("an update that loses none is made", () => {
  expect(() => refuseDataLoss("staging", { ...lossless, complete: true })).not.toThrow();
});

it("an update that somebody's change stands in the way of says what takes that back", () => {
  const errors = ["argo/cron-train failed to become live: Server-Side Apply field conflict detected."];
  expect(() => refuseDataLoss("staging", { ...lossless, errors, complete: false })).toThrow(
    "Somebody changed that by hand. To take it back, run npm start -- --refresh. To update without the preview,",
  );
});

it("an update whose preview did not finish is refused, with Pulumi's errors", () => {
  expect(() => refuseDataLoss("staging", { ...lossless, errors: ["no such image"], complete: false })).toThrow(
    new Error(
      "Pulumi's preview did not finish, so it is not known whether this update loses data, and nothing was changed:\n" +
        "  no such image\nFix what it names, then run this again. " +
        "To update without the preview, run npm start -- --allow-data-loss.",
    ),
  );
});

it("an update that stopped at the stack's configuration is not to be made without the preview", () => {
  const error = new ConfigurationError([
    "gourmetgram:pipeline.epoch: unknown key",
    "gourmetgram:board: write a mapping",
  ]);
  const errors = [`Running program 'index.ts' failed with an unhandled exception:\n${error.stack}`];
  const refused = () => refuseDataLoss("staging", { ...lossless, errors, complete: false });
  expect(refused).toThrow(/gourmetgram:board: write a mapping[\s\S]*\nFix what it names, then run this again\.$/);
});
