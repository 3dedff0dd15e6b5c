import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readWorkflows } from "../../components/pipeline/workflow-files";

const folder = join(__dirname, "../../workflows");
const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
const text = (file: string) => readFileSync(join(folder, file), "utf8");
const token = "/var/run/secrets/kubernetes.io/serviceaccount";
const manifests: any[] = readWorkflows(folder);
const templates = manifests.filter(({ kind }) => kind === "WorkflowTemplate");
const all = templates.flatMap(({ metadata, spec }) =>
  spec.templates.map((template: any) => ({ workflow: metadata.name, spec, ...template })),
);
const pods = all.filter(({ container }) => container);
const steps = all.flatMap(({ workflow, name, steps: groups = [] }) =>
  groups.flat().map((step: any) => ({ workflow, template: name, ...step })),
);
/** Deadlines of a pod in seconds: its template's, or what each step that runs it says, or leaves to the template. */
function deadlines(pod: any): number[] {
  const callers = steps.filter((step) => step.workflow === pod.workflow && step.template === pod.name);
  return callers.map((step) => deadline(pod, step));
}
function deadline({ activeDeadlineSeconds, inputs }: any, step?: any): number {
  if (activeDeadlineSeconds !== "{{inputs.parameters.seconds}}") return activeDeadlineSeconds;
  const given = [...(step?.arguments?.parameters ?? []), ...inputs.parameters].find(
    ({ name }: any) => name === "seconds",
  );
  return Number(given.value);
}
/** The entry point that a pod runs: `deploy` for `python3 -m steps.deploy`. */
const step = (pod: any): string => pod.container.command[2].replace(/^steps\./, "");
const source = (path: string) => readFileSync(join(folder, `${path}.py`), "utf8");
const modules = (room: string) => readdirSync(join(folder, room)).flatMap((file) => /^(.+)\.py$/.exec(file)?.[1] ?? []);
const label = ({ workflow, name }: any) => `${workflow}/${name}`;
const named = (list: any[]) => list.map((one) => [label(one), one] as const);

it("refers to no template of another file: Argo would read it from the status, which a person may send with it", () => {
  expect(all.length).toBeGreaterThan(20);
  expect(steps.filter(({ templateRef }) => templateRef)).toEqual([]);
});

it("holds the workflows that the document names, and those that recover, each in a file of its name", () => {
  expect(manifests.map(({ kind, metadata }) => [`${metadata.name}.yaml`, kind])).toEqual([
    ["build-container-image.yaml", "WorkflowTemplate"],
    ["collect-old-versions.yaml", "WorkflowTemplate"],
    ["cron-collect-old-versions.yaml", "CronWorkflow"],
    ["cron-notify.yaml", "CronWorkflow"],
    ["cron-restore-releases.yaml", "CronWorkflow"],
    ["cron-revert-staging.yaml", "CronWorkflow"],
    ["cron-shift-traffic.yaml", "CronWorkflow"],
    ["cron-train.yaml", "CronWorkflow"],
    ["cron-watch-data-drift.yaml", "CronWorkflow"],
    ["deploy-container-image.yaml", "WorkflowTemplate"],
    ["notify.yaml", "WorkflowTemplate"],
    ["promote-model.yaml", "WorkflowTemplate"],
    ["restore-releases.yaml", "WorkflowTemplate"],
    ["revert-staging.yaml", "WorkflowTemplate"],
    ["shift-traffic.yaml", "WorkflowTemplate"],
    ["test-staging.yaml", "WorkflowTemplate"],
    ["train-model.yaml", "WorkflowTemplate"],
    ["watch-data-drift.yaml", "WorkflowTemplate"],
  ]);
  const policies = ["admission-policy.yaml", "approval-policy.yaml", "signing-key-policy.yaml"];
  const others = [...policies, "approval-crd.yaml", "workflow-defaults.yaml"];
  expect(files.filter((file) => !others.includes(file))).toEqual(
    manifests.map(({ metadata }) => `${metadata.name}.yaml`),
  );
});

