import { beforeAll, describe, expect, it } from "vitest";
import { submit } from "../../client/workflows";
import { signers } from "../../components/pipeline/signing-keys";
import { restrictedContainer, restrictedPod } from "../../components/shared/security";
import { type SigningKey, signingKeyNames, signingKeySecret } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import { deleteWorkflow, followToEnd } from "./faults";
import { environment, expectSettled, lastRelease, releases, status, workflowsPath } from "./observations";

interface Question {
  readonly verb: string;
  readonly resource: string;
  readonly group?: string;
  readonly namespace: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** What the API server would allow a ServiceAccount of the namespace argo: `kubectl auth can-i --as`. */
async function can(account: string, question: Question): Promise<boolean> {
  const user = `system:serviceaccount:argo:${account}`;
  const groups = ["system:serviceaccounts", "system:serviceaccounts:argo", "system:authenticated"];
  const body = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: { user, groups, resourceAttributes: question },
  };
  return (
    await connect().api<{ status: { allowed: boolean } }>("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      method: "POST",
      body,
    })
  ).status.allowed;
}

const environments = ["staging", "canary", "production"];
const namespaces = [
  "argo",
  "argocd",
  "kube-system",
  "gourmetgram-platform",
  "default",
  ...environments.map((name) => `gourmetgram-${name}`),
];
const argo = (verb: string, resource: string, namespace: string, name?: string): Question => ({
  group: "argoproj.io",
  verb,
  resource,
  namespace,
  name,
});

/**
 * What each account may do: release to environments, look at them, start Workflows, read the freeze. `pods`: where it
 * sees the pods, if that is not wherever it looks.
 */
const rights: Record<
  string,
  { releases: string[]; looks: string[]; pods?: string[]; starts: boolean; freeze: boolean }
> = {
  "train-model": { releases: [], looks: [], starts: true, freeze: false },
  "build-container-image": { releases: [], looks: ["staging"], starts: true, freeze: false },
  "deploy-container-image": { releases: ["staging"], looks: ["staging"], starts: false, freeze: false },
  "test-staging": { releases: [], looks: ["staging"], starts: true, freeze: false },
  "promote-model": { releases: ["canary", "production"], looks: environments, starts: false, freeze: true },
  "revert-staging": { releases: ["staging"], looks: environments, starts: false, freeze: false },
  "restore-releases": {
    releases: ["canary", "production"],
    looks: ["canary", "production"],
    starts: false,
    freeze: false,
  },
  "shift-traffic": {
    releases: ["canary"],
    looks: ["canary", "production"],
    pods: ["canary"],
    starts: false,
    freeze: true,
  },
  "collect-old-versions": { releases: [], looks: environments, starts: false, freeze: false },
  notify: { releases: [], looks: [], starts: false, freeze: true },
  // A stack that watches for data drift lets it look at production.
  "watch-data-drift": { releases: [], looks: [], starts: true, freeze: false },
  // It may read the four signing keys, and make one that is gone.
  "signing-keys": { releases: [], looks: [], starts: false, freeze: false },
  default: { releases: [], looks: [], starts: false, freeze: false },
};

