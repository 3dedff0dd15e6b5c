import { describe, expect, it } from "vitest";
import { refuseDataLoss } from "../../../cli/review/data-loss";
import type { Change } from "../../../cli/review/events";
import { summarise } from "../../../cli/review/summary";
import { volumeSizeErrors } from "../../../cli/review/volume-size";
import { recorded } from "./recorded";

const events = recorded("preview-changes");
const claim = events.changes.find(({ type }) => type.endsWith(":PersistentVolumeClaim"))!;
const sized = (storage: unknown) => ({
  metadata: claim.before.metadata,
  spec: { resources: { requests: { storage } } },
});
/** MLflow's volume, from one size to another. */
const resized = (before: unknown, after: unknown, change: Partial<Change> = {}): Change => ({
  ...claim,
  operation: "update",
  before: sized(before),
  after: sized(after),
  ...change,
});
const forbidden = "field can not be less than status.capacity";
const notResizable = "only dynamically provisioned pvc can be resized and the storageclass must support resize";
const stopped = (change: Change, error = forbidden) => ({
  ...events,
  changes: [change],
  errors: [error],
  complete: false,
});

const shrunk =
  "The volume gourmetgram-platform/mlflow-data is 10Gi, and modelRegistry.storage says 5Gi: a volume cannot shrink. " +
  "Write 10Gi or larger there.";

describe("a volume that the stack file makes smaller", () => {
  it("is named with its size, the setting, and what to write", () => {
    expect(volumeSizeErrors(stopped(resized("10Gi", "5Gi")))).toEqual([shrunk]);
  });

  it("is refused with that sentence, and with no flag that would not help", () => {
    expect(() => refuseDataLoss("staging", stopped(resized("10Gi", "5Gi")))).toThrow(
      new Error(`This update of staging cannot be made, so nothing was changed:\n  ${shrunk}`),
    );
  });

  it("is refused in the same way where Pulumi would replace it", () => {
    const replaced = { ...events, changes: [resized("10Gi", "5Gi", { operation: "replace" })], complete: true };
    expect(() => refuseDataLoss("staging", replaced)).toThrow(shrunk);
  });

  it("is the first error of a preview", () => {
    const { sections } = summarise("staging", stopped(resized("10Gi", "5Gi")), []);
    const errors = sections.find(({ title }) => title === "Errors")!;
    expect(errors.items.map(({ text }) => text)).toEqual([shrunk, forbidden]);
  });

  it("is compared by its amount, and not by its unit", () => {
    expect(volumeSizeErrors(stopped(resized("10Gi", "10240Mi")))).toEqual([]);
    expect(volumeSizeErrors(stopped(resized("10Gi", "9216Mi")))).toHaveLength(1);
  });

  it("is no mistake where the API server takes it: the volume never got the larger size", () => {
    expect(volumeSizeErrors({ ...stopped(resized("10Gi", "5Gi")), errors: [], complete: true })).toEqual([]);
  });

  it("has the stack file as its setting where no setting is known", () => {
    const metadata = { namespace: "other", name: "data" };
    const other = resized("10Gi", "5Gi", {
      before: { ...sized("10Gi"), metadata },
      after: { ...sized("5Gi"), metadata },
    });
    expect(volumeSizeErrors(stopped(other))[0]).toMatch(
      /^The volume other\/data is 10Gi, and the stack file says 5Gi:/,
    );
  });
});

describe("a volume that the stack file makes larger", () => {
  it("is named where its storage class cannot make it so", () => {
    expect(volumeSizeErrors(stopped(resized("10Gi", "20Gi"), notResizable))).toEqual([
      "The volume gourmetgram-platform/mlflow-data is 10Gi, and modelRegistry.storage says 20Gi: its storage class " +
        "cannot make it larger. Write 10Gi there. To have a larger one, restore a backup into a new stack.",
    ]);
  });

  it("is no mistake where another error stopped the preview", () => {
    expect(volumeSizeErrors(stopped(resized("10Gi", "20Gi"), "no such image"))).toEqual([]);
  });
});

it.each([
  ["a claim without a size", undefined],
  ["a size in another unit", "10737418240"],
  ["a secret one", {}],
])("%s is compared with nothing", (_title, size) =>
  expect(volumeSizeErrors(stopped(resized(size, "5Gi")))).toEqual([]),
);

it("an object of another kind has no size", () =>
  expect(volumeSizeErrors(stopped(resized("10Gi", "5Gi", { type: "kubernetes:core/v1:ConfigMap" })))).toEqual([]));
