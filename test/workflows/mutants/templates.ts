import type { Protections } from "./protection";

const mutex = (name: string) => `      synchronization:
        mutexes:
          - name: ${name}
`;
const retry = "lastRetry.status == 'Error' || lastRetry.exitCode in ['75', '143']";
const retryFor = (expression: string, seconds: number) => `expression: "${expression}"
        backoff: { duration: 1s, factor: 2, cap: 30s, maxDuration: ${seconds}s }`;

const locks =
  "structure.test.ts: takes locks in their plural form, and a child never takes the one that its parent holds";
const retries = (label: string) =>
  `structure.test.ts: ${label} runs again only if its pod was lost or evicted, or its need unreachable, ` +
  "and not past its deadline";
const deadlines = (what: string) =>
  `structure.test.ts: deadlines: nobody gives up, and lets go of a lock, while a child still runs ${what}`;
const waits = "waits longer than its child can take, and may run longer than it waits";
const rollOuts = deadlines("gives every release the time that a roll-out may take, and a promotion the way back too");
const limited = "acts under its own account, for a limited time, and is kept for days";
const recovers = "structure.test.ts: recovers and watches on a schedule, never two at once, by what needs no parameter";
const tells = "structure.test.ts: tells people every ten minutes, never two at once, by what needs no parameter";
const collects =
  "structure.test.ts: collects while nothing is tested or promoted, with both locks, each taken in the order of a " +
  "pipeline run";
const trains = "structure.test.ts: trains on a schedule, never two at once";
const ends = (workflow: string, entrypoint: string) =>
  `protections.test.ts: when it ends ${workflow}, begun at ${entrypoint}, makes good what it left undone`;
const left = "structure.test.ts: the gates leave what is no pass, unless they say otherwise";
const acts = "structure.test.ts: the gates lead to one of two acts, by every verdict and by none of their names";
const digests = "protections.test.ts: hands on the digest that was built, to every step that takes one";