describe("Given the ServiceAccounts of the workflows", () => {
  it("When they are counted, Then none has come that this table does not know", async () => {
    const { items } = await connect().api<{ items: { metadata: { name: string } }[] }>(
      "/api/v1/namespaces/argo/serviceaccounts",
    );
    expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(
      [...Object.keys(rights), "argo", "argo-server"].sort(),
    );
  });

  it.each(Object.entries(rights))(
    "When %s asks for more than its own rights, Then the API server refuses",
    async (account, accountRights) => {
      const allowed = async (question: Question, wanted: boolean) =>
        expect([question, await can(account, question)]).toEqual([question, wanted]);
      for (const name of environments) {
        await allowed(
          argo("patch", "applications", "argocd", `gourmetgram-${name}`),
          accountRights.releases.includes(name),
        );
        await allowed(argo("get", "applications", "argocd", `gourmetgram-${name}`), accountRights.looks.includes(name));
        await allowed(
          { verb: "list", resource: "pods", namespace: `gourmetgram-${name}` },
          (accountRights.pods ?? accountRights.looks).includes(name),
        );
      }
      await allowed(argo("create", "workflows", "argo"), accountRights.starts);
      // Whoever releases says what it put right; `notify` says all else. Nobody reads what others said.
      await allowed(
        { verb: "create", resource: "events", namespace: "argocd" },
        accountRights.releases.length > 0 || account === "notify",
      );
      await allowed({ verb: "list", resource: "events", namespace: "argocd" }, false);
      await allowed(
        { verb: "get", resource: "configmaps", namespace: "argo", name: "promotion-freeze" },
        accountRights.freeze,
      );
      // What none may.
      for (const verb of ["patch", "update", "delete"]) {
        await allowed(argo(verb, "workflows", "argo", "other"), false);
        await allowed(argo(verb, "workflowtemplates", "argo", "promote-model"), false);
        await allowed({ verb, resource: "configmaps", namespace: "argo", name: "promotion-freeze" }, false);
        for (const name of ["pipeline-steps", "pipeline-gates", "pipeline-lib"])
          await allowed({ verb, resource: "configmaps", namespace: "argo", name }, false);
      }
      await allowed(argo("patch", "applications", "argocd", "another"), false);
      await allowed(argo("create", "applications", "argocd"), false);
      for (const namespace of namespaces) {
        await allowed({ verb: "get", resource: "secrets", namespace, name: "any" }, false);
        await allowed({ verb: "list", resource: "secrets", namespace }, false);
        await allowed({ verb: "create", resource: "pods", namespace }, false);
        await allowed({ verb: "create", resource: "pods", subresource: "exec", namespace }, false);
        await allowed({ verb: "create", resource: "serviceaccounts", subresource: "token", namespace }, false);
        await allowed({ verb: "patch", resource: "deployments", group: "apps", namespace }, false);
        await allowed(
          { verb: "create", resource: "rolebindings", group: "rbac.authorization.k8s.io", namespace },
          false,
        );
        if (namespace !== "argo") await allowed(argo("create", "workflows", namespace), false);
      }
      for (const resource of ["namespaces", "nodes"]) await allowed({ verb: "list", resource, namespace: "" }, false);
      await allowed({ verb: "impersonate", resource: "users", namespace: "" }, false);
    },
  );
});

describe("Given the signing keys", () => {
  const secrets = signingKeyNames.map(signingKeySecret);
  const mounts = (serviceAccountName: string, secretName: string) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "key-reader", namespace: "argo" },
    spec: {
      serviceAccountName,
      securityContext: restrictedPod,
      containers: [{ name: "read", image: "example.test/read", securityContext: restrictedContainer }],
      volumes: [{ name: "key", secret: { secretName } }],
    },
  });
  /** What the API server says of a pod that nobody starts. */
  const tried = (pod: object) =>
    connect()
      .api("/api/v1/namespaces/argo/pods?dryRun=All", { method: "POST", body: pod })
      .then(
        () => "",
        (error: Error) => error.message,
      );

  it("When accounts ask for them, Then none but that of the Job that makes them may read one", async () => {
    for (const account of Object.keys(rights))
      for (const name of secrets) {
        const question = { verb: "get", resource: "secrets", namespace: "argo", name };
        expect([account, name, await can(account, question)]).toEqual([account, name, account === "signing-keys"]);
      }
  });

  it("When a pod mounts one, Then it is refused under any account but those that sign with it", async () => {
    for (const [key, templates] of Object.entries(signers))
      for (const account of Object.keys(rights)) {
        const refusal = await tried(mounts(account, signingKeySecret(key as SigningKey)));
        const isAllowed = templates.includes(account);
        expect([account, key, refusal.includes("a signing key is mounted by the pods")]).toEqual([
          account,
          key,
          !isAllowed,
        ]);
        if (isAllowed) expect(refusal).toBe("");
      }
  });
});

