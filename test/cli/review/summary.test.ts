import { describe, expect, it } from "vitest";
import type { Change, Events } from "../../../cli/review/events";
import { marker, renderMarkdown, renderText } from "../../../cli/review/render";
import { summarise } from "../../../cli/review/summary";
import { recorded } from "./recorded";

const nothing: Events = {
  changes: [],
  unchanged: 0,
  refreshed: [],
  violations: [],
  uncheckedByPolicy: [],
  errors: [],
  warnings: [],
  complete: true,
};
const change = (type: string, more: Partial<Change>): Change => ({
  urn: `urn:pulumi:staging::gourmetgram::${type}::thing`,
  type,
  owner: { type: "", name: "" },
  operation: "update",
  before: {},
  after: {},
  differing: [],
  replacedFor: [],
  ...more,
});
const text = (...changes: Change[]) => renderText(summarise("staging", { ...nothing, changes }, []));

describe("the summary of a preview", () => {
  it("begins with what is forbidden and what breaks, and tells each thing once", () => {
    expect(
      renderText(summarise("staging", recorded("preview-changes"), ["the API server was not asked"])),
    ).toBe(`DATA LOSS: PersistentVolumeClaim gourmetgram-platform/mlflow-data is replaced: its data is lost. npm start, npm run preview and npm run policy refuse this update without -- --allow-data-loss.

Preview of staging: 7 to update, 3 to replace, 1 to delete, 138 unchanged.

Policy violations
  ✗ canary-bundle: Deployment gourmetgram-canary in ConfigMap canary-bundle gives its container app a memory limit of 512Mi: write 256Mi, or name canary with 512Mi in policy/exceptions.json (mandatory, gourmetgram/memory-limits)

Replaced, deleted, restarted
  ± PersistentVolumeClaim gourmetgram-platform/mlflow-data is replaced: its data is lost
      spec.accessModes  ReadWriteOnce → ReadWriteMany
  - NetworkPolicy gourmetgram-canary/gourmetgram-canary is deleted
  ± Deployment gourmetgram-platform/mlflow is replaced, with what it depends on
  ↻ Deployment gourmetgram-canary/gourmetgram-canary restarts its pods
  ↻ Deployment argo/argo-server restarts its pods
  ↻ Deployment argocd/argocd-redis restarts its pods
  ± Job gourmetgram-canary/gourmetgram-canary-publish-c6a5ad315249 is replaced: it runs again

Environment canary
  ~ Application argocd/gourmetgram-canary
      bundle  c6a5ad315249 → 5ddbabbd26b3
  ~ ConfigMap gourmetgram-canary/gourmetgram-canary-bundle
      replicas              1 → 2
      memory limit (app)    256Mi → 512Mi
      memory request (app)  256Mi → 512Mi
      port (http)           8080 → 8090
  ~ Secret argocd/gourmetgram-canary-bundles
      stringData.insecureOCIForceHttp  [secret] → [secret], another one

Images
  ~ Deployment argocd/argocd-redis
      container redis  mirror.gourmetgram.local:5001/redis@sha256:eefe5c6308fb → mirror.gourmetgram.local:5001/redis@sha256:abababababab

Rights
  ~ Role gourmetgram-canary/gourmetgram-canary-look
      may  - get, list, watch pods
      may  + get, list, watch pods, pods/log

Everything else
  ~ ConfigMap argo/pipeline-parameters
      data.canary-url  http://gourmetgram-canary.gourmetgram-canary.svc.cluster.local:8080 → http://gourmetgram-canary.gourmetgram-canary.svc.cluster.local:8090
      data.epochs      3 → 4
  ~ Deployment argo/argo-server
      spec.template.spec.containers[argo-server].args  server, --namespaced, --auth-mode=client, --secure=false → server, --namespaced, --auth-mode=server, --secure=false
      memory limit (argo-server)                       + 1Gi
      memory request (argo-server)                     + 64Mi
  ~ Deployment argocd/argocd-redis
      memory limit (redis)          + 1Gi
      memory request (redis)        + 64Mi
      memory limit (secret-init)    + 1Gi
      memory request (secret-init)  + 64Mi

Not checked
  · the API server was not asked`);
  });

  it("still knows an environment's limits and replicas while its image is yet to be built", () => {
    const summary = renderText(summarise("staging", recorded("preview-images"), []));
    expect(summary).toContain(
      "Environment canary\n  ~ ConfigMap gourmetgram-canary/gourmetgram-canary-bundle\n      replicas  1 → 2\n",
    );
    expect(summary).toContain(
      "base image (gourmetgram-app)  registry.kube-system.svc.cluster.local:5000/gourmetgram-app@sha256:f8aa159f2a2d → (known once applied)",
    );
    expect(summary).toContain(
      "Deployment gourmetgram-canary/gourmetgram-canary restarts its pods where it still runs the base image",
    );
    expect(summary).toContain(
      "Not checked\n  · gourmetgram/credentials on canary-bundle, canary-publish, pipeline-parameters: it reads a value that is known only once applied\n",
    );
  });

  it("says that nothing changes, and where Pulumi came to no end", () => {
    expect(renderText(summarise("staging", { ...nothing, unchanged: 153 }, []))).toBe(
      "Preview of staging: nothing to change, 153 unchanged.",
    );
    const failed = renderText(summarise("staging", recorded("preview-failed"), []));
    expect(failed).toContain(
      "Preview of staging: Pulumi stopped before the end: nothing to change, 1 unchanged so far.\n\nErrors\n  ✗ Running program",
    );
  });

  it("puts mandatory policies before advisory ones", () => {
    const found = (level: "mandatory" | "advisory") => ({ level, policy: "pack/p", message: "Mend it.", urn: "" });
    expect(
      renderText(summarise("staging", { ...nothing, violations: [found("advisory"), found("mandatory")] }, [])),
    ).toContain("Policy violations\n  ✗ Mend it. (mandatory, pack/p)\n  ! Mend it. (advisory, pack/p)");
  });

  it("shows of a new environment what a reviewer looks for", () => {
    const data = {
      "deployment.yaml": "spec:\n  replicas: 2\n  paused: true\n",
      "service.yaml": "spec:\n  ports:\n    - name: http\n      port: 8084\n",
      "kustomization.yaml": "images:\n  - name: app\n    newName: host/app\n    digest: sha256:1\n",
    };
    const bundle = {
      kind: "ConfigMap",
      metadata: { name: "gourmetgram-qa-bundle", namespace: "gourmetgram-qa" },
      data,
    };
    expect(
      text(
        change("kubernetes:core/v1:ConfigMap", {
          operation: "create",
          after: bundle,
          owner: { type: "gourmetgram:release:Environment", name: "qa" },
        }),
      ),
    ).toBe(`Preview of staging: 1 to create.

Environment qa
  + ConfigMap gourmetgram-qa/gourmetgram-qa-bundle
      replicas     + 2
      port (http)  + 8084

Images
  + ConfigMap gourmetgram-qa/gourmetgram-qa-bundle
      base image (app)  + host/app@sha256:1`);
  });

  it("says what goes with what is deleted", () => {
    const gone = (kind: string) =>
      text(change(`kubernetes:core/v1:${kind}`, { operation: "delete", before: { kind, metadata: { name: "a" } } }));
    expect(gone("Namespace")).toContain("  - Namespace a is deleted: everything in it is deleted too");
    expect(gone("CustomResourceDefinition")).toContain(
      "  - CustomResourceDefinition a is deleted: every object of its kind is deleted too",
    );
    expect(gone("Service")).toMatch(/ {2}- Service a is deleted$/);
  });

  it("restarts no pods for a change outside of their template", () => {
    const before = { metadata: { name: "a" }, spec: { replicas: 1, template: { spec: { x: 1 } } } };
    const scaled = text(
      change("kubernetes:apps/v1:Deployment", { before, after: { ...before, spec: { ...before.spec, replicas: 2 } } }),
    );
    expect(scaled).not.toContain("restarts");
    expect(scaled).toContain("replicas  1 → 2");
  });

  it("tells the rights that a binding gives and takes", () => {
    const binding = (names: string[]) => ({
      metadata: { name: "b" },
      roleRef: { kind: "Role", name: "r" },
      subjects: names.map((name) => ({ kind: "ServiceAccount", name, namespace: "argo" })),
    });
    expect(
      text(
        change("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", {
          before: binding(["old", "same"]),
          after: binding(["same", "new"]),
        }),
      ),
    ).toContain("Rights\n  ~ RoleBinding b\n      to  - ServiceAccount argo/old\n      to  + ServiceAccount argo/new");
  });

  it("names what has no name yet as the program does", () => {
    expect(
      text(
        change("kubernetes:batch/v1:Job", {
          operation: "create",
          after: { metadata: { name: "(known once applied)" } },
        }),
      ),
    ).toContain("+ Job thing");
  });
});

