import { describe, expect, it } from "vitest";
import { exitCode } from "../../../cli/drift";
import { exitCode as previewExitCode } from "../../../cli/preview";
import { driftOf, summariseDrift } from "../../../cli/review/drift";
import type { Change, Events } from "../../../cli/review/events";
import { renderText } from "../../../cli/review/render";
import { recorded } from "./recorded";

const nothing: Events = {
  changes: [],
  unchanged: 150,
  refreshed: [],
  violations: [],
  uncheckedByPolicy: [],
  errors: [],
  warnings: [],
  complete: true,
};

function update(type: string, name: string, inCluster: object, inProgram: object, more: Partial<Change> = {}): Change {
  const [namespace, object] = name.split("/");
  const urn = `urn:pulumi:staging::gourmetgram::${type}::${object}`;
  const metadata = { namespace, name: object };
  return {
    urn,
    type,
    owner: { type: "", name: "" },
    operation: "update",
    before: { metadata, ...inCluster },
    after: { metadata, ...inProgram },
    differing: [],
    replacedFor: [],
    ...more,
  };
}
const remedy = "To make the cluster as the program declares, run npm start -- --refresh.";
const drift = (...changes: Change[]) => driftOf({ ...nothing, changes });

describe("drift", () => {
  it("is what somebody did to the cluster, side by side with the program", () => {
    expect(
      renderText(summariseDrift("staging", recorded("drift"))),
    ).toBe(`Drift of staging: 1 object differs from the program. ${remedy}

Changed in the cluster
  ~ ConfigMap gourmetgram-production/gourmetgram-production-bundle
      port (http)  81 → 80`);
    expect(exitCode(recorded("drift"))).toBe(1);
  });

  it("is none on an untouched cluster", () => {
    expect(renderText(summariseDrift("staging", recorded("drift-none")))).toBe(
      "Drift of staging: none: the cluster is as the program declares.",
    );
    expect(exitCode(recorded("drift-none"))).toBe(0);
  });

  it("is unknown if Pulumi did not complete", () => {
    const failed = { ...recorded("drift"), errors: ["the cluster can't be reached"], complete: false };
    expect(renderText(summariseDrift("staging", failed))).toMatch(
      /^Drift of staging: the check did not complete.\n\nErrors\n {2}✗ the cluster can't be reached\n/,
    );
    expect(exitCode(failed)).toBe(2);
  });

  it("tells what is gone from what was changed, and from what was never deployed", () => {
    const config = "kubernetes:core/v1:ConfigMap";
    const gone = update(config, "argo/gone", {}, {}, { operation: "create", before: {} });
    const fresh = update(config, "argo/fresh", {}, {}, { operation: "create", before: {} });
    const role = update(
      "kubernetes:rbac.authorization.k8s.io/v1:Role",
      "argo/wide",
      { rules: [{ verbs: ["*"], resources: ["pods"] }] },
      { rules: [{ verbs: ["get"], resources: ["pods"] }] },
    );
    expect(
      renderText(
        summariseDrift("staging", { ...nothing, changes: [fresh, gone, role], refreshed: [gone.urn, role.urn] }),
      ),
    ).toBe(`Drift of staging: 3 objects differ from the program. ${remedy}

Changed in the cluster
  ~ Role argo/wide
      may  - * pods
      may  + get pods

Gone from the cluster
  + ConfigMap argo/gone

In the program, not deployed yet
  + ConfigMap argo/fresh`);
  });
});

describe("what the pipeline and its people write", () => {
  const application = "kubernetes:argoproj.io/v1alpha1:Application";
  const release = (digest: string) => ({
    spec: { source: { kustomize: { images: [`app=host/app@${digest}`] }, targetRevision: "a" } },
  });

  it("is no drift: a release, the request to look anew, a freeze", () => {
    expect(
      drift(
        update(application, "argocd/gourmetgram-canary", release("1"), { spec: { source: { targetRevision: "a" } } }),
      ),
    ).toEqual([]);
    const asked = (annotations?: object) => ({
      metadata: { namespace: "argocd", name: "gourmetgram-canary", annotations },
    });
    expect(
      drift(
        update(application, "argocd/gourmetgram-canary", asked({ "argocd.argoproj.io/refresh": "normal" }), asked({})),
      ),
    ).toEqual([]);
    expect(
      drift(
        update(
          "kubernetes:core/v1:ConfigMap",
          "argo/promotion-freeze",
          { data: { canary: "until Monday" } },
          { data: {} },
        ),
      ),
    ).toEqual([]);
  });

  it("hides nothing beside it", () => {
    const moved = update(
      application,
      "argocd/gourmetgram-canary",
      { spec: { source: { kustomize: { images: ["x"] }, targetRevision: "b" } } },
      { spec: { source: { targetRevision: "a" } } },
    );
    expect(drift(moved).map(({ differences }) => differences.map(({ path }) => path.join(".")))).toEqual([
      ["spec.source.targetRevision"],
    ]);
    expect(
      drift(
        update(application, "argocd/gourmetgram-canary", { spec: { source: { kustomize: { namePrefix: "x" } } } }, {}),
      ),
    ).toHaveLength(1);
    expect(
      drift(
        update(
          "kubernetes:core/v1:ConfigMap",
          "argo/pipeline-parameters",
          { data: { epochs: "9" } },
          { data: { epochs: "3" } },
        ),
      ),
    ).toHaveLength(1);
    expect(
      drift(update("kubernetes:core/v1:ConfigMap", "argocd/promotion-freeze", { data: { a: "1" } }, { data: {} })),
    ).toHaveLength(1);
    expect(
      drift(
        update("kubernetes:core/v1:ConfigMap", "argo/promotion-freeze", {}, {}, { operation: "create", before: {} }),
      ),
    ).toHaveLength(1);
    expect(
      drift(
        update(
          "kubernetes:core/v1:Namespace",
          "argo/a",
          { metadata: { annotations: { owner: "x" } } },
          { metadata: {} },
        ),
      ),
    ).toHaveLength(1);
  });
});

describe("the exit code of a preview", () => {
  it("is 0 where nothing speaks against the change, 1 for a mandatory policy, 2 where it came to no end", () => {
    expect(previewExitCode(recorded("preview-images"), false)).toBe(0);
    expect(previewExitCode(recorded("preview-changes"), true)).toBe(1);
    expect(previewExitCode(recorded("preview-failed"), false)).toBe(2);
    expect(
      previewExitCode({ ...nothing, violations: [{ level: "advisory", policy: "p/p", message: "m", urn: "" }] }, false),
    ).toBe(0);
  });

  const claim = (operation: "update" | "delete" | "replace", before: string, after: string) =>
    update(
      "kubernetes:core/v1:PersistentVolumeClaim",
      "gourmetgram-platform/registry-data",
      { spec: { resources: { requests: { storage: before } } } },
      { spec: { resources: { requests: { storage: after } } } },
      { operation },
    );

  it("is 1 where the update loses data, unless a person allows it, also where the preview came to no end", () => {
    const losing = { ...nothing, changes: [claim("delete", "10Gi", "10Gi")] };
    expect([previewExitCode(losing, false), previewExitCode(losing, true)]).toEqual([1, 0]);
    const unfinished = { ...losing, complete: false };
    expect([previewExitCode(unfinished, false), previewExitCode(unfinished, true)]).toEqual([1, 2]);
  });

  it("is 1 where a volume cannot take its new size, which nobody can allow", () => {
    const shrinking = { ...nothing, changes: [claim("replace", "10Gi", "5Gi")] };
    expect(previewExitCode(shrinking, true)).toBe(1);
  });
});