describe("Given the admission of Workflows", () => {
  const parent = { "gourmetgram.io/parent": "x" };
  const parameters = (...values: [string, string][]) => ({
    arguments: { parameters: values.map(([name, value]) => ({ name, value })) },
  });
  const itsOwnSteps = {
    entrypoint: "main",
    serviceAccountName: "promote-model",
    templates: [{ name: "main", container: { image: "x", command: ["true"] } }],
  };
  const cases: [string, string | null, string, object, object, string][] = [
    [
      "test-staging promotes to production",
      "test-staging",
      "promote-model",
      { labels: parent },
      parameters(["target-environment", "production"]),
      "the pipeline promotes to canary only",
    ],
    [
      "test-staging leaves the target to the default",
      "test-staging",
      "promote-model",
      { labels: parent },
      {},
      "the pipeline promotes to canary only",
    ],
    [
      "test-staging names the target twice",
      "test-staging",
      "promote-model",
      { labels: parent },
      parameters(["target-environment", "canary"], ["target-environment", "production"]),
      "the pipeline promotes to canary only",
    ],
    [
      "build-container-image promotes",
      "build-container-image",
      "promote-model",
      { labels: parent },
      parameters(["target-environment", "canary"]),
      "build-container-image may not start promote-model",
    ],
    [
      "train-model reverts",
      "train-model",
      "revert-staging",
      { labels: parent },
      {},
      "train-model may not start revert-staging",
    ],
    [
      "a person goes round the lock",
      null,
      "revert-staging",
      {},
      { entrypoint: "under-lock" },
      "every other way into a workflow than main goes round its lock",
    ],
    [
      "a person goes round the lock of promotions",
      null,
      "promote-model",
      {},
      { entrypoint: "promote" },
      "every other way into a workflow than main goes round its lock",
    ],
    ["a person poses as the pipeline", null, "revert-staging", { labels: parent }, {}, "leave it out"],
    [
      "a person poses as somebody else",
      null,
      "promote-model",
      { annotations: { "gourmetgram.io/submitted-by": "director" } },
      {},
      "the annotation gourmetgram.io/submitted-by must be ",
    ],
    [
      "a person poses as a schedule",
      null,
      "revert-staging",
      { labels: { "workflows.argoproj.io/cron-workflow": "cron-revert-staging" } },
      {},
      "says that a schedule started a workflow: leave it out",
    ],
  ];
  it.each(cases)(
    "When %s, Then it is refused, and nothing runs",
    async (_title, account, template, metadata, spec, sentence) => {
      const body = {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Workflow",
        metadata: { generateName: "attack-", namespace: "argo", ...metadata },
        spec: { workflowTemplateRef: { name: template }, ...spec },
      };
      const as: Record<string, string> = account ? { "impersonate-user": `system:serviceaccount:argo:${account}` } : {};
      await expect(connect().api(workflowsPath, { method: "POST", body, headers: as })).rejects.toThrow(sentence);
    },
  );

  it.each([
    ["what Argo would run in the place of the template", { storedWorkflowTemplateSpec: itsOwnSteps }],
    ["steps that have run", { nodes: { gates: { id: "gates", phase: "Succeeded" } } }],
  ])("When a new Workflow brings %s in its status, Then it is refused", async (_title, status) => {
    const body = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: { generateName: "attack-", namespace: "argo" },
      spec: { workflowTemplateRef: { name: "promote-model" } },
      status,
    };
    await expect(connect().api(workflowsPath, { method: "POST", body })).rejects.toThrow(
      "a workflow begins without a status: leave it out",
    );
  });

  it("When a client sends a status as Argo's own do, Then the Workflow runs its template", async () => {
    const stored = {
      "namespaced/restore-releases/main": { name: "main", container: { image: "x", command: ["false"] } },
    };
    const body = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: { name: "empty-status", namespace: "argo" },
      spec: { workflowTemplateRef: { name: "restore-releases" } },
      status: { startedAt: null, finishedAt: null, storedTemplates: stored },
    };
    await connect().api(workflowsPath, { method: "POST", body });
    const phase = async () =>
      (await connect().api<{ status?: { phase?: string } }>(`${workflowsPath}/empty-status`)).status?.phase;
    await expect.poll(phase, { timeout: 240_000 }).toBe("Succeeded");
    for (const change of [
      { storedWorkflowTemplateSpec: { serviceAccountName: "promote-model" } },
      { storedTemplates: { "namespaced/restore-releases/main": itsOwnSteps.templates[0] } },
    ])
      await expect(
        connect().api(`${workflowsPath}/empty-status`, {
          method: "PATCH",
          headers: { "content-type": "application/merge-patch+json" },
          body: { status: change },
        }),
      ).rejects.toThrow("what a workflow runs does not change");
    await deleteWorkflow("empty-status");
  });

  it("When a Workflow has steps of its own, Then the controller refuses it", async () => {
    const spec = itsOwnSteps;
    const body = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: { name: "own-steps", namespace: "argo" },
      spec,
    };
    await connect().api(workflowsPath, { method: "POST", body });
    await expect
      .poll(
        async () => (await connect().api<{ status?: { phase?: string } }>(`${workflowsPath}/own-steps`)).status?.phase,
        { timeout: 20_000 },
      )
      .toBe("Error");
    await connect().api(`${workflowsPath}/own-steps`, { method: "DELETE" });
  });
});

