import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";
import { type Result, results } from "./mutants/copies";
import { drift } from "./mutants/drift";
import { foundations } from "./mutants/foundations";
import { gates } from "./mutants/gates";
import { notifications } from "./mutants/notifications";
import { promotion } from "./mutants/promotion";
import { takeOut } from "./mutants/protection";
import { retention } from "./mutants/retention";
import { signatures } from "./mutants/signatures";
import { staging } from "./mutants/staging";
import { templates } from "./mutants/templates";
import { traffic } from "./mutants/traffic";
import { wayBack } from "./mutants/way-back";

const read = (file: string) => readFileSync(join(repositoryRoot, file), "utf8");
const tables = [
  staging,
  promotion,
  wayBack,
  gates,
  foundations,
  retention,
  signatures,
  notifications,
  templates,
  traffic,
  drift,
].map((table) => Object.entries(table).map(([name, list]) => [`workflows/${name}`, list] as const));

describe("a protection", () => {
  const lock = ["nothing without the lock", "lock()\n", "", "test_a.py::test_b"] as const;

  it("is taken out by the text that makes it", () => {
    expect(takeOut("a.py", "begin()\nlock()\nchange()\n", lock)).toBe("begin()\nchange()\n");
  });

  it.each([
    [0, "begin()\nchange()\n"],
    [2, "lock()\nchange()\nlock()\n"],
  ])("is not, where its text is there %i times", (times, content) => {
    expect(() => takeOut("a.py", content, lock)).toThrow(
      new Error(`a.py, "nothing without the lock": its text is there ${times} times, give one that is there once.`),
    );
  });

  it.each(tables.flat())("of %s is known by its text, and by what it does", (file, list) => {
    for (const protection of list) expect(takeOut(file, read(file), protection)).not.toBe(read(file));
    expect(new Set(list.map(([what]) => what)).size).toBe(list.length);
  });
});

describe("taken out", () => {
  // The first of each table shows with every `npm test` that this works; `npm run test:mutants` tries them all.
  const all = process.env.GOURMETGRAM_MUTANTS === "all";
  const tried = tables.flatMap((table) => {
    const rows = table.flatMap(([file, list]) =>
      list.map((protection) => [`${file}: ${protection[0]}`, file, protection] as const),
    );
    return all ? rows : rows.slice(0, 1);
  });
  const tests = [...new Set(tried.map(([, , [, , , test]]) => test))];
  const suites = [...new Set(tests.map((test) => test.split(":")[0]))];
  let seen: Record<string, Result>;

  // So many take minutes; what hangs is ended.
  const limit = 120_000 + 1_000 * tried.length;

  beforeAll(async () => {
    const unchanged = suites.map((suite) => {
      const file = suite.endsWith(".py") ? "workflows/lib/constants.py" : "workflows/cron-train.yaml";
      return [suite, { file, content: read(file), tests: tests.filter((test) => test.startsWith(`${suite}:`)) }];
    });
    const changed = tried.map(([name, file, protection]) => [
      name,
      { file, content: takeOut(file, read(file), protection), tests: [protection[3]] },
    ]);
    seen = await results(Object.fromEntries([...unchanged, ...changed]));
  }, limit);

  it.each(suites)("nothing, %s passes", (suite) => {
    expect(seen[suite].outcome, seen[suite].said).toBe("passed");
  });

  it.each(tried)("%s", (name, _file, [, , , test]) => {
    expect(seen[name].outcome, `${test} must miss it. ${seen[name].said}`).toBe("failed");
  });
});
