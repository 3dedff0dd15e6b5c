import { describe, expect, it } from "vitest";
import { describeFigures, renderLive, watch } from "../../cli/live";
import { readFigures } from "../../client/figures";
import type { Live } from "../../client/live";
import { predictionPaths } from "../../components/shared/workflow-names";
import { exec } from "../../lib/exec";
import { ApiError } from "../../lib/kube-client";
import { repositoryRoot } from "../../lib/paths";
import { python } from "../../local/toolchain/virtual-environment";
import { type Answers, withApiServer } from "./api-server";

const prometheus = "http://prometheus.monitoring.svc.cluster.local:9090";

const proxy = "GET /api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query=";
const perSecond = 'sum by (environment) (rate(http_requests_total{probe="false",path=~"/predict|/test"}[1m]))';
const queries = {
  rate: perSecond,
  errors:
    '(sum by (environment) (rate(http_requests_total{probe="false",path=~"/predict|/test",status=~"5.."}[1m])) or ' +
    `0 * ${perSecond}) / (${perSecond} > 0)`,
  p95:
    "histogram_quantile(0.95, sum by (environment, le) " +
    '(rate(http_request_duration_seconds_bucket{probe="false",path=~"/predict|/test"}[1m])))',
  confidence:
    'sum by (environment) (rate(prediction_confidence_sum{probe="false"}[1m])) / ' +
    '(sum by (environment) (rate(prediction_confidence_count{probe="false"}[1m])) > 0)',
};

/** What Prometheus answers to the four queries: a value by environment, as Prometheus writes numbers. */
function prometheusAnswers(values: Record<keyof typeof queries, Record<string, string>>): Answers {
  const names = Object.keys(queries) as (keyof typeof queries)[];
  const samples = (name: (typeof names)[number]) =>
    Object.entries(values[name]).map(([environment, value]) => ({ metric: { environment }, value: [0, value] }));
  return {
    ...Object.fromEntries(
      names.map((name) => [proxy + queries[name], { status: "success", data: { result: samples(name) } }]),
    ),
  };
}

describe("readFigures", () => {
  it("counts the answers that the analysis of canary counts", async () => {
    const ask = "from lib import constants; print(constants.PREDICTION_PATHS)";
    const paths = await exec(await python(), ["-c", ask], { cwd: `${repositoryRoot}/workflows` });
    expect(paths.trim()).toBe(predictionPaths);
  });

  it("is nothing in a stack without monitoring", async () =>
    expect(await withApiServer({}, (cluster) => readFigures(cluster, {}))).toBeNull());

  it("is what the pipeline's Prometheus has of each environment, without what is no number", async () => {
    const answers = prometheusAnswers({
      rate: { canary: "12.5", production: "0" },
      errors: { canary: "0.25" },
      p95: { canary: "0.09", production: "NaN" },
      confidence: { canary: "0.91" },
    });
    expect(await withApiServer(answers, (cluster) => readFigures(cluster, { "prometheus-url": prometheus }))).toEqual({
      canary: { rate: 12.5, errors: 0.25, p95: 0.09, confidence: 0.91 },
      production: { rate: 0, errors: null, p95: null, confidence: null },
    });
  });

  it("says what Prometheus answers to a query that it refuses", async () => {
    const answers = {
      ...prometheusAnswers({ rate: {}, errors: {}, p95: {}, confidence: {} }),
      [proxy + queries.rate]: [503, "no endpoints available for service"],
    };
    await expect(
      withApiServer(answers, (cluster) => readFigures(cluster, { "prometheus-url": prometheus })),
    ).rejects.toThrow(`Prometheus at ${prometheus} answers 503 to a query: no endpoints available for service`);
  });
});

const live: Live = {
  status: {
    freeze: null,
    approvals: [],
    environments: [
      {
        name: "canary",
        version: "1.0.7",
        digest: null,
        lastRelease: "1.0.7",
        health: "Healthy",
        pods: { ready: 1, all: 2, restarts: 3, readySince: "2026-01-05T09:00:00Z" },
        url: null,
      },
      {
        name: "production",
        version: null,
        digest: null,
        lastRelease: null,
        health: "Progressing",
        pods: null,
        url: null,
      },
    ],
    models: [
      {
        version: "1.0.7",
        aliases: [],
        digest: null,
        collected: null,
        withdrawn: null,
        verdicts: { integration: { verdict: "pass", reason: "" }, load: { verdict: "fail", reason: "slow" } },
      },
    ],
    traffic: {
      canary: "canary",
      production: "production",
      version: "1.0.7",
      percent: 10,
      withdrawn: "",
      paused: "",
      analysis: "",
      refused: "",
      route: "as-split",
    },
    dataDrift: {
      environment: "production",
      bar: 0.35,
      looks: [{ feature: "red", distance: 0.41, isOver: true }],
      trained: 0,
    },
    urls: {},
    older: 0,
  },
  running: [
    {
      name: "shift-traffic-1",
      since: "2026-01-05T10:00:00Z",
      steps: [{ name: "shift", since: "2026-01-05T10:01:30Z" }],
    },
  ],
  figures: { canary: { rate: 12.34, errors: 0.005, p95: 0.0876, confidence: 0.912 } },
};
const now = new Date("2026-01-05T10:02:05Z");