const hostile = [
  "1; rm -rf /",
  "../../x",
  "$(id)",
  "1\n2",
  "x".repeat(10_000),
  "\u0661\u0662",
  "-1",
  "kube-system",
  "{{workflow.uid}}",
  "{{=sprig.env('HOME')}}",
  "\u0000",
  "\u200b7",
];

describe("Given hostile input", () => {
  let before: unknown;
  const seen = async () => (await status()).environments.map(({ name, version, digest }) => [name, version, digest]);
  beforeAll(async () => {
    before = await seen();
  });

  it.each([
    ["the API: build-container-image", "build-container-image", "model-version"],
    ["the API: promote-model", "promote-model", "model-version"],
    ["the API: revert-staging", "revert-staging", "failed-version"],
    ["the API: deploy-container-image", "deploy-container-image", "digest"],
  ])(
    "When it comes by %s, Then each is refused with one sentence, and nothing is done",
    async (_title, template, parameter) => {
      const records = (await releases()).length;
      const pipelineRuns = await Promise.all(
        hostile.map(
          async (value) =>
            [
              value,
              await submit(connect(), template, {
                ...(template === "deploy-container-image" && { "model-version": "1" }),
                [parameter]: value,
              }),
            ] as const,
        ),
      );
      for (const [value, pipelineRun] of pipelineRuns) {
        const { exitCode, sentence } = await followToEnd(pipelineRun);
        expect([value, exitCode]).toEqual([value, 2]);
        expect(sentence.length).toBeLessThan(700);
        expect(sentence).toMatch(
          new RegExp(
            "is not a model version: give a positive whole number such as 7\\.|" +
              "is not an image digest: give sha256: and 64 hexadecimal digits\\.|" +
              "invalid JSON|failed to|unable to",
          ),
        );
      }
      expect((await releases()).length).toBe(records);
      expect(await seen()).toEqual(before);
    },
  );

  it("When it is no scenario, Then nothing is trained", async () => {
    for (const value of ["1; rm -rf /", "../../x", "Normal"]) {
      const { exitCode, sentence } = await followToEnd(await submit(connect(), "train-model", { scenario: value }));
      expect(exitCode).toBe(2);
      expect(sentence).toContain("is not one of normal, bad-architecture, oversized, slow, flaky, worse, drifting.");
    }
  });

  it.each([
    ["train", ["1; rm -rf /"]],
    ["train", ["$(id)"]],
    ["promote", ["../../x", "canary", "production"]],
    ["promote", ["-1", "canary", "production"]],
    ["promote", ["5", "kube-system", "production"]],
    ["freeze", ["two\nlines"]],
    ["history", ["--at", "$(id)", "production"]],
    ["history", ["kube-system"]],
  ])("When it comes by npm run %s, Then it is refused with one sentence: %j", async (command, args) => {
    const { code, output } = await npm("run", command, "--", ...args);
    expect(code).not.toBe(0);
    expect(output.trim().split("\n").length).toBeLessThanOrEqual(2);
  });
});