describe("a secret that Pulumi has not marked", () => {
  const env = (values: Record<string, string>) => Object.entries(values).map(([name, value]) => ({ name, value }));
  const deployment = (word: string) => ({
    metadata: { name: "a" },
    spec: {
      template: {
        spec: {
          containers: [
            {
              name: "c",
              env: env({ AWS_SECRET_ACCESS_KEY: word, DB_PASS: word, GITHUB_PAT: word, DB_URL: `sql://me:${word}@db` }),
              args: ["--password", word, `--token=${word}`, `-H=Authorization: Bearer ${word}`],
            },
          ],
          imagePullSecrets: [{ name: word === "hunter2hunter2" ? "old-login" : "new-login" }],
        },
      },
    },
  });
  const config = (word: string) => ({
    metadata: { name: "b" },
    data: {
      "secret-key": word,
      ".dockerconfigjson": `{"auths":{"host":{"password":"${word}"}}}`,
      "tls.pem": `-----BEGIN PRIVATE KEY----- ${word} -----END PRIVATE KEY-----`,
      accuracy: "0.93",
    },
  });
  const [old, next] = ["hunter2hunter2", "correct7horse7"];
  const events: Events = {
    ...nothing,
    changes: [
      change("kubernetes:apps/v1:Deployment", { before: deployment(old), after: deployment(next) }),
      change("kubernetes:core/v1:ConfigMap", { operation: "create", after: config(next) }),
      change("kubernetes:core/v1:ConfigMap", { before: config(old), after: config(next) }),
    ],
  };

  it.each([
    ["text", renderText],
    ["Markdown", renderMarkdown],
  ])("is in no %s of a preview", (_, render) => {
    const shown = render(summarise("staging", events, []));
    expect(shown).not.toMatch(/hunter2|correct7/);
    for (const name of ["AWS_SECRET_ACCESS_KEY", "DB_PASS", "GITHUB_PAT", "secret-key", "dockerconfigjson", "tls.pem"])
      expect(shown).toContain(name);
    expect(shown).toMatch(/imagePullSecrets.*old-login[\s\S]*imagePullSecrets.*new-login/);
  });
});

