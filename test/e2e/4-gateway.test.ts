import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatewayName, listenerName } from "../../components/platform/gateway";
import { gatewayNamespace, trafficRoute, trafficSplitAnnotation } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import {
  changePause,
  eventsOf,
  killApp,
  killPods,
  newVersionInCanary,
  parameters,
  platformParts,
  runSchedule,
  schedule,
  waitFor,
  waitForPod,
  withFullNamespace,
  withParameters,
  withPartDown,
} from "./faults";
import { environment, expectSettled, lastRelease, releasedDigest, status, tags } from "./observations";
import { Report } from "./report";
import { withUsers } from "./users";

const report = new Report("gateway-faults.md", "What users meet when something fails", ["fault", "end state"]);
let changeBack: () => Promise<void>;
afterAll(async () => {
  await schedule("cron-shift-traffic", "*/2 * * * *");
  await changeBack();
});
afterAll(() => report.finish());

const mergePatch = { "content-type": "application/merge-patch+json" };
const routes = `/apis/gateway.networking.k8s.io/v1/namespaces/${gatewayNamespace}/httproutes`;
const route = `${routes}/${trafficRoute}`;
interface Route {
  metadata: { annotations: Record<string, string> };
  spec: { rules: { backendRefs: { name: string; weight: number }[] }[] };
}

/** Version that every environment serves at the beginning of each story. */
let good: string;
/** Version in canary that some users meet. */
let next: string;
beforeAll(async () => {
  // The first share lasts longer than these stories.
  changeBack = await changePause(3600);
  await schedule("cron-shift-traffic", "* * * * *");
  good = (await environment("staging")).version!.replace("1.0.", "");
  if ((await environment("production")).version !== `1.0.${good}`)
    expect((await npm("run", "promote", "--", good, "canary", "production")).code).toBe(0);
  next = await newVersionInCanary(good);
  expect((await status()).traffic).toMatchObject({ version: `1.0.${next}`, percent: 1 });
});

/** Changes the route as a person does. */
const changeRoute = (change: object) =>
  connect().api(`${route}?fieldManager=kubectl-edit`, { method: "PATCH", headers: mergePatch, body: change });

/** The Workflow that watches canary looks every ten seconds, once it runs. */
const watched = <T>(what: string, look: () => Promise<T | undefined | false>) => waitFor(what, look, 180);
const weights = async () => (await connect().api<Route>(route)).spec.rules.at(-1)!.backendRefs.map((one) => one.weight);
const answersAt = async (url: string) =>
  fetch(`${url}/version`, { signal: AbortSignal.timeout(5000) }).then(
    ({ status }) => status,
    () => "no answer",
  );

const ofSomebodyElse = {
  apiVersion: "gateway.networking.k8s.io/v1",
  metadata: { name: "of-somebody-else", namespace: gatewayNamespace },
};
const secondRoute = {
  ...ofSomebodyElse,
  kind: "HTTPRoute",
  spec: {
    parentRefs: [{ name: gatewayName }],
    rules: [{ backendRefs: [{ name: "contour", port: 8001 }] }],
  },
};
const secondGateway = {
  ...ofSomebodyElse,
  kind: "Gateway",
  spec: { gatewayClassName: gatewayName, listeners: [{ name: listenerName, protocol: "HTTP", port: 80 }] },
};

/** Users go on for this long. */
const forAWhile = () => new Promise((resolve) => setTimeout(resolve, 15_000));

