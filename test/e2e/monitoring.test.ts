import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readWorkflows } from "../../components/pipeline/workflow-files";
import { prometheusConfig, tokenFile } from "../../components/platform/prometheus-config";
import { fullBar } from "../../components/shared/volumes";
import { exec } from "../../lib/exec";
import { repositoryRoot, toolPath } from "../../lib/paths";
import { buildTools, toolGroup } from "../../local/toolchain/go-tools";
import { python } from "../../local/toolchain/virtual-environment";

const folder = join(repositoryRoot, "monitoring");
const rules = load(readFileSync(join(folder, "rules.yaml"), "utf8")) as { groups: { rules: any[] }[] };
const allRules = rules.groups.flatMap((group) => group.rules);
const alerts = allRules.filter(({ alert }) => alert);
const recordings = allRules.filter(({ record }) => record);
const promtool = (...args: string[]) => exec(toolPath("promtool"), args);
let work: string;

// The first run on a machine compiles promtool.
beforeAll(async () => {
  await buildTools(toolGroup("prometheus"));
  work = mkdtempSync(join(tmpdir(), "gourmetgram-prometheus-"));
}, 1_200_000);
afterAll(() => rmSync(work, { recursive: true }));

/** Metrics of the app: each that `images/app/metrics.py` names, and those of its process. */
function appMetrics(): string[] {
  const source = readFileSync(join(repositoryRoot, "images/app/metrics.py"), "utf8");
  const named = [...source.matchAll(/(Counter|Gauge|Histogram)\(\s*"(\w+)"/g)];
  return [
    ...named.flatMap(([, kind, name]) => series(kind.toLowerCase(), name)),
    ...(source.includes("ProcessCollector(registry=") ? ["start_time_seconds", "resident_memory_bytes"] : []).map(
      (name) => `process_${name}`,
    ),
  ];
}

/** Metrics of the workflows, as the controller tells them. */
function workflowMetrics(): string[] {
  const specs = readWorkflows(join(repositoryRoot, "workflows")).map(({ spec }: any) => spec);
  const metrics = specs.flatMap((spec) => [spec, ...(spec.templates ?? [])]).flatMap((one) => one.metrics?.prometheus);
  return metrics
    .filter(Boolean)
    .flatMap(({ name, histogram }: any) => series(histogram ? "histogram" : "counter", `argo_workflows_${name}`));
}

const series = (kind: string, name: string) =>
  kind === "histogram" ? ["bucket", "count", "sum"].map((end) => `${name}_${end}`) : [name];
/** Metrics of MLflow. `test/images/mlflow.load.test.ts` finds in a real one what is asked for. */
const mlflowMetrics = ["mlflow_http_request_total", ...series("histogram", "mlflow_http_request_duration_seconds")];
/** Metrics of the kubelets that Prometheus keeps. */
const volumeMetrics = ["used", "available"].map((kind) => `kubelet_volume_stats_${kind}_bytes`);
/** With what Prometheus itself has of each target and each alert. */
const scraped = [...appMetrics(), ...workflowMetrics(), ...mlflowMetrics, ...volumeMetrics, "up", "ALERTS"];
const known = [...scraped, ...recordings.map(({ record }) => record)];

/** Names in an expression that are those of metrics: followed by labels, or by themselves before the end of a term. */
function metricsIn(expression: string): string[] {
  const withoutLabels = expression
    .replace(/\{[^}]*\}/g, "{}")
    .replace(/\[[^\]]*\]/g, "")
    .replace(/\b(by|on|without|ignoring)\s*\([^)]*\)/g, "");
  return [...withoutLabels.matchAll(/\b[a-zA-Z_][\w:]*\b(?!\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => !/^(and|or|unless|offset|\d+[smhd]|by|on)$/.test(name));
}

describe("Prometheus' configuration", () => {
  const environments = ["staging", "canary", "production"];
  it.each([
    { environments, retentionDays: 1 },
    { environments, retentionDays: 90 },
    { environments: ["staging"], retentionDays: 7 },
  ])("is one that promtool takes: $environments, $retentionDays days", async (shape) => {
    writeFileSync(join(work, "rules.yaml"), readFileSync(join(folder, "rules.yaml")));
    writeFileSync(join(work, "token"), "of Prometheus' account");
    const configuration = dump(prometheusConfig(shape), { lineWidth: -1, noRefs: true });
    writeFileSync(join(work, "prometheus.yml"), configuration.replace(tokenFile, join(work, "token")));
    expect(await promtool("check", "config", "--lint=all", "--lint-fatal", join(work, "prometheus.yml"))).toMatch(
      /SUCCESS: \d+ rules found/,
    );
  });
});

describe("the alert rules", () => {
  it("judge as monitoring/rules.test.yaml says", async () => {
    expect(await promtool("test", "rules", join(folder, "rules.test.yaml"))).toContain("SUCCESS");
  });

  it.each(alerts.map(({ alert, ...rule }) => [alert, rule] as const))("%s says what to do next", (_name, rule) => {
    expect(rule.annotations).toEqual({ summary: expect.any(String), description: expect.any(String) });
    expect(["critical", "warning"]).toContain(rule.labels.severity);
    expect(known).toEqual(expect.arrayContaining(metricsIn(rule.expr)));
  });

  it.each(recordings.map(({ record, expr }) => [record, expr]))("%s is computed from what there is", (_name, expr) => {
    const names = metricsIn(expr);
    expect(names.length).toBeGreaterThan(0);
    expect(scraped).toEqual(expect.arrayContaining(names));
  });

  it("name a volume full at the bar of its Event", () => {
    const { expr } = alerts.find(({ alert }) => alert === "VolumeNearlyFull");
    expect(expr).toMatch(new RegExp(`>= ${fullBar / 100}$`));
  });

  it("are each tested", () => {
    const tests = readFileSync(join(folder, "rules.test.yaml"), "utf8");
    expect(allRules.filter(({ alert, record }) => !tests.includes(alert ?? record))).toEqual([]);
  });

  // Each bar, and a value beside it that the tests must tell from it.
  it.each([
    ["> 0.05", "> 0.07"],
    ["> 0.05", "> 0.03"],
    ["> 2\n", "> 3\n"],
    ["> 2\n", "> 1.9\n"],
    [">= 20", ">= 0"],
    ["for: 5m", "for: 1m"],
    ["max(max_over_time(argo_workflows_gourmetgram_data_drift[1h]))", "argo_workflows_gourmetgram_data_drift"],
    ["data_drift[1h])) == 1", "data_drift[1h])) >= 0"],
    ["== 1)", ">= 0)"],
    ['probe="false"', 'probe=~".*"'],
    ["[15m]", "[1h]"],
    ['template!~"train-model|', 'template!~"'],
    ["unless argo_workflows_gourmetgram_workflows_total offset 30m", ""],
    ['and on () (up{job="argo-workflows"} offset 30m)', ""],
    ['outcome="broken"', 'outcome!=""'],
    ['absent(up{job="mlflow"} == 1)', 'absent(up{job="mlflow"})'],
    ['absent(up{job="mlflow"} == 1)', 'up{job="mlflow"} == 0'],
    ['mlflow_http_request_total{job="mlflow", status=~"5.."}', 'mlflow_http_request_total{job="mlflow"}'],
    [">= 5\n", ">= 3\n"],
    [">= 0.8", ">= 0.78"],
    [">= 0.8", "> 0.8"],
    ["histogram_quantile(0.5,", "histogram_quantile(0.9,"],
    ['verdict!="pass"', 'verdict="fail"'],
    ["or 0 * sum by (gate) (argo_workflows_gourmetgram_gate_verdicts_total)", ""],
  ])("are no longer right with %j changed to %j", async (bar, other) => {
    const text = readFileSync(join(folder, "rules.yaml"), "utf8");
    expect(text).toContain(bar);
    const broken = mkdtempSync(join(work, "broken-"));
    writeFileSync(join(broken, "rules.yaml"), text.replaceAll(bar, other));
    writeFileSync(join(broken, "rules.test.yaml"), readFileSync(join(folder, "rules.test.yaml")));
    // A case that fails ends with what it got. Of many such cases the message has the last ones.
    await expect(promtool("test", "rules", join(broken, "rules.test.yaml"))).rejects.toThrow(/^ *got:/m);
  });
});

describe("the answers that the analysis of canary counts in the last 10 minutes", () => {
  // A pod answers once between two scrapes, which are 10 s apart. The last one is of now, after 15 minutes.
  it.each<[string, number, Record<string, string>, Record<string, string>?]>([
    ["of a pod that goes on", 60, { a: "100+1x90" }],
    ["of a pod that is new", 35, { a: "_x60 5+1x29" }],
    ["of a pod that another one took the place of", 65, { a: "100+1x60 stale", b: "_x60 5+1x29" }],
    ["of a pod that is gone since before", 0, { a: "100+1x20 stale" }],
    ["of a pod that once gave no figures for a while", 60, { a: "100+1x40 stale _x3 145+1x45" }],
    ["of a pod that gave no figures when the time began", 60, { a: "100+1x28 stale _x3 133+1x57" }],
    ["of a container that began again", 60, { a: "100+1x60 2+1x29" }],
    ["of a container that began again twice", 60, { a: "100+1x45 1+1x15 0+1x29" }],
    ["of a container that began again when the time began", 60, { a: "100+1x30 0+1x59" }],
    ["of a new pod's container that began again", 55, { a: "_x40 5+1x20 2+1x28" }],
    ["of a new pod that says when it began", 35, { a: "_x60 5+1x29" }, { a: "_x60 590+0x29" }],
    [
      "of a pod that began shortly before the time, and was scraped later",
      60,
      { a: "_x32 3+1x57" },
      { a: "_x32 240+0x57" },
    ],
    ["of an old pod whose beginning Prometheus lost", 30, { a: "_x60 500+1x29" }, { a: "_x60 -3600+0x29" }],
    [
      "of an old pod whose beginning Prometheus lost, and of a new one",
      65,
      { a: "_x60 500+1x29", b: "_x60 5+1x29" },
      { a: "_x60 -3600+0x29", b: "_x60 590+0x29" },
    ],
    ["of an old pod's first ones", 60, { a: "_x60 60+0x29" }, { a: "-3600+0x90" }],
    ["of an old pod's first ones as the time begins", 60, { a: "_x31 60+0x58" }, { a: "-3600+0x90" }],
    [
      "of an old pod's first ones after Prometheus lost its beginning",
      60,
      { a: "_x70 60+0x19" },
      { a: "_x60 -3600+0x29" },
    ],
  ])("%s are %i, to 5", async (_title, count, pods, began = {}) => {
    const ask = 'from lib import prometheus; print(prometheus.counted("answers_total", "{}", 600))';
    const query = await exec(await python(), ["-c", ask], { cwd: join(repositoryRoot, "workflows") });
    const test = {
      evaluation_interval: "10s",
      tests: [
        {
          interval: "10s",
          input_series: [
            ...Object.entries(pods).map(([pod, values]) => ({ series: `answers_total{pod="${pod}"}`, values })),
            ...Object.entries(began).map(([pod, values]) => ({
              series: `process_start_time_seconds{pod="${pod}"}`,
              values,
            })),
          ],
          promql_expr_test: [
            {
              expr: `round(sum(${query.trim()}) or vector(0), 5)`,
              eval_time: "15m",
              exp_samples: [{ labels: "{}", value: count }],
            },
          ],
        },
      ],
    };
    const file = join(mkdtempSync(join(work, "counted-")), "test.yaml");
    writeFileSync(file, dump(test));
    expect(await promtool("test", "rules", file)).toContain("SUCCESS");
  });
});

describe("the dashboards", () => {
  const dashboards = readdirSync(join(folder, "dashboards"));
  const read = (file: string) => JSON.parse(readFileSync(join(folder, "dashboards", file), "utf8"));
  const queries = dashboards.flatMap((file) =>
    read(file).panels.flatMap(({ title, targets }: any) => targets.map(({ expr }: any) => [title, expr])),
  ) as [string, string][];

  it.each(queries)("%s asks for metrics that there are: %s", async (_title, expression) => {
    const query = expression.replaceAll("$__rate_interval", "5m").replaceAll("$environment", ".*");
    await promtool("--experimental", "promql", "format", query);
    const names = metricsIn(query);
    expect(names.length).toBeGreaterThan(0);
    expect(known).toEqual(expect.arrayContaining(names));
  });

  it.each(dashboards)("%s can be imported: its data source is a variable", (file) => {
    const { panels, templating } = read(file);
    expect(templating.list[0]).toMatchObject({ name: "datasource", type: "datasource", query: "prometheus" });
    const uids = panels.flatMap((panel: any) => [panel, ...panel.targets]).map(({ datasource }: any) => datasource.uid);
    expect(new Set(uids)).toEqual(new Set(["${datasource}"]));
  });
});

it("every Workflow counts its end, and no label has a value that a person chooses", () => {
  const templates = readWorkflows(join(repositoryRoot, "workflows")).filter(({ kind }) => kind === "WorkflowTemplate");
  for (const { spec } of templates)
    expect(spec.metrics.prometheus[0]).toMatchObject({ name: "gourmetgram_workflows_total" });
  const labels = templates
    .flatMap(({ spec }: any) => [spec, ...spec.templates])
    .flatMap(({ metrics }: any) => metrics?.prometheus ?? [])
    .flatMap((metric: any) => metric.labels ?? []);
  const variables = new Set(labels.flatMap(({ value }: any) => /^{{(.*)}}$/.exec(value)?.[1] ?? []));
  expect([...variables].sort()).toEqual([
    "inputs.parameters.gate",
    "inputs.parameters.target-environment",
    "outputs.parameters.outcome",
    "outputs.parameters.restored-environment",
    "outputs.parameters.verdict",
    "workflow.serviceAccountName",
    "workflow.status",
  ]);
});
