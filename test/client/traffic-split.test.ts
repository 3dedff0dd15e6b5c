import { describe, expect, it } from "vitest";
import { describeSplit, readTrafficSplit } from "../../client/traffic-split";
import { withApiServer } from "../cli/api-server";

const path = "GET /apis/gateway.networking.k8s.io/v1/namespaces/gourmetgram-gateway/httproutes/gourmetgram";
const holding = (text?: string) => ({
  metadata: text === undefined ? {} : { annotations: { "gourmetgram.io/traffic-split": text } },
});
const read = (answer: unknown) => withApiServer({ [path]: answer }, readTrafficSplit);

describe("the split of the users", () => {
  it.each([
    ["a stack without a gateway", [404, "404 page not found"], null],
    ["nobody in canary", holding(), "All users meet production."],
    ["what a person wrote", holding("no JSON"), "All users meet production."],
    ["a part of a split", holding('{"version":"1.0.7"}'), "All users meet production."],
    [
      "a share",
      holding('{"version":"1.0.7","percents":[1,10],"since":5,"withdrawn":"","paused":""}'),
      "10 % of the users meet 1.0.7 in canary.",
    ],
    [
      "a share with its analysis",
      holding(
        '{"version":"1.0.7","percents":[10],"since":5,"withdrawn":"","paused":"",' +
          '"analysis":"inconclusive: 17 of 100 requests: no verdict yet","probes":0,"differing":[],"failures":[]}',
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

  it("counts nobody for a version that was withdrawn", async () => {
    expect(await read(holding('{"version":"1.0.7","percents":[10],"since":5,"withdrawn":"ill","paused":""}'))).toEqual({
      version: "1.0.7",
      percent: 0,
      withdrawn: "ill",
      paused: "",
      analysis: "",
    });
  });

  it("is not guessed where the API server refuses", async () => {
    await expect(read([403, { message: "forbidden" }])).rejects.toThrow("forbidden");
  });
});