/** What the workflows hold to, whatever their steps do. */
export const templates: Protections = {
  "build-container-image.yaml": [
    [
      "one model at a time is released to staging",
      `that was acted on\n${mutex("staging")}`,
      "that was acted on\n",
      locks,
    ],
    [
      "its exit handler waits for staging",
      `    - name: locked-exit-handler\n${mutex("staging")}`,
      "    - name: locked-exit-handler\n",
      locks,
    ],
    ["it makes good what it left undone", "  onExit: exit\n", "", ends("build-container-image", "main")],
    [
      "its exit handler runs wherever it did not succeed",
      "'{{workflow.status}}' != 'Succeeded'",
      "'{{workflow.status}}' == 'Failed'",
      ends("build-container-image", "main"),
    ],
    [
      "a condition compares text",
      "'{{workflow.status}}' != 'Succeeded'",
      "{{workflow.status}} != 'Succeeded'",
      "structure.test.ts: quotes both operands of every condition",
    ],
    [
      "it waits for staging behind others",
      "  activeDeadlineSeconds: 86400",
      "  activeDeadlineSeconds: 13500",
      deadlines("leaves room to wait for a lock: one that is held as long as it may be"),
    ],
    [
      "it waits until its children have ended",
      `value: "13380"`,
      `value: "1200"`,
      deadlines(`build-container-image/start ${waits}`),
    ],
    [
      "its build has no token of the cluster",
      "          - { name: no-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }\n",
      "",
      "structure.test.ts: build-container-image/build has the account's token only where its step calls the cluster",
    ],
    ["what is released is what was built", `"{{steps.build.outputs.parameters.digest}}"`, `""`, digests],
    [
      "a failed test is not passed over",
      "        - - name: test\n",
      "        - - name: test\n            continueOn: { failed: true }\n",
      "structure.test.ts: continues past a failed step in one place only: a deployment that the gates explain",
    ],
  ],
  "deploy-container-image.yaml": [
    ["it takes the lock on staging", mutex("staging"), "", locks],
    ["it runs again only where something was unreachable", retry, "true", retries("deploy-container-image/deploy")],
    ["it ends", "  activeDeadlineSeconds: 3600\n", "", `structure.test.ts: deploy-container-image ${limited}`],
    [
      "its step ends",
      "      activeDeadlineSeconds: 1200\n",
      "",
      "structure.test.ts: deploy-container-image/deploy names its command, its deadline and an image of the stack",
    ],
    ["a roll-out has its time", "      activeDeadlineSeconds: 1200\n", "      activeDeadlineSeconds: 600\n", rollOuts],
    [
      "it acts under its own account",
      "serviceAccountName: deploy-container-image",
      "serviceAccountName: default",
      `structure.test.ts: deploy-container-image ${limited}`,
    ],
    [
      "its step gets the digest that was built",
      `          - { name: DIGEST, value: "{{inputs.parameters.digest}}" }\n`,
      "",
      digests,
    ],
    [
      "values come by environment alone",
      "command: [python3, -m, steps.deploy]",
      `command: [python3, -m, steps.deploy, "{{inputs.parameters.digest}}"]`,
      "structure.test.ts: passes values by environment alone, never into a command or a script",
    ],
  ],
  "promote-model.yaml": [
    [
      "one promotion at a time",
      "          - name: promotion\n      inputs:",
      `          - name: "{{workflow.name}}"\n      inputs:`,
      locks,
    ],
    [
      "a restoration waits for the promotion",
      `    - name: locked-restore\n${mutex("promotion")}`,
      "    - name: locked-restore\n",
      locks,
    ],
    ["it makes good what it left undone", "  onExit: exit\n", "", ends("promote-model", "main")],
    [
      "it runs again only where something was unreachable",
      retryFor(retry, 2100),
      retryFor("true", 2100),
      retries("promote-model/promote"),
    ],
    [
      "a promotion has the time to go back",
      "      activeDeadlineSeconds: 2100",
      "      activeDeadlineSeconds: 1200",
      rollOuts,
    ],
  ],
  "collect-old-versions.yaml": [
    ["it waits for the test in staging", mutex("staging"), "", collects],
    ["it waits for the promotion", mutex("promotion"), "", collects],
    ["it runs again only where something was unreachable", retry, "true", retries("collect-old-versions/collect")],
  ],
  "notify.yaml": [
    [
      "no two send the same messages",
      mutex("notifications").replace("synchronization:", "synchronization: # two at once would send the same messages"),
      "",
      locks,
    ],
    ["it runs again only where something was unreachable", retry, "true", retries("notify/notify")],
  ],
  "cron-notify.yaml": [["no two run at once", "Forbid", "Allow", tells]],
  "restore-releases.yaml": [
    ["it waits for the promotion", mutex("promotion"), "", locks],
    ["it runs again only where something was unreachable", retry, "true", retries("restore-releases/restore")],
  ],
  "revert-staging.yaml": [
    [
      "it takes the lock on staging",
      mutex("staging"),
      "",
      "structure.test.ts: reverts by hand with no parameters: every one has a default, and the lock is taken",
    ],
    ["it runs again only where something was unreachable", retry, "true", retries("revert-staging/revert")],
  ],
  "shift-traffic.yaml": [
    [
      "a watch of canary ends before it is killed",
      '"6600"',
      '"6900"',
      deadlines("ends a watch of canary before its deadline, by as much as a look with pictures may take"),
    ],
  ],
  "test-staging.yaml": [
    ["it takes the lock on staging", `by hand: takes the lock on staging\n${mutex("staging")}`, "by hand\n", locks],
    [
      "its exit handler waits for staging",
      `    - name: locked-exit-handler\n${mutex("staging")}`,
      "    - name: locked-exit-handler\n",
      locks,
    ],
    [
      "it does not wait for the lock that is held for it",
      "    - name: under-lock #",
      `    - name: under-lock\n${mutex("staging")}      #`,
      locks,
    ],
    ["it makes good what it left undone", "  onExit: exit\n", "", ends("test-staging", "under-lock")],
    [
      "its exit handler takes the lock where nobody holds it",
      "'{{workflow.mainEntrypoint}}' != 'under-lock'",
      "'{{workflow.mainEntrypoint}}' == 'by-hand'",
      ends("test-staging", "main"),
    ],
    [
      "a gate that leaves nothing has not passed",
      "path: /tmp/verdict, default: inconclusive }",
      "path: /tmp/verdict, default: pass }",
      left,
    ],
    [
      "a gate that leaves nothing is the last",
      `path: /tmp/decided, default: "yes" }`,
      `path: /tmp/decided, default: "no" }`,
      left,
    ],
    [
      "no gate is asked when one has decided",
      `&undecided "'{{=all(`,
      `&undecided "'{{=any(`,
      "structure.test.ts: the gates are one step each, alike but for the name, the time and the token",
    ],
    [
      "a gate that asks no cluster has no token of it",
      "no-token-at, value: /var/run/secrets/kubernetes.io/serviceaccount }",
      "no-token-at, value: /no-token }",
      "structure.test.ts: the gates have the account's token only where they call the cluster",
    ],
    [
      "only passes promote",
      `"'{{=all(values(steps), #.outputs.parameters.verdict == 'pass')}}' == 'true'"`,
      `"'{{=any(values(steps), #.outputs.parameters.verdict == 'pass')}}' == 'true'"`,
      acts,
    ],
    [
      "what did not pass is taken back",
      `"'{{=all(values(steps), #.outputs.parameters.verdict == 'pass')}}' != 'true'"`,
      `"'{{=any(values(steps), #.outputs.parameters.verdict == 'pass')}}' != 'true'"`,
      acts,
    ],
    [
      "a gate that is skipped leaves what is asked for",
      `path: /tmp/report, default: "" }`,
      "path: /tmp/report }",
      "structure.test.ts: test-staging/gate has a default for every output that a skipped step leaves open",
    ],
    [
      "a gate runs again for no longer than its deadline",
      `maxDuration: "{{inputs.parameters.seconds}}s"`,
      "maxDuration: 900s",
      retries("test-staging/gate"),
    ],
    ["it waits until its children have ended", `value: "5880"`, `value: "600"`, deadlines(`test-staging/act ${waits}`)],
    [
      "it runs again only where something was unreachable",
      retryFor(retry, 6000),
      retryFor("true", 6000),
      retries("test-staging/act"),
    ],
  ],
  "workflow-defaults.yaml": [
    [
      "a step writes nowhere but to its own folder",
      "        readOnlyRootFilesystem: true\n",
      "",
      "structure.test.ts: deploy-container-image runs its pods restricted",
    ],
  ],
  "train-model.yaml": [
    [
      "a training is not run again",
      "    - name: train\n",
      "    - name: train\n      retryStrategy: { limit: 100 }\n",
      retries("train-model/train"),
    ],
    ["it runs again only where something was unreachable", retry, "true", retries("train-model/start-build")],
  ],
  "cron-restore-releases.yaml": [["never two at once", "  concurrencyPolicy: Forbid\n", "", recovers]],
  "cron-revert-staging.yaml": [["never two at once", "  concurrencyPolicy: Forbid\n", "", recovers]],
  "cron-train.yaml": [
    ["never two at once", "  concurrencyPolicy: Forbid\n", "", trains],
    ["it trains when the stack says so", "  suspend: true\n", "", trains],
  ],
};
