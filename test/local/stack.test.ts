import { describe, expect, it } from "vitest";
import { diagnostics, summary } from "../../local/stack";

const failed = `Updating (staging):
 +  kubernetes:core/v1:Namespace argo creating (0s)
Diagnostics:
  kubernetes:core/v1:Namespace (argo):
    error: it is being deleted

Resources:
    + 3 created

Duration: 4s
`;

describe("what is shown of Pulumi's output", () => {
  it("counts the resources in one line", () => {
    expect(summary("Resources:\n    + 3 created\n    ~ 1 updated\n    4 changes. 151 unchanged\n\nDuration: 4s\n")).toBe("3 created, 1 updated, 151 unchanged");
    expect(summary("nothing of the kind")).toBe("");
  });

  it("is the diagnostics of a failure", () => {
    expect(diagnostics(failed)).toBe("Diagnostics:\n  kubernetes:core/v1:Namespace (argo):\n    error: it is being deleted\n");
  });

  it("is its end where there are none", () => expect(diagnostics("a\nerror: no stack")).toBe("a\nerror: no stack"));
});