describe("the summary as Markdown", () => {
  it("begins with the line by which its comment is found again", () => {
    expect(renderMarkdown(summarise("staging", nothing, [])).split("\n")[0]).toBe(
      "<!-- GourmetGram Pipeline: Preview of staging -->",
    );
    expect(marker("Drift of x")).toBe("<!-- GourmetGram Pipeline: Drift of x -->");
  });

  it("has tables of what was and what will be, and folds the rest away", () => {
    const markdown = renderMarkdown(summarise("staging", recorded("preview-changes"), []));
    expect(markdown).toContain(
      "\n  | | before | after |\n  | --- | --- | --- |\n  | `replicas` | `1` | `2` |\n  | `memory limit (app)` | `256Mi` | `512Mi` |\n",
    );
    expect(markdown).toContain("#### Policy violations\n\n- **✗** `canary-bundle: Deployment");
    expect(markdown.indexOf("#### Policy violations")).toBeLessThan(markdown.indexOf("#### Environment canary"));
    expect(markdown).toMatch(
      /<details><summary>Everything else: 3<\/summary>\n\n- \*\*~\*\* `ConfigMap argo\/pipeline-parameters`[\s\S]*\n<\/details>\n/,
    );
  });

  it("says right after the marker what the update would lose", () => {
    const lines = renderMarkdown(summarise("staging", recorded("preview-changes"), [])).split("\n");
    expect(lines[1]).toMatch(/^\*\*✗\*\* `DATA LOSS: PersistentVolumeClaim .*`$/);
    expect(lines[3]).toBe("### Preview of staging");
  });

  it("lets nothing that a pull request wrote mention, link or mark up", () => {
    const hostile = "@everyone <img src=x> | `code` ``\n# title";
    const markdown = renderMarkdown(
      summarise(
        "staging",
        {
          ...nothing,
          changes: [change("x:y:Thing", { before: { a: "" }, after: { a: hostile.replace("\n", " ") } })],
          warnings: [hostile],
        },
        [],
      ),
    );
    expect(markdown).toContain('  | `a` | `""` | ``` @everyone <img src=x> \\| `code` `` # title ``` |');
    expect(markdown).toContain("- **!** ``` @everyone <img src=x> | `code` `` ⏎ # title ```");
  });

  it("fits into a comment", () => {
    const many = [...Array(2000).keys()].map((index) =>
      change("x:y:Thing", {
        urn: `urn:pulumi:s::p::x:y:Thing::thing-${index}`,
        before: { a: "x".repeat(30) },
        after: { a: "y".repeat(30) },
      }),
    );
    const markdown = renderMarkdown(summarise("staging", { ...nothing, changes: many }, []));
    expect(markdown.length).toBeLessThan(61_000);
    expect(markdown.endsWith("**Cut here:** run `npm run preview` to see all of it.\n")).toBe(true);
  });

  it("shows twenty-five properties of a change, and how many more there are", () => {
    const values = (value: number) => Object.fromEntries([...Array(30).keys()].map((key) => [`k${key}`, value]));
    expect(text(change("x:y:Thing", { before: values(1), after: values(2) }))).toContain(
      "k24  1 → 2\n      and 5 more",
    );
  });
});
