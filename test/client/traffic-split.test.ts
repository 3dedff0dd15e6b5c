import { describe, expect, it } from "vitest";
import { describeSplit, readTrafficSplit } from "../../client/traffic-split";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { python } from "../../local/toolchain/virtual-environment";
import { withApiServer } from "../cli/api-server";

const path = "GET /apis/gateway.networking.k8s.io/v1/namespaces/gourmetgram-gateway/httproutes/gourmetgram";
/** A route as the pipeline writes it; `weights`: those of the backends of each rule. */
const holding = (text?: string, weights: number[][] = [[1]], conditions: object[] = [taken]) => ({
  metadata: { generation: 3, ...(text !== undefined && { annotations: { "gourmetgram.io/traffic-split": text } }) },
  spec: { rules: weights.map((of) => ({ backendRefs: of.map((weight) => ({ weight })) })) },
  status: { parents: [{ conditions }] },
});
/** What a gateway says that takes the route as it is. */
const taken = {
  type: "Accepted",
  status: "True",
  reason: "Accepted",
  message: "Valid HTTPRoute",
  observedGeneration: 3,
};
const read = (answer: unknown, traffic = "{}") =>
  withApiServer({ [path]: answer }, (cluster) => readTrafficSplit(cluster, { traffic }));
const tenPercent = '{"version":"1.0.7","percents":[1,10],"since":5,"withdrawn":"","paused":""}';
const tenPercentWeights = [[1], [1], [90, 9], [90, 10]];
const changed = "The route's weights were changed by hand: the next look puts them right.";