it("recovers and watches on a schedule, never two at once, by what needs no parameter", () => {
  for (const [name, minutes] of Object.entries({ "restore-releases": 10, "revert-staging": 10, "shift-traffic": 2 })) {
    const { spec } = manifests.find(({ metadata }) => metadata.name === `cron-${name}`)!;
    expect(spec).toMatchObject({
      concurrencyPolicy: "Forbid",
      schedules: [`*/${minutes} * * * *`],
      workflowSpec: { workflowTemplateRef: { name } },
    });
    expect([spec.suspend, spec.workflowSpec.arguments]).toEqual([undefined, undefined]);
  }
});

it("tells people every ten minutes, never two at once, by what needs no parameter", () => {
  const { spec } = manifests.find(({ metadata }) => metadata.name === "cron-notify")!;
  expect(spec).toMatchObject({
    concurrencyPolicy: "Forbid",
    schedules: ["5-59/10 * * * *"],
    successfulJobsHistoryLimit: 1,
    workflowSpec: { workflowTemplateRef: { name: "notify" } },
  });
  expect([spec.suspend, spec.workflowSpec.arguments]).toEqual([undefined, undefined]);
});

it("makes room once a day, never two at once, by what needs no parameter", () => {
  const cron = manifests.find(({ metadata }) => metadata.name === "cron-collect-old-versions")!;
  expect(cron.spec).toMatchObject({
    concurrencyPolicy: "Forbid",
    schedules: [expect.stringMatching(/^\d+ \d+ \* \* \*$/)],
    timezone: "Etc/UTC",
    workflowSpec: { workflowTemplateRef: { name: "collect-old-versions" } },
  });
  expect([cron.spec.suspend, cron.spec.workflowSpec.arguments]).toEqual([undefined, undefined]);
  const { spec } = templates.find(({ metadata }) => metadata.name === "collect-old-versions");
  expect(spec.arguments.parameters).toMatchObject([{ name: "dry-run", enum: ["no", "yes"], value: "no" }]);
});

it("collects while nothing is tested or promoted, with both locks, each taken in the order of a pipeline run", () => {
  const steps = reach("collect-old-versions", "main");
  expect(steps.map(({ name, synchronization }) => [name, synchronization?.mutexes])).toEqual([
    ["main", [{ name: "staging" }]],
    ["locked", [{ name: "promotion" }]],
    ["collect", undefined],
  ]);
});

it("trains on a schedule, never two at once", () => {
  const cron = manifests.find(({ metadata }) => metadata.name === "cron-train")!;
  expect(cron.spec).toMatchObject({
    concurrencyPolicy: "Forbid",
    suspend: true,
    workflowSpec: { workflowTemplateRef: { name: "train-model" } },
  });
  expect(cron.spec.schedules).toHaveLength(1);
  expect(cron.spec.timezone).toBeTruthy();
});

