import { describe, expect, it } from "vitest";
import { type DataDrift, describeDataDrift, readDataDrift } from "../../client/data-drift";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { python } from "../../local/toolchain/virtual-environment";
import { type Answers, withApiServer } from "../cli/api-server";

const state = "GET /api/v1/namespaces/argo/configmaps/data-drift";
const setting = JSON.stringify({ environment: "production", bar: 0.35, minimumAnswers: 100, cooldownSeconds: 86400 });
const read = (text: string | undefined) => {
  const answers: Answers = { [state]: { data: text && { state: text } } };
  return withApiServer(answers, (cluster) => readDataDrift(cluster, { "data-drift": setting }));
};
const none = { environment: "production", bar: 0.35, looks: [], trained: 0 };

describe("readDataDrift", () => {
  it.each([{ "data-drift": "" }, {}])("is nothing in a stack that does not watch for it", async (parameters) =>
    expect(await withApiServer({}, (cluster) => readDataDrift(cluster, parameters))).toBeNull(),
  );

  it("is what the pipeline's step has written", async () => {
    const write = [
      "from lib.drift import State, Window, write",
      'windows = (Window(900.5, 120, "blue", 0.1, False), Window(1000, 150, "red", 0.412, True))',
      'print(write(State("1.0.7", windows, 1000.0, 7)))',
    ].join("\n");
    const text = await exec(await python(), ["-c", write], { cwd: `${repositoryRoot}/workflows` });
    expect(await read(text.trim())).toEqual({
      ...none,
      looks: [
        { feature: "blue", distance: 0.1, isOver: false },
        { feature: "red", distance: 0.412, isOver: true },
      ],
      trained: 7,
    });
  });

  it.each([undefined, "", "soon", '{"windows":[["now"]],"trained":1}'])("has no look where it holds %j", async (text) =>
    expect(await read(text)).toEqual(none),
  );
});

describe("describeDataDrift", () => {
  const red = { feature: "red", distance: 0.76, isOver: true };
  const cases: [string, Partial<DataDrift>][] = [
    ["Data drift in production: no look at enough answers yet.", {}],
    [
      "Data drift in production: 1 of 2 looks over 0.35, the latest at 0.76 (red).",
      { looks: [{ ...red, isOver: false }, red] },
    ],
    [
      "Data drift in production: no look at enough answers yet, the last training for it at 2026-01-05T10:00:00Z.",
      { trained: Date.parse("2026-01-05T10:00:00Z") / 1000 },
    ],
  ];
  it.each(cases)("says %j", (sentence, drift) => expect(describeDataDrift({ ...none, ...drift })).toBe(sentence));
});