describe("renderLive", () => {
  it("is a tree of the environments and of the Workflows that run", () =>
    expect(renderLive(live, now)).toBe(`2026-01-05T10:02:05Z
canary       1.0.7  Healthy
├─ pods      1 of 2 ready, 3 restarts
├─ gates     integration pass, load fail
└─ people    12 requests/s, errors 0.5 %, p95 88 ms, confidence 0.91
production   no model  Progressing
└─ people    no requests in the last minute
10 % of the users meet 1.0.7 in canary.
Data drift in production: 1 of 1 look over 0.35, the latest at 0.41 (red).
Workflows
├─ shift-traffic-1  2 min 05 s
└─   shift  35 s`));

  it("says what to do where an environment has no Application", () => {
    const [canary, production] = live.status.environments;
    const environments = [canary, { ...production, health: "NoApplication" }];
    expect(renderLive({ ...live, status: { ...live.status, environments } }, now)).toContain(
      "production   no model  NoApplication\n└─ people    no requests in the last minute\n" +
        "production has no Application in Argo CD. Nobody can release to it: run npm start of its stack, ",
    );
  });

  it("says a freeze, that nothing runs, and that Prometheus cannot be asked", () => {
    const frozen = { who: "anna", since: "2026-01-05T10:00:00Z", why: "exams" };
    const text = renderLive(
      {
        status: { ...live.status, freeze: frozen, traffic: null, dataDrift: null },
        running: [],
        figures: "no endpoints",
      },
      now,
    );
    expect(text).toContain("Promotions are frozen by anna since 2026-01-05T10:00:00Z: exams");
    expect(text).toContain("No figures: no endpoints\nNo Workflow runs.");
    expect(text).not.toMatch(/people|drift/);
  });
});

it("says in the tree that MLflow does not answer, beside what runs", () => {
  const text = renderLive({ ...live, status: { ...live.status, models: [], mlflowProblem: "MLflow is away" } }, now);
  expect(text).toContain("\nNo verdicts: MLflow is away\n");
  expect(text).toContain("canary       1.0.7  Healthy");
});

describe("describeFigures", () => {
  it.each([
    [0.25, "15 requests/min"],
    [2.34, "2.3 requests/s"],
  ])("tells a slow rate by the minute, and leaves out what is not known", (rate, text) =>
    expect(describeFigures({ rate, errors: null, p95: null, confidence: null })).toBe(text),
  );
});

describe("watch", () => {
  /** What a screen got from looks that see these texts or throw these errors. */
  async function screenAfter(looks: (string | Error)[], terminal: object): Promise<string> {
    let written = "";
    const screen = { write: (text: string) => (written += text), ...terminal };
    let next = 0;
    const look = async () => {
      const seen = looks[next++];
      if (seen instanceof Error) throw seen;
      return seen;
    };
    await watch(look, screen as never, async () => next < looks.length);
    return written;
  }

  it("writes block after block where it is no terminal", async () =>
    expect(await screenAfter(["a\nb", "c"], {})).toBe("a\nb\n\nc\n\n"));

  it("draws over what it drew, as much as the terminal shows", async () =>
    expect(await screenAfter(["1234567\nb\nc\nd\ne", "f"], { isTTY: true, columns: 6, rows: 5 })).toBe(
      "12345\nb\nc\n… 2 m\n\x1b[4A\x1b[Jf\n",
    ));

  it("goes on while the API server is away, and ends with what does not pass", async () => {
    expect(await screenAfter([new ApiError(503, "starting"), "a"], {})).toBe("starting. Looking again.\n\na\n\n");
    await expect(screenAfter([new ApiError(403, "no rights"), "a"], {})).rejects.toThrow("no rights");
  });
});