describe("the split of the users", () => {
  it.each([
    ["nobody in canary", holding(), "All users meet production."],
    ["what a person wrote", holding("no JSON"), "All users meet production."],
    ["a part of a split", holding('{"version":"1.0.7"}'), "All users meet production."],
    ["a share", holding(tenPercent, tenPercentWeights), "10 % of the users meet 1.0.7 in canary."],
    [
      "a share with its analysis",
      holding(
        '{"version":"1.0.7","percents":[10],"since":5,"withdrawn":"","paused":"",' +
          '"analysis":"inconclusive: 17 of 100 requests: no verdict yet","probes":0,"differing":[],"failures":[]}',
        [[1], [1], [90, 10]],
      ),
      "10 % of the users meet 1.0.7 in canary. Analysis: inconclusive: 17 of 100 requests: no verdict yet.",
    ],
    [
      "a version that was withdrawn",
      holding('{"version":"1.0.7","percents":[1,10],"since":5,"withdrawn":"OOMKilled","paused":""}'),
      "No user meets 1.0.7 in canary any more: OOMKilled.",
    ],
    [
      "a version without a ready pod",
      holding('{"version":"1.0.7","percents":[1,10],"since":5,"withdrawn":"","paused":"Pending"}'),
      "No user meets 1.0.7 in canary for the time being: Pending.",
    ],
  ])("is read from the route: %s", async (_title, answer, sentence) => {
    const split = await read(answer);
    expect(split && describeSplit(split)).toBe(sentence);
  });

  it.each([
    [holding(), "All users meet live."],
    [holding(tenPercent, tenPercentWeights), "10 % of the users meet 1.0.7 in preview."],
    [
      holding('{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"OOMKilled","paused":""}'),
      "No user meets 1.0.7 in preview any more: OOMKilled.",
    ],
    [
      holding('{"version":"1.0.7","percents":[1],"since":5,"withdrawn":"","paused":"Pending"}'),
      "No user meets 1.0.7 in preview for the time being: Pending.",
    ],
  ])("names the environments of the stack %#", async (answer, sentence) => {
    const environments = { production: { environment: "live" }, canary: { environment: "preview" } };
    expect(describeSplit((await read(answer, JSON.stringify(environments)))!)).toBe(sentence);
  });

  it("is none in a stack without a gateway, whose parameters name no split", async () => {
    expect(await read([404, "404 page not found"], "")).toBe(null);
  });

  it("says that users reach nothing where the route is gone", async () => {
    const split = await read([404, { message: "not found" }]);
    expect(split).toMatchObject({ version: null, percent: 0, route: "gone" });
    expect(describeSplit(split!)).toBe(
      "Users reach nothing at the gateway: the route gourmetgram is gone. Run npm start -- --refresh.",
    );
  });

  it.each([
    ["half of all", tenPercent, [[1], [1], [90, 9], [50, 50]], "10 % of the users should meet 1.0.7 in canary."],
    [
      "half of those who met production",
      tenPercent,
      [[1], [1], [50, 50], [90, 10]],
      "10 % of the users should meet 1.0.7",
    ],
    ["all, who meet no canary", tenPercent, [[1]], "10 % of the users should meet 1.0.7"],
    ["nobody in canary", undefined, [[50, 50]], "All users should meet production."],
    ["no rule is left", undefined, [], "All users should meet production."],
    ["an annotation that says nothing", "no JSON", tenPercentWeights, "All users should meet production."],
  ])("says that a person changed the weights: %s", async (_title, text, weights, sentence) => {
    const split = await read(holding(text, weights));
    expect(split?.route).toBe("changed");
    expect(describeSplit(split!)).toMatch(sentence);
    expect(describeSplit(split!)).toContain(` ${changed}`);
  });

  const refused = { ...taken, status: "False", reason: "UnsupportedValue", message: "no filter RequestMirror." };

  it.each([
    ["a filter that it does not know", [refused], "Accepted is False, UnsupportedValue: no filter RequestMirror"],
    [
      "a Service that it does not find",
      [taken, { type: "ResolvedRefs", status: "False" }],
      "ResolvedRefs is False, no reason",
    ],
    [
      "a part of it",
      [taken, { ...refused, type: "PartiallyInvalid", status: "True" }],
      "PartiallyInvalid is True, Unsup",
    ],
    ["what nobody has looked at", [], "no gateway has taken it yet"],
  ])("says that the gateway does not take the route: %s", async (_title, conditions, why) => {
    const split = await read(holding(tenPercent, tenPercentWeights, conditions));
    expect(describeSplit(split!)).toContain(
      `10 % of the users should meet 1.0.7 in canary. The gateway does not do what the route gourmetgram says: ${why}`,
    );
    expect(describeSplit(split!)).toMatch(/[^.]\.$/);
  });

  it("does not repeat what the gateway said of an earlier state of the route", async () => {
    const split = await read(holding(tenPercent, tenPercentWeights, [{ ...refused, observedGeneration: 2 }]));
    expect(split?.refused).toBe("");
  });

  it("says of the route what the pipeline says", async () => {
    const route = holding(tenPercent, tenPercentWeights, [taken, refused]);
    const program = "import json, sys; from lib import traffic; print(traffic.refusal(json.loads(sys.argv[1])))";
    const said = await exec(await python(), ["-c", program, JSON.stringify(route)], {
      cwd: `${repositoryRoot}/workflows`,
    });
    expect(describeSplit((await read(route))!)).toContain(` ${said.trim()}.`);
  });

  it("knows the weights that the pipeline writes at each share", async () => {
    const steps = [[1], [1, 10], [1, 10, 25], [1, 10, 25, 50], [30, 50]];
    const program = [
      "import json, sys",
      "from lib import traffic",
      "from lib.inputs import Backend",
      "for percents in json.loads(sys.argv[1]):",
      '    split = traffic.Split("1.0.7", tuple(percents), 5)',
      '    change = traffic.patch(split, Backend("production"), Backend("canary"), "12")',
      "    print(json.dumps(change))",
    ].join("\n");
    const args = ["-c", program, JSON.stringify(steps)];
    const lines = (await exec(await python(), args, { cwd: `${repositoryRoot}/workflows` })).trim().split("\n");
    const routes = await Promise.all(lines.map((line) => read(JSON.parse(line))));
    expect(routes.map((split) => [split?.percent, split?.route])).toEqual(
      steps.map((percents) => [percents.at(-1), "as-split"]),
    );
  });

  it("counts nobody for a version that was withdrawn", async () => {
    expect(await read(holding('{"version":"1.0.7","percents":[10],"since":5,"withdrawn":"ill","paused":""}'))).toEqual({
      canary: "canary",
      production: "production",
      version: "1.0.7",
      percent: 0,
      withdrawn: "ill",
      paused: "",
      analysis: "",
      refused: "",
      route: "as-split",
    });
  });

  it("is not guessed where the API server refuses", async () => {
    await expect(read([403, { message: "forbidden" }])).rejects.toThrow("forbidden");
  });
});