describe("Given users of whom some meet a new version in canary", () => {
  it("When parts of the gateway and Prometheus go away, Then the share stays, and comes back by itself", async () => {
    const { urls } = await status();

    await withPartDown(platformParts.prometheus, () =>
      watched("an Event of the analysis", async () =>
        (await eventsOf("canary")).some((event) =>
          event.startsWith(`AnalysisWithoutFigures: the share of 1.0.${next} stays at 1 %`),
        ),
      ),
    );
    expect((await status()).traffic).toMatchObject({ version: `1.0.${next}`, percent: 1, withdrawn: "" });
    report.add("Prometheus away", `the share of 1.0.${next} stayed at 1 %, and an Event said so`);

    const before = await connect().api<Route>(route);
    const { answers } = await withUsers([urls.gateway], () => withPartDown(platformParts.contour, forAWhile));
    expect(answers.lost).toEqual([]);
    expect((await connect().api<Route>(route)).spec).toEqual(before.spec);
    report.add(
      "Contour away, which configures Envoy",
      `${answers.answered} requests of users who went on were answered, none lost`,
    );

    await withPartDown(platformParts.envoy, async () => {
      // The container outlives its pod in the API server by a moment.
      await waitFor("the end of the gateway", async () => (await answersAt(urls.gateway)) === "no answer");
      expect(await answersAt(urls.production)).toBe(200);
    });
    await waitFor("an answer of the gateway", async () => (await answersAt(urls.gateway)) === 200);
    expect((await status()).traffic).toMatchObject({ version: `1.0.${next}`, percent: 1, withdrawn: "", paused: "" });
    report.add(
      "Envoy away, which users come in by",
      "the gateway's address did not answer, that of production did; the share was the same when Envoy was back",
    );
  });

  it("When a person changes the weights, Then the next look puts them right", async () => {
    const { spec } = await connect().api<Route>(route);
    for (const rule of spec.rules) for (const backend of rule.backendRefs) backend.weight = 100;
    await changeRoute({ spec });
    await watched("the weights", async () => (await weights()).join() === "99,1");
    const event = await watched("the Event", async () =>
      (await eventsOf("canary")).find((event) => event.startsWith("TrafficRestored: the route had other rules")),
    );
    report.add("weights of the route changed by hand", event.replace("TrafficRestored: ", ""));
  });

  it("When a person writes something else into the split's annotation, Then users meet the first share", async () => {
    const annotations = { [trafficSplitAnnotation]: "half of them" };
    await changeRoute({ metadata: { annotations } });
    await watched("the first share", async () => (await status()).traffic?.version === `1.0.${next}`);
    expect((await status()).traffic).toMatchObject({ percent: 1, withdrawn: "" });
    expect(await weights()).toEqual([99, 1]);
    report.add("the split's annotation overwritten by hand", `1 % of the users meet 1.0.${next} again`);
  });

  it("When the workflow controller is killed while it watches canary, Then the watch goes on", async () => {
    expect(await killPods("argo", "app=workflow-controller")).toBeGreaterThan(0);
    await waitForPod("argo", "app=workflow-controller");
    const { spec } = await connect().api<Route>(route);
    for (const backend of spec.rules.at(-1)!.backendRefs) backend.weight = 50;
    await changeRoute({ spec });
    await watched("a look", async () => (await weights())[1] === 1);
    report.add("workflow controller killed while it watches canary", "the watch went on, and found the next change");
  });

  it("When Prometheus refuses the query of a metric, Then the share stays, and status says what it said", async () => {
    const own = JSON.parse((await parameters()).analysis);
    const broken = { query: "sum(", atMost: 1, failureLimit: 1, intervalSeconds: 0, count: 1, dryRun: false };
    const analysis = JSON.stringify({ ...own, metrics: { memory: broken } });
    const said = async (words: string) => {
      const sentence = (await status()).traffic?.analysis ?? "";
      return sentence.includes(words) && sentence;
    };
    const refusal = "memory: Prometheus refuses a query with status 400: ";
    const sentence = await withParameters({ analysis }, () => watched("the refusal", () => said(refusal)));
    expect((await status()).traffic).toMatchObject({ version: `1.0.${next}`, percent: 1, withdrawn: "" });
    await watched("the stack's own analysis", async () => !(await said(refusal)));
    report.add("a metric whose query Prometheus refuses", `the share stayed at 1 %: ${sentence}`);
  });

  it.each([
    ["a second route on the Gateway, for all requests", "httproutes", secondRoute],
    ["a second Gateway of the same class, on the same port", "gateways", secondGateway],
  ])("When somebody adds %s, Then users meet what they met before", async (what, resource, body) => {
    const { urls } = await status();
    const objects = `/apis/gateway.networking.k8s.io/v1/namespaces/${gatewayNamespace}/${resource}`;
    await connect().api(`${objects}?fieldManager=kubectl-create`, { method: "POST", body });
    try {
      const { answers } = await withUsers([urls.gateway], forAWhile);
      expect(answers.lost).toEqual([]);
      report.add(what, `the older one counts: ${answers.answered} requests were answered as before, none lost`);
    } finally {
      await connect().api(`${objects}/${body.metadata.name}`, { method: "DELETE" });
    }
  });

  it("When canary fails while production takes its version in, Then both are back on the good one", async () => {
    // Its new pod finds no room until canary has failed.
    const { image_digest: digest } = await tags(next);
    const { code, output } = await withFullNamespace("gourmetgram-production", async (makeRoom) => {
      const promotion = npm("run", "promote", "--", next, "canary", "production");
      await waitFor("the release to production", async () => (await releasedDigest("production")) === digest);
      await killApp("canary");
      const withdrawn = await watched("a look", async () => (await status()).traffic?.withdrawn);
      expect(withdrawn).toContain("the container ended 1 time,");
      await makeRoom();
      return promotion;
    });
    expect(code).toBe(2);
    await expect.poll(async () => (await lastRelease("canary")).action, { timeout: 120_000 }).toBe("abort");
    await runSchedule("cron-revert-staging");
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}`, production: `1.0.${good}` });
    expect((await status()).traffic).toMatchObject({ version: null, percent: 0 });
    expect(await lastRelease("production")).toMatchObject({ action: "promote", outcome: "broken" });
    report.add("canary's container ends while its version goes to production", output.trim().split("\n").at(-1)!);
  });
});
