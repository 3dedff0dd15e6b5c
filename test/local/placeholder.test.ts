import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "../../lib/paths";

const page = readFileSync(join(repositoryRoot, "local", "toolchain", "patches", "index.html"), "utf8");
const script = /<script>(.*)<\/script>/s.exec(page)![1];

/** Opens the page at a host. @param answers of the server behind it @returns where it leads, or what it says */
async function open(answers: Record<string, object>, hostname = "127.0.0.1"): Promise<string> {
  return new Promise((resolve) => {
    const element = {
      set innerHTML(text: string) {
        resolve(text);
      },
    };
    runInNewContext(script, {
      URL,
      location: { hostname, replace: resolve },
      document: { getElementById: () => element },
      // A server answers any other path with the page itself.
      fetch: async (path: string) => new Response(path in answers ? JSON.stringify(answers[path]) : page),
    });
  });
}

const info = (url: string) => ({
  "/api/v1/info": {
    links: [
      { name: "Logs", url: "http://logs" },
      { name: "Board", url },
    ],
  },
});

describe("the page in the place of Argo's", () => {
  it("leads from Argo Workflows to the board, at whatever port that is", async () =>
    expect(await open(info("http://127.0.0.1:9999"))).toBe("http://127.0.0.1:9999/#/pipeline?from=argoWorkflows"));

  it("leads from Argo CD to the board", async () =>
    expect(await open({ "/api/v1/settings": { help: { chatUrl: "http://127.0.0.1:8090" } } })).toBe(
      "http://127.0.0.1:8090/#/pipeline?from=argoCd",
    ));

  it("leads another machine to the address at which it opened this page", async () =>
    expect(await open(info("http://127.0.0.1:8090"), "10.0.0.7")).toBe(
      "http://10.0.0.7:8090/#/pipeline?from=argoWorkflows",
    ));

  it.each<[string, Record<string, object>]>([
    ["without a board", { "/api/v1/info": { links: null }, "/api/v1/settings": { help: {} } }],
    ["whose server asks for a token first", { "/api/v1/info": { message: "token not valid" } }],
    ["whose link no browser should follow", info("javascript:alert(1)")],
  ])("stays in a stack %s, and says what shows the same", async (_title, answers) =>
    expect(await open(answers)).toMatch(/^This stack has no board\. <code>npm run status<\/code>/),
  );

  it("knows no address by itself", () => expect(page).not.toMatch(/127\.0\.0\.1|localhost|8090/));
});