describe.each(templates.map((one) => [one.metadata.name, one]))("%s", (name, { spec }) => {
  it("acts under its own account, for a limited time, and is kept for days", () => {
    expect(spec.serviceAccountName).toBe(name);
    expect(spec.activeDeadlineSeconds).toBeGreaterThan(0);
    expect(spec.ttlStrategy.secondsAfterSuccess).toBeGreaterThanOrEqual(86400);
    expect(spec.podGC).toBeUndefined();
  });

  it("runs its pods restricted", () => {
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(spec.templateDefaults.container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    const names = spec.volumes.map(({ name }: any) => name);
    const optional = ["no-token", "signing-key", settings.name].filter((name) => names.includes(name));
    expect(names).toEqual(["tmp", "steps", "gates", "lib", "pictures", "public-keys", ...optional]);
    expect(spec.volumes[0].emptyDir.sizeLimit).toBeTruthy();
  });

  it("fits inside the deadline of whatever waits for it", () => {
    for (const pod of pods.filter(({ workflow }) => workflow === name))
      for (const seconds of deadlines(pod)) expect(spec.activeDeadlineSeconds).toBeGreaterThan(seconds);
  });
});

describe.each(named(pods))("%s", (_name, template: any) => {
  it("names its command, its deadline and an image of the stack", () => {
    expect(template.container.command).toEqual(["python3", "-m", `steps.${step(template)}`]);
    expect(modules("steps")).toContain(step(template));
    expect(template.container.args).toBeUndefined();
    expect(deadlines(template).length).toBeGreaterThan(0);
    for (const seconds of deadlines(template)) expect(seconds).toBeGreaterThan(0);
    const [, input] = /^\{\{inputs\.parameters\.((?:tools|train)-image)\}\}$/.exec(template.container.image)!;
    const source = template.inputs.parameters.find((one: any) => one.name === input).valueFrom.configMapKeyRef;
    expect(source).toEqual({ name: "pipeline-parameters", key: input });
  });

  it("keeps the restricted security context and has its limits", () => {
    expect(template.container.securityContext).toBeUndefined();
    const resources = template.container.resources ?? template.spec.templateDefaults.container.resources;
    expect(resources).toMatchObject({
      requests: { cpu: expect.any(String), memory: expect.any(String) },
      limits: { memory: expect.any(String) },
    });
  });

  it("has the account's token only where its step calls the cluster", () => {
    const mounts = [
      {
        name: "no-token",
        mountPath: step(template) === "run_gate" ? "{{inputs.parameters.no-token-at}}" : token,
        readOnly: true,
      },
    ];
    const named: string[] = [signingKey.name, settings.name];
    const others = (template.container.volumeMounts ?? []).filter(({ name }: any) => !named.includes(name));
    expect(others).toEqual(reachesCluster(step(template)) ? [] : mounts);
  });

  it("sees the stack's settings change only where it watches for longer than a change may wait", () => {
    const mounted = (template.container.volumeMounts ?? []).filter(({ name }: any) => name === settings.name);
    expect(mounted).toEqual(step(template) === "shift_traffic" ? [settings] : []);
  });

  it("has a key to sign with only where its step signs, as a file that only its group reads", () => {
    const mounted = (template.container.volumeMounts ?? []).filter(({ name }: any) => name === signingKey.name);
    expect(mounted).toEqual(signs(step(template)) ? [signingKey] : []);
    const volume = template.spec.volumes.find(({ name }: any) => name === signingKey.name);
    if (signs(step(template))) expect(volume.secret.defaultMode).toBe(0o440);
  });

  it("runs again only if its pod was lost or evicted, or its need unreachable, and not past its deadline", () => {
    const again = {
      limit: 100,
      retryPolicy: "Always",
      expression: "lastRetry.status == 'Error' || lastRetry.exitCode in ['75', '143']",
      backoff: { duration: "1s", factor: 2, cap: "30s", maxDuration: `${template.activeDeadlineSeconds}s` },
    };
    expect(template.retryStrategy).toEqual(template.name === "train" ? undefined : again);
  });

  it("says why it failed", () => {
    // Where one output has no file and no default, Argo keeps none of them, the reason included.
    for (const { valueFrom } of template.outputs.parameters) expect(typeof valueFrom.default).toBe("string");
    const reason = template.outputs.parameters.find(({ name }: any) => name === "reason");
    expect(reason.valueFrom).toEqual({ path: "/tmp/reason", default: "" });
  });

  it("is no entrypoint itself: an argument of the same name would replace its image", () => {
    expect([template.spec.entrypoint, template.spec.onExit, "under-lock"]).not.toContain(template.name);
  });

  it("has a default for every output that a skipped step leaves open", () => {
    const skippable = steps.some(
      (step) => step.workflow === template.workflow && step.template === template.name && step.when,
    );
    for (const { valueFrom } of skippable ? (template.outputs?.parameters ?? []) : [])
      expect(valueFrom.default).toBeDefined();
  });
});

/** Where a step sees the settings of its stack as they are now. */
const settings = { name: "settings", mountPath: "/settings", readOnly: true };
const signingKey = { name: "signing-key", mountPath: "/keys/private", readOnly: true };

/** Whether an entry point signs, or the training flow that it runs. */
function signs(name: string): boolean {
  const withdraws = ["shift_traffic", "abort_canary", "restore"];
  if (["run_training", ...withdraws].includes(name)) return true;
  return source(`steps/${name}`).includes("signing_keys.mounted()");
}

/** Whether an entry point calls kubectl by itself; a gate may: its step in the template says so. */
function reachesCluster(name: string): boolean {
  return !["run_training", "build_image", "run_gate"].includes(name);
}

it("passes values by environment alone, never into a command or a script", () => {
  const withoutEnv = (container: any) =>
    JSON.stringify({ ...container, env: undefined, image: undefined, volumeMounts: undefined });
  for (const { container } of pods) expect(withoutEnv(container)).not.toContain("{{");
  for (const template of all)
    expect([template.script, template.resource, template.http, template.plugin]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
});

it("quotes both operands of every condition", () => {
  const conditions = steps.filter(({ when }) => when);
  expect(conditions.length).toBeGreaterThan(0);
  const word = "'(?:\\{\\{=?[^}]+\\}\\}|[\\w-]+)'";
  const comparison = `${word} [!=]= ${word}`;
  for (const { when } of conditions)
    expect(when.replace(/[()](?![^{]*\}\})/g, "")).toMatch(
      new RegExp(`^${comparison}(?: (?:&&|\\|\\|) ${comparison})*$`),
    );
});

it("names no image, no namespace and no registry", () => {
  for (const file of files)
    expect(text(file)).not.toMatch(/:latest|@sha256|docker\.io|quay\.io|:5000|^ {2}namespace:/m);
});

it("takes locks in their plural form, and a child never takes the one that its parent holds", () => {
  for (const file of files) expect(text(file)).not.toMatch(/\b(mutex|semaphore|schedule):/);
  const holders = all.filter(({ synchronization }) => synchronization);
  const locks = holders.map((one) => [label(one), one.synchronization.mutexes.map(({ name }: any) => name).join()]);
  expect(Object.fromEntries(locks)).toEqual({
    "build-container-image/release": "staging",
    "build-container-image/locked-exit-handler": "staging",
    "collect-old-versions/main": "staging",
    "collect-old-versions/locked": "promotion",
    "deploy-container-image/main": "staging",
    "notify/main": "notifications",
    "promote-model/locked-promote": "promotion",
    "promote-model/locked-restore": "promotion",
    "restore-releases/main": "promotion",
    "revert-staging/main": "staging",
    "shift-traffic/main": "traffic",
    "shift-traffic/locked-abort": "promotion",
    "test-staging/main": "staging",
    "test-staging/locked-exit-handler": "staging",
    "watch-data-drift/main": "data-drift",
  });
  // What the steps start goes in by `under-lock`; that way leads to no lock.
  for (const name of ["deploy-container-image", "test-staging", "revert-staging"]) {
    const reachable = reach(name, "under-lock");
    expect(reachable.length).toBeGreaterThan(1);
    for (const template of reachable) expect(template.synchronization).toBeUndefined();
  }
});

function reach(workflow: string, name: string): any[] {
  const template = all.find((one) => one.workflow === workflow && one.name === name);
  return [template, ...(template.steps ?? []).flat().flatMap((step: any) => reach(workflow, step.template))];
}

it("continues past a failed step in one place only: a deployment that the gates explain", () => {
  const lenient = steps.filter(({ continueOn }) => continueOn).map(({ workflow, name }) => `${workflow}/${name}`);
  expect(lenient).toEqual(["build-container-image/deploy"]);
});

describe("the gates", () => {
  const { steps: groups } = all.find((one) => label(one) === "test-staging/gates");
  const gates = groups.slice(0, -1);

  it("are one step each, alike but for the name, the time and the token", () => {
    const first = { template: "gate" };
    const undecided = "'{{=all(values(steps), #.outputs.parameters.decided == 'no')}}' == 'true'";
    // Before the first step has ended Argo knows no steps, and would wait for them for ever.
    for (const [index, [{ name, arguments: given, ...rest }, ...beside]] of gates.entries()) {
      expect(rest).toEqual(index === 0 ? first : { ...first, when: undecided });
      expect(given.parameters[0]).toEqual({ name: "gate", value: name });
      expect(
        given.parameters.map((one: any) => one.name).filter((one: string) => !["seconds", "no-token-at"].includes(one)),
      ).toEqual(["gate"]);
      expect(beside).toEqual([]);
    }
  });

  it("have the account's token only where they call the cluster", () => {
    const { inputs } = all.find((one) => label(one) === "test-staging/gate");
    const at = (parameters: any[]) => parameters.find(({ name }) => name === "no-token-at")?.value;
    expect(at(inputs.parameters)).toBe(token);
    for (const [{ name, arguments: given }] of gates) {
      const calls = /\b(?:kubectl|child_workflows)\.|\brollout\.list_pods\(/.test(source(`gates/${name}`));
      expect([name, at(given.parameters)]).toEqual([name, calls ? "/no-token" : undefined]);
    }
  });

  it("are those whose modules are there", () => {
    expect(gates.map(([{ name }]: any) => name).sort()).toEqual(modules("gates").sort());
  });

  it("leave what is no pass, unless they say otherwise", () => {
    const { outputs } = all.find((one) => label(one) === "test-staging/gate");
    const defaults = Object.fromEntries(
      outputs.parameters.map(({ name, valueFrom }: any) => [name, valueFrom.default]),
    );
    expect(defaults).toEqual({ verdict: "inconclusive", decided: "yes", report: "", reason: "" });
    expect(outputs.parameters.filter(({ globalName }: any) => globalName)).toEqual([]);
  });

  it("lead to one of two acts, by every verdict and by none of their names", () => {
    const passed = "'{{=all(values(steps), #.outputs.parameters.verdict == 'pass')}}'";
    expect(groups.at(-1).map(({ name, template, when }: any) => [name, template, when])).toEqual([
      ["promote-on-success", "act", `${passed} == 'true'`],
      ["revert-on-failure", "act", `${passed} != 'true'`],
    ]);
    const names = new RegExp(`\\b(${gates.map(([{ name }]: any) => name).join("|")})\\b`);
    expect(JSON.stringify(groups.at(-1))).not.toMatch(names);
    for (const path of ["steps/act_on_verdict", "steps/run_gate", "lib/verdict"])
      expect(source(path)).not.toMatch(names);
  });
});

describe("deadlines: nobody gives up, and lets go of a lock, while a child still runs", () => {
  const margin = 120; // seconds for the controller to begin a child, and for a pod to start
  const workflow = (name: string) => templates.find(({ metadata }) => metadata.name === name).spec;
  const seconds = (name: string, template: string, step?: object): number => {
    const one = all.find((each) => each.workflow === name && each.name === template);
    if (one.container) return deadline(one, step);
    return one.steps.reduce(
      (sum: number, group: any[]) => sum + Math.max(...group.map((step) => seconds(name, step.template, step))),
      0,
    );
  };
  /** Until a workflow has ended for certain; its exit handler begins when its own deadline has passed. */
  const longest = (name: string) => {
    const { activeDeadlineSeconds, onExit } = workflow(name);
    return activeDeadlineSeconds + (onExit ? seconds(name, onExit) : 0);
  };
  const env = (pod: any, name: string) => pod.container.env.find((one: any) => one.name === name)?.value;
  const children: Record<string, (pod: any) => string[]> = {
    start_workflow: (pod) =>
      /^\{\{/.test(env(pod, "TEMPLATE"))
        ? steps
            .filter((step) => step.workflow === pod.workflow && step.template === pod.name)
            .map((step) => step.arguments.parameters.find(({ name }: any) => name === "template").value)
        : [env(pod, "TEMPLATE")],
    act_on_verdict: () => ["promote-model", "revert-staging"],
    exit_handler: () => ["revert-staging"],
  };
  const starters = pods.filter((pod) => children[step(pod)] && env(pod, "WAIT") !== "no");

  it("knows everything that starts a workflow", () => {
    const starting = modules("steps").filter((name) =>
      /child_workflows\.(start|manifest|revert_staging)\(/.test(source(`steps/${name}`)),
    );
    // It waits for no training that it starts.
    expect(starting.sort()).toEqual([...Object.keys(children), "watch_data_drift"].sort());
    expect(starters.map(label).sort()).toEqual([
      "build-container-image/exit-handler",
      "build-container-image/start",
      "test-staging/act",
      "test-staging/exit-handler",
    ]);
    expect(children.start_workflow(pods.find((pod) => label(pod) === "build-container-image/start"))).toEqual([
      "deploy-container-image",
      "test-staging",
    ]);
  });

  it.each(named(starters))(
    "%s waits longer than its child can take, and may run longer than it waits",
    (_name, pod: any) => {
      const wait = Number(env(pod, "CHILD_SECONDS"));
      for (const child of children[step(pod)](pod)) expect(wait, child).toBeGreaterThanOrEqual(longest(child) + margin);
      expect(pod.activeDeadlineSeconds).toBeGreaterThanOrEqual(wait + margin);
    },
  );

  it.each(templates.map(({ metadata, spec }) => [metadata.name, spec]))(
    "%s has time for its steps, one after the other",
    (name, spec) => {
      for (const entrypoint of [spec.entrypoint, "under-lock"].filter((one) =>
        spec.templates.some((template: any) => template.name === one),
      ))
        expect(spec.activeDeadlineSeconds).toBeGreaterThanOrEqual(seconds(name, entrypoint) + margin);
    },
  );

  it("ends a watch of canary before its deadline, by as much as a look with pictures may take", () => {
    const [shift] = pods.filter((pod) => step(pod) === "shift_traffic");
    expect(Number(env(shift, "WATCH_SECONDS"))).toBe(shift.activeDeadlineSeconds - 300);
    expect(env(shift, "WATCH_BEGAN")).toBe("{{workflow.creationTimestamp.s}}");
  });

  it("leaves room to wait for a lock: one that is held as long as it may be", () => {
    expect(workflow("promote-model").activeDeadlineSeconds).toBeGreaterThanOrEqual(
      seconds("promote-model", "main") + seconds("promote-model", "locked-promote"),
    );
    expect(workflow("build-container-image").activeDeadlineSeconds).toBeGreaterThanOrEqual(
      3 * seconds("build-container-image", "main"),
    );
  });

  it("gives every release the time that a roll-out may take, and a promotion the way back too", () => {
    const rollout = Number(/^MAX_TIMEOUT = (\d+)/m.exec(source("lib/rollout"))![1]);
    for (const [name, template, times] of [
      ["deploy-container-image", "deploy", 1],
      ["revert-staging", "revert", 1],
      ["promote-model", "promote", 2],
      ["promote-model", "restore", 1],
      ["restore-releases", "restore", 2],
    ] as const)
      expect(seconds(name, template)).toBeGreaterThanOrEqual(times * rollout + 300);
  });
});

it("reverts by hand with no parameters: every one has a default, and the lock is taken", () => {
  const { spec } = templates.find(({ metadata }) => metadata.name === "revert-staging");
  expect(spec.arguments.parameters.map(({ name, value }: any) => [name, value])).toEqual([
    ["failed-version", ""],
    ["reason", ""],
  ]);
  const main = spec.templates.find(({ name }: any) => name === spec.entrypoint);
  expect(main.inputs.parameters).toEqual([{ name: "failed-version" }, { name: "reason" }]);
  expect(main.synchronization.mutexes).toEqual([{ name: "staging" }]);
});