describe("Given a person with a token and nothing but Argo's page", () => {
  it("When he submits promote-model there, Then it is promoted, and his name is on record", async () => {
    const core = "/api/v1/namespaces/argo/serviceaccounts";
    const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/argo";
    const metadata = { name: "student", namespace: "argo" };
    const rules = [
      {
        apiGroups: ["argoproj.io"],
        resources: ["workflows", "workflowtemplates"],
        verbs: ["create", "get", "list", "watch"],
      },
    ];
    await connect().api(core, { method: "POST", body: { apiVersion: "v1", kind: "ServiceAccount", metadata } });
    await connect().api(`${rbac}/roles`, {
      method: "POST",
      body: { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, rules },
    });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "student" };
    const subjects = [{ kind: "ServiceAccount", ...metadata }];
    await connect().api(`${rbac}/rolebindings`, {
      method: "POST",
      body: { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata, roleRef, subjects },
    });
    try {
      const { status: token } = await connect().api<{ status: { token: string } }>(`${core}/student/token`, {
        method: "POST",
        body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
      });
      const version = (await environment("canary")).version!;
      const submitOptions = {
        parameters: [
          `model-version=${version.replace("1.0.", "")}`,
          "source-environment=canary",
          "target-environment=production",
        ],
        labels: "",
      };
      const call = (authorization: Record<string, string>) =>
        fetch(`${statusUrl}/api/v1/workflows/argo/submit`, {
          method: "POST",
          headers: { "content-type": "application/json", ...authorization },
          body: JSON.stringify({ resourceKind: "WorkflowTemplate", resourceName: "promote-model", submitOptions }),
        });
      const statusUrl = (await status()).urls.argoWorkflows;
      expect((await call({})).status).toBe(401);
      const answer = await call({ authorization: `Bearer ${token.token}` });
      expect(answer.status).toBe(200);
      const { metadata: made } = (await answer.json()) as { metadata: { name: string } };
      await expect
        .poll(
          async () =>
            (await connect().api<{ status?: { phase?: string } }>(`${workflowsPath}/${made.name}`)).status?.phase,
          { timeout: 90_000, interval: 500 },
        )
        .toBe("Succeeded");
      await expectSettled({ production: version, canary: version });
      expect(await lastRelease("production")).toMatchObject({
        action: "promote",
        outcome: "promoted",
        version,
        workflow: made.name,
      });
      expect((await lastRelease("production")).requestedBy).toMatch(/student/);
    } finally {
      for (const path of [`${rbac}/rolebindings/student`, `${rbac}/roles/student`, `${core}/student`])
        await connect().api(path, { method: "DELETE" });
    }
  });
});

describe("Given the pods of the pipeline", () => {
  interface Container {
    name: string;
    securityContext?: Record<string, unknown>;
  }
  interface Pod {
    metadata: { name: string };
    spec: {
      automountServiceAccountToken?: boolean;
      securityContext: Record<string, unknown>;
      containers: Container[];
      initContainers?: Container[];
      volumes?: { hostPath?: object }[];
    };
  }

  it("When they are looked at, Then each runs restricted", async () => {
    for (const [namespace, selector] of [
      ["argo", "workflows.argoproj.io/workflow"],
      ...environments.map((name) => [`gourmetgram-${name}`, `app=gourmetgram-${name}`]),
    ]) {
      const { items } = await connect().api<{ items: Pod[] }>(
        `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`,
      );
      expect(items.length).toBeGreaterThan(0);
      for (const { metadata, spec } of items) {
        expect(spec.securityContext, metadata.name).toMatchObject({
          runAsNonRoot: true,
          seccompProfile: { type: "RuntimeDefault" },
        });
        expect((spec.volumes ?? []).filter(({ hostPath }) => hostPath)).toEqual([]);
        for (const { name, securityContext } of [...spec.containers, ...(spec.initContainers ?? [])])
          expect(securityContext, `${metadata.name} ${name}`).toMatchObject(restrictedContainer);
        if (namespace !== "argo") expect(spec.automountServiceAccountToken).toBe(false);
      }
    }
  });

  it("When a step never calls the cluster, Then its container has no token", async () => {
    const { items } = await connect().api<{
      items: {
        metadata: { annotations?: Record<string, string> };
        spec: { containers: { name: string; volumeMounts: { name: string; mountPath: string }[] }[] };
      }[];
    }>("/api/v1/namespaces/argo/pods?labelSelector=workflows.argoproj.io%2Fworkflow");
    const token = "/var/run/secrets/kubernetes.io/serviceaccount";
    const mounts = items.flatMap(({ metadata, spec }) => {
      const step = metadata
        .annotations!["workflows.argoproj.io/node-name"].replace(/^.*\./, "")
        .replace(/\(\d+\)$/, "");
      const main = spec.containers.find(({ name }) => name === "main")!;
      return ["train", "build", "integration"].includes(step)
        ? [main.volumeMounts.find(({ mountPath }) => mountPath === token)?.name]
        : [];
    });
    expect(mounts.length).toBeGreaterThan(0);
    expect(new Set(mounts)).toEqual(new Set(["no-token"]));
  });

  it.each(["argo", ...environments.map((name) => `gourmetgram-${name}`)])(
    "When a privileged pod is sent to %s, Then it is refused",
    async (namespace) => {
      const pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "privileged" },
        spec: { containers: [{ name: "main", image: "x", securityContext: { privileged: true } }] },
      };
      await expect(
        connect().api(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, { method: "POST", body: pod }),
      ).rejects.toThrow('violates PodSecurity "restricted');
    },
  );
});
