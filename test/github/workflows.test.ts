import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as yaml from "js-yaml";
import { describe, expect, it } from "vitest";
import { allowFlag } from "../../cli/review/data-loss";
import { repositoryRoot } from "../../lib/paths";

interface Step {
  uses?: string;
  run?: string;
  if?: string;
  with?: Record<string, unknown>;
  env?: Record<string, string>;
}
interface Job {
  if?: string;
  needs?: string;
  permissions?: Record<string, string>;
  environment?: string | { name: string; deployment: boolean };
  "timeout-minutes"?: number;
  strategy?: { "fail-fast"?: boolean; matrix: { node?: number[] } };
  concurrency?: { group: string; "cancel-in-progress": boolean };
  container?: { image: string; options: string };
  steps: Step[];
}
interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
}

const read = (...path: string[]) => readFileSync(join(repositoryRoot, ...path), "utf8");
const { scripts, engines } = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  engines: { node: string };
};
const files = readdirSync(join(repositoryRoot, ".github", "workflows")).sort();
const workflows = Object.fromEntries(
  files.map((file) => [file, yaml.load(read(".github", "workflows", file)) as Workflow]),
);
const jobs = Object.entries(workflows).flatMap(([file, workflow]) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${file} ${name}`, job })),
);
const actionFile = join(".github", "actions", "stack", "action.yml");
const action = yaml.load(read(actionFile)) as { runs: { steps: Step[] } };
const steps = [
  ...jobs.map(({ name, job }) => ({ name, steps: job.steps })),
  { name: actionFile, steps: action.runs.steps },
].flatMap(({ name, steps: jobSteps }) => jobSteps.map((step) => ({ name, step })));

/** The arguments of an update: those that a person chose who started it by hand, and none after a push. */
const startArguments = ["refresh", "allow-data-loss"]
  .map((input) => `\${{ inputs.${input} && '--${input}' || '' }}`)
  .join(" ");

const label = "contains(github.event.pull_request.labels.*.name, 'allow-data-loss')";
/** Arguments of a step that asks Pulumi: where a person says so, an update that loses data is allowed. */
const argumentsOf: Record<string, Record<string, string>> = {
  "preview.yml preview": { PREVIEW_ARGUMENTS: `\${{ ${label} && '--allow-data-loss' || '' }}` },
  "up.yml preview": { PREVIEW_ARGUMENTS: "${{ inputs.allow-data-loss && '--allow-data-loss' || '' }}" },
  "up.yml up": { START_ARGUMENTS: startArguments },
};

/** What a step runs that is no npm script, and why. */
const exceptions = [
  // A secret becomes a file that only this job can read; a script of the repository has no part in it.
  [
    `(umask 077 && printf '%s' "$CONTENT" > "$RUNNER_TEMP/kubeconfig")`,
    `&& echo "KUBECONFIG=$RUNNER_TEMP/kubeconfig" >> "$GITHUB_ENV"`,
  ].join(" "),
];

/** The npm script that a line runs, with its output where it belongs; undefined for anything else. */
function scriptOf(line: string): string | undefined {
  const script = /npm (?:(test|start)|run (?:--silent )?([a-z0-9:-]+))/.source;
  const args = /(?: -- [\w $".-]+)?/.source;
  const output = /(?: >>? (?:preview\.md|"\$GITHUB_STEP_SUMMARY"))?/.source;
  const [, shortened, named] = new RegExp(`^${script}${args}${output}$`).exec(line) ?? [];
  return shortened ?? named;
}

it("are these", () => expect(files).toEqual(["checks.yml", "drift.yml", "full.yml", "preview.yml", "up.yml"]));

describe("every action", () => {
  const lines = [...files.map((file) => read(".github", "workflows", file)), read(actionFile)].flatMap((text) =>
    text.split("\n").filter((line) => /\buses:/.test(line)),
  );

  it("is pinned by a commit, whose version is written beside it, or is this repository's own", () => {
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines)
      expect(line).toMatch(/uses: (\.\/\.github\/actions\/stack|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/);
    expect(existsSync(join(repositoryRoot, actionFile))).toBe(true);
  });

  it("has one commit everywhere", () => {
    const pins = new Set(lines.flatMap((line) => /uses: ([\w-]+\/[\w-]+@.*)/.exec(line)?.[1] ?? []));
    expect([...pins].map((pin) => pin.split("@")[0]).sort()).toEqual([
      "actions/checkout",
      "actions/download-artifact",
      "actions/setup-node",
      "actions/upload-artifact",
      "pulumi/actions",
    ]);
  });

  it("leaves no token behind after a checkout", () => {
    for (const { name, step } of steps)
      if (step.uses?.startsWith("actions/checkout@"))
        expect([name, step.with?.["persist-credentials"]]).toEqual([name, false]);
  });

  it("installs the versions that the project is made for", () => {
    const version = (uses: string, key: string) =>
      new Set(steps.filter(({ step }) => step.uses?.startsWith(uses)).map(({ step }) => step.with?.[key]));
    expect(version("pulumi/actions@", "pulumi-version")).toEqual(
      new Set([/pulumi\/pkg\/v3 v(\S+)/.exec(read("local", "toolchain", "go", "shared", "go.mod"))![1]]),
    );
    expect([engines.node, version("actions/setup-node@", "node-version")]).toEqual([
      "^20.19.0 || ^22.13.0 || >=24.0.0",
      new Set([20, "${{ matrix.node }}"]),
    ]);
  });

  it("checks every push with each major version of Node.js that the project says it runs on", () => {
    const { strategy } = workflows["checks.yml"].jobs.test;
    expect(strategy?.matrix.node).toEqual(
      [...engines.node.matchAll(/(?:\^|>=)(\d+)/g)].map(([, major]) => Number(major)),
    );
    expect(strategy?.["fail-fast"]).toBe(false);
  });
});

describe("every line that is run", () => {
  it("is a script of package.json, so that anyone can run it, or a named exception", () => {
    const lines = steps.flatMap(({ step }) => step.run ?? []);
    expect(lines.length).toBeGreaterThan(6);
    for (const line of lines)
      if (!exceptions.includes(line))
        expect([line, Object.keys(scripts).includes(scriptOf(line) ?? "nothing")]).toEqual([line, true]);
    for (const exception of exceptions) expect(lines).toContain(exception);
  });

  it("holds nothing from outside: that comes in the environment", () => {
    for (const { step } of steps) expect(step.run ?? "").not.toContain("${{");
  });

  it("would be noticed if it were another", () => {
    expect(
      [
        "npm test",
        "npm run --silent preview -- --markdown > preview.md",
        'npm run comment -- "$PULL_REQUEST" preview.md',
      ].map(scriptOf),
    ).toEqual(["test", "preview", "comment"]);
    expect(
      [
        "npm ci",
        "npm run preview; curl x",
        "npm run preview -- $(id)",
        "npm run preview > /etc/passwd",
        "npx tsx x",
      ].map(scriptOf),
    ).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
});

describe("every job", () => {
  it("has no right but the ones stated here", () => {
    for (const [file, workflow] of Object.entries(workflows)) expect([file, workflow.permissions]).toEqual([file, {}]);
    expect(Object.fromEntries(jobs.map(({ name, job }) => [name, job.permissions]))).toEqual({
      "checks.yml test": { contents: "read" },
      "drift.yml drift": { contents: "read" },
      "full.yml e2e": { contents: "read" },
      "preview.yml preview": { contents: "read" },
      "preview.yml comment": { contents: "read", "pull-requests": "write" },
      "up.yml preview": { contents: "read" },
      "up.yml up": { contents: "read" },
    });
  });

  it("ends, if it hangs", () => {
    for (const { name, job } of jobs) expect([name, job["timeout-minutes"]]).toEqual([name, expect.any(Number)]);
  });

  it("gets secrets of a GitHub environment, or none", () => {
    const environments = Object.fromEntries(
      jobs
        .filter(({ job }) => JSON.stringify(job).includes("secrets."))
        .map(({ name, job }) => [name, job.environment]),
    );
    // GitHub lists each use of an environment as a deployment, but for those that say they are none.
    const review = { name: "${{ matrix.stack }}-review", deployment: false };
    expect(environments).toEqual({
      "drift.yml drift": review,
      "preview.yml preview": review,
      "up.yml preview": review,
      "up.yml up": "${{ matrix.stack }}",
    });
  });

  it("that asks Pulumi can reach its service, or a state in a bucket", () => {
    const asking = steps.filter(({ step }) => ["preview", "drift", "start"].includes(scriptOf(step.run ?? "") ?? ""));
    expect(asking.map(({ name }) => name).sort()).toEqual([
      "drift.yml drift",
      "preview.yml preview",
      "up.yml preview",
      "up.yml up",
    ]);
    for (const { name, step } of asking)
      expect([name, step.env]).toEqual([
        name,
        {
          GOURMETGRAM_STACK: "${{ matrix.stack }}",
          PULUMI_ACCESS_TOKEN: "${{ secrets.PULUMI_ACCESS_TOKEN }}",
          PULUMI_BACKEND_URL: "${{ vars.PULUMI_BACKEND_URL }}",
          PULUMI_CONFIG_PASSPHRASE: "${{ secrets.PULUMI_CONFIG_PASSPHRASE }}",
          AWS_ACCESS_KEY_ID: "${{ secrets.AWS_ACCESS_KEY_ID }}",
          AWS_SECRET_ACCESS_KEY: "${{ secrets.AWS_SECRET_ACCESS_KEY }}",
          ...argumentsOf[name],
        },
      ]);
  });
});

describe("a pull request", () => {
  it("runs its own code where nothing can be written, and the base's where a comment is", () => {
    expect(Object.values(workflows).flatMap((workflow) => Object.keys(workflow.on))).not.toContain(
      "pull_request_target",
    );
    const { preview, comment } = workflows["preview.yml"].jobs;
    expect(preview.if).toContain("github.event.pull_request.head.repo.full_name == github.repository");
    expect(JSON.stringify(preview)).not.toContain("secrets.KUBECONFIG");
    const [checkout] = comment.steps;
    expect(checkout.with?.ref).toBe("${{ github.event.pull_request.base.sha }}");
    expect(comment.steps.some(({ uses }) => uses?.startsWith("./"))).toBe(false);
  });

  it("is red where its update is refused, and has its preview as a comment all the same", () => {
    const { preview, comment } = workflows["preview.yml"].jobs;
    const failing = preview.steps.findIndex(({ run }) => scriptOf(run ?? "") === "preview");
    expect(preview.steps[failing]).not.toHaveProperty("continue-on-error");
    expect(preview.steps.slice(failing + 1).map((step) => step.if)).toEqual(["${{ !cancelled() }}"]);
    expect(comment.if).toBe("${{ !cancelled() && needs.preview.result != 'skipped' }}");
    expect(scriptOf(comment.steps.at(-1)!.run!)).toBe("comment");
  });

  it("is judged again when a label comes or goes, since a label allows the loss of data", () => {
    expect(workflows["preview.yml"].on.pull_request).toEqual({
      types: ["opened", "synchronize", "reopened", "labeled", "unlabeled"],
    });
  });

  it("has its preview written anew when the job runs again", () => {
    const upload = workflows["preview.yml"].jobs.preview.steps.find(({ uses }) =>
      uses?.startsWith("actions/upload-artifact@"),
    )!;
    expect(upload.with).toEqual({ name: "preview-${{ matrix.stack }}", path: "preview.md", overwrite: true });
  });
});

describe("an update", () => {
  it("waits for a preview and an approval, runs from main alone, and one at a time", () => {
    const { on, jobs: both } = workflows["up.yml"];
    expect(Object.keys(on)).toEqual(["push", "workflow_dispatch"]);
    expect(on.push).toEqual({ branches: ["main"] });
    expect(both.preview.if).toBe("vars.STACKS && github.ref == 'refs/heads/main'");
    expect([both.up.needs, both.up.environment, both.up.concurrency]).toEqual([
      "preview",
      "${{ matrix.stack }}",
      { group: "up-${{ matrix.stack }}", "cancel-in-progress": false },
    ]);
    expect(both.up.steps.at(-1)!.run).toBe("npm start -- $START_ARGUMENTS");
  });

  it("loses data only if a person who starts it by hand says so", () => {
    const { inputs } = workflows["up.yml"].on.workflow_dispatch as { inputs: Record<string, unknown> };
    expect(inputs).toEqual({
      refresh: { description: expect.any(String), type: "boolean", default: false },
      "allow-data-loss": { description: expect.any(String), type: "boolean", default: false },
    });
    const withFlag = files.filter((file) => read(".github", "workflows", file).includes(allowFlag));
    expect(withFlag).toEqual(["preview.yml", "up.yml"]);
  });
});

describe("the full end-to-end tests", () => {
  const { on, jobs: all } = workflows["full.yml"];

  it("run every week and on demand, and need no secret", () => {
    expect(on).toEqual({ schedule: [{ cron: "41 2 * * 6" }], workflow_dispatch: null });
    expect(all.e2e.steps.flatMap(({ run }) => run ?? [])).toEqual(["npm run test:board", "npm run test:e2e"]);
    expect(JSON.stringify(all)).not.toContain("secrets.");
  });

  it("run in the image that also compiles the tools, by digest", () => {
    const dockerfile = read("images", "tools", "binaries.Dockerfile");
    expect(all.e2e.container?.image).toBe(/docker\.io\/library\/(golang:\S+)/.exec(dockerfile)![1]);
  });
});

describe("the search for drift", () => {
  it("runs every day, and changes nothing", () => {
    const { on, jobs: all } = workflows["drift.yml"];
    expect(on).toEqual({ schedule: [{ cron: "17 5 * * *" }], workflow_dispatch: null });
    expect(all.drift.steps.flatMap(({ run }) => run ?? [])).toEqual([
      'npm run --silent drift -- --markdown >> "$GITHUB_STEP_SUMMARY"',
    ]);
  });
});
