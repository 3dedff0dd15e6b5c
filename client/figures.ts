import { predictionPaths } from "../components/shared/workflow-names";
import { ApiError, type Cluster } from "../lib/kube-client";
import type { Parameters } from "./environments";

/** What the app of one environment answered people in the last minute who wanted a prediction. Null: nobody did. */
export interface Figures {
  /** Answers a second. */
  readonly rate: number | null;
  /** Share of the answers that are an error of the app (5xx), 0 to 1. */
  readonly errors: number | null;
  /** Time within which 95 % of the answers came, in seconds. */
  readonly p95: number | null;
  /** Mean probability of the predicted class, 0 to 1. */
  readonly confidence: number | null;
}

const people = 'probe="false"';
const answered = `${people},path=~"${predictionPaths}"`;
const rate = (metric: string, labels: string) => `rate(${metric}{${labels}}[1m])`;
const byEnvironment = (expression: string) => `sum by (environment) (${expression})`;
const answers = byEnvironment(rate("http_requests_total", answered));
const failures = byEnvironment(rate("http_requests_total", `${answered},status=~"5.."`));
const queries: Record<keyof Figures, string> = {
  rate: answers,
  errors: `(${failures} or 0 * ${answers}) / (${answers} > 0)`,
  p95: `histogram_quantile(0.95, sum by (environment, le) (${rate("http_request_duration_seconds_bucket", answered)}))`,
  confidence:
    `${byEnvironment(rate("prediction_confidence_sum", people))} / ` +
    `(${byEnvironment(rate("prediction_confidence_count", people))} > 0)`,
};
const names = Object.keys(queries) as (keyof Figures)[];

interface Answer {
  data?: { result: { metric: { environment?: string }; value: [number, string] }[] };
}

/**
 * The figures of each environment, by its name, as the pipeline's Prometheus has them; null where the stack has none.
 * @param parameters those of the pipeline
 * @throws if Prometheus does not answer, or refuses a query
 */
export async function readFigures(
  cluster: Cluster,
  { "prometheus-url": url }: Parameters,
): Promise<Record<string, Figures> | null> {
  if (!url) return null;
  const answers = await Promise.all(names.map((name) => query(cluster, url, queries[name])));
  const environments = new Set(answers.flatMap((answer) => [...answer.keys()]));
  const figuresOf = (environment: string) =>
    Object.fromEntries(names.map((name, index) => [name, answers[index].get(environment) ?? null]));
  return Object.fromEntries(
    [...environments].map((environment) => [environment, figuresOf(environment) as unknown as Figures]),
  );
}

/** The value of each environment; those without a number are left out. */
async function query(cluster: Cluster, url: string, expression: string): Promise<Map<string, number>> {
  const path = `/api/v1/query?query=${encodeURIComponent(expression)}`;
  const { status, text } = await ask(cluster, url, path);
  if (status !== 200)
    throw new ApiError(status, `Prometheus at ${url} answers ${status} to a query: ${text.slice(0, 200)}`);
  const samples = (JSON.parse(text) as Answer).data?.result ?? [];
  return new Map(
    samples
      .map(({ metric, value }): [string, number] => [metric.environment ?? "", Number(value[1])])
      .filter(([, number]) => Number.isFinite(number)),
  );
}

/** A Service of the cluster is reached through the API server, any other address from this machine. */
async function ask(cluster: Cluster, url: string, path: string): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  const [service, namespace, kind] = hostname.split(".");
  if (kind === "svc") return cluster.service(namespace, service, Number(port || 80), path);
  const answer = await fetch(new URL(path, url), { signal: AbortSignal.timeout(10_000) });
  return { status: answer.status, text: await answer.text() };
}
