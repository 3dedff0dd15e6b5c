import { describe, expect, it } from "vitest";
import { withDefaults } from "../../components/pipeline/workflow-files";

describe("the defaults of the workflow templates", () => {
  it.each([
    ["is added where the template says nothing", { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ["gives way to what the template states", { a: 1 }, { a: 2 }, { a: 2 }],
    ["gives way to a null of the template", { a: 1 }, { a: null }, { a: null }],
    ["is merged key by key", { a: { b: 1, c: { d: 2 } } }, { a: { c: { e: 3 } } }, { a: { b: 1, c: { d: 2, e: 3 } } }],
    ["gives way to another kind of value", { a: { b: 1 } }, { a: [1] }, { a: [1] }],
    ["gives way to a list without names", { a: [1, 2] }, { a: [3] }, { a: [3] }],
    [
      "is merged by name in a list, before what the template adds",
      { volumes: [{ name: "tmp", emptyDir: { sizeLimit: "64Mi" } }, { name: "lib" }] },
      { volumes: [{ name: "more" }, { name: "tmp", emptyDir: { sizeLimit: "2Gi" } }] },
      { volumes: [{ name: "tmp", emptyDir: { sizeLimit: "2Gi" } }, { name: "lib" }, { name: "more" }] },
    ],
  ])("what stands there %s", (_what, defaults, spec, expected) => {
    expect(withDefaults(defaults, spec)).toEqual(expected);
  });

  it("stay as they are, as does the template", () => {
    const defaults = { a: { b: 1 } };
    const spec = { a: { c: 2 } };
    withDefaults(defaults, spec);
    expect([defaults, spec]).toEqual([{ a: { b: 1 } }, { a: { c: 2 } }]);
  });
});
