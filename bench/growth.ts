import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { readBriefStatus } from "../client/pipeline-status";
import { listNewestReleases } from "../client/releases";
import { applicationsPath, lastReleaseAnnotation } from "../components/shared/workflow-names";
import { exec } from "../lib/exec";
import { Cluster } from "../lib/kube-client";
import { pipelinePython, startFilledMlflow } from "./filled-mlflow";
import { withServers } from "./servers";
import { fewAndMany, fewAndManyHead, inTurn, median, namesOver } from "./statistics";

const rounds = 25;
/** What each MLflow holds. */
const sizes = {
  few: { versions: 10, releases: 10, minutes: 5 },
  many: { versions: 1000, releases: 5000, minutes: 5 },
} as const;
type Size = keyof typeof sizes;
export const growthHead = fewAndManyHead("10 VERSIONS, 10 RELEASES", "1000 VERSIONS, 5000 RELEASES");

/** How many times as long a wait with many may be. */
export const growthBar = 1.5;

/** The rows of {@link growth} that are over {@link growthBar}, by name. */
export const overGrowthBar = (rows: readonly string[][]): string[] => namesOver(growthBar, rows);

/**
 * What a command or a step waits for MLflow, in milliseconds: with ten versions and releases, and with many more. Each
 * MLflow is a process of its own, with what the pipeline's own code writes.
 */
export const growth = (): Promise<string[][]> =>
  withServers(async (servers) => {
    const urls: Record<string, string> = {};
    let python = "";
    for (const [size, history] of Object.entries(sizes)) {
      const mlflow = await startFilledMlflow(servers, size, history);
      python = mlflow.python;
      urls[size] = mlflow.url;
    }
    const named = Object.entries(urls).map(([size, url]) => `${size}=${url}`);
    const measured = await exec(python, [join(__dirname, "growth.py"), `${rounds}`, ...named], { env: pipelinePython });
    const waits = { ...(await commandWaits(urls)), ...(JSON.parse(measured) as Waits) };
    return Object.entries(waits).map(([name, { few, many }]) =>
      fewAndMany(name, 1000 * median(few), 1000 * median(many)),
    );
  });

/** Seconds of each measurement. */
type Waits = Record<string, Record<Size, number[]>>;

async function commandWaits(urls: Record<string, string>): Promise<Waits> {
  const commands: Record<string, (cluster: Cluster) => Promise<unknown>> = {
    status: (cluster) => readBriefStatus(cluster),
    history: (cluster) => listNewestReleases(cluster, 50),
  };
  const waits: Waits = {};
  for (const [name, run] of Object.entries(commands)) {
    const pieces = Object.fromEntries(
      Object.entries(urls).map(([size, url]) => {
        const { versions } = sizes[size as Size];
        return [size, () => run(new ClusterOfMlflow(url, `1.0.${versions}`))];
      }),
    );
    await inTurn(1, pieces); // The first of each fills the server's caches.
    waits[name] = (await inTurn(rounds, pieces)) as Record<Size, number[]>;
  }
  return waits;
}

const environments = ["staging", "canary", "production"];

/** A cluster whose MLflow is the process at an address, and whose API server answers at once. */
class ClusterOfMlflow extends Cluster {
  constructor(
    private readonly url: string,
    private readonly version: string,
  ) {
    super(async () => new KubeConfig());
  }

  override async api<T>(path: string): Promise<T> {
    if (path === applicationsPath)
      return {
        items: environments.map((name) => ({
          metadata: { annotations: { [lastReleaseAnnotation]: JSON.stringify({ version: this.version }) } },
          spec: { project: "gourmetgram", destination: { namespace: `gourmetgram-${name}` } },
        })),
      } as T;
    const names = JSON.stringify(Object.fromEntries(environments.map((name) => [name, ""])));
    if (path.endsWith("/pipeline-parameters")) return { data: { environments: names } } as T;
    return { items: [], metadata: {}, spec: { ports: [{ port: 80 }], rules: [] } } as T;
  }

  override async service(_namespace: string, service: string, _port: number, path: string, request = {}) {
    if (service !== "mlflow") return { status: 200, text: JSON.stringify({ model_version: this.version }) };
    const { method = "GET", body } = request as { method?: string; body?: object };
    const answer = await fetch(this.url + path, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    return { status: answer.status, text: await answer.text() };
  }
}
