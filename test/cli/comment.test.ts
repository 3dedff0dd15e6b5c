import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type PullRequest, putComment } from "../../cli/comment";

interface Comment {
  id: number;
  body: string;
  user: { type: string };
}

/** GitHub's comments of one pull request, as far as this needs them; anything else is refused. */
let comments: Comment[];
let writes: string[];
let server: Server;
let pullRequest: PullRequest;

beforeEach(async () => {
  comments = [];
  writes = [];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { body } =
      chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as { body: string }) : { body: "" };
    const url = new URL(request.url!, "http://github");
    const send = (value: object, status = 200) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (request.headers.authorization !== "Bearer token") return send({}, 403);
    const all = "/repos/lab/pipeline/issues/12/comments";
    const page = Number(url.searchParams.get("page"));
    if (request.method === "GET" && url.pathname === all) return send(comments.slice((page - 1) * 100, page * 100));
    const id = Number(/^\/repos\/lab\/pipeline\/issues\/comments\/(\d+)$/.exec(url.pathname)?.[1]);
    if (!(request.method === "POST" && url.pathname === all) && !(request.method === "PATCH" && id))
      return send({}, 404);
    writes.push(`${request.method} ${id || "new"}: ${body}`);
    return send({ html_url: `https://github.example/12#${id || "new"}` });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  pullRequest = {
    api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    repository: "lab/pipeline",
    number: 12,
    token: "token",
  };
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const comment = (id: number, body: string, type = "Bot"): Comment => ({ id, body, user: { type } });
const text = "<!-- preview of staging -->\nnew";

describe("putComment", () => {
  it("writes a first comment", async () => {
    comments = [comment(1, "<!-- preview of production -->\nold")];
    expect(await putComment(pullRequest, text)).toBe("https://github.example/12#new");
    expect(writes).toEqual([`POST new: ${text}`]);
  });

  it("replaces the one with the same first line, on any page", async () => {
    comments = [...Array(100).keys()].map((id) => comment(id + 1, "something else"));
    comments.push(comment(101, "<!-- preview of staging -->\r\nold"));
    expect(await putComment(pullRequest, text)).toBe("https://github.example/12#101");
    expect(writes).toEqual([`PATCH 101: ${text}`]);
  });

  it("leaves what a person wrote, and what only quotes the line", async () => {
    comments = [comment(1, text, "User"), comment(2, `> ${text}`), comment(3, `hello\n${text}`)];
    await putComment(pullRequest, text);
    expect(writes).toEqual([`POST new: ${text}`]);
  });

  it.each(["", "\n", "\n### Preview"])("writes nothing without a first line: %j", async (empty) => {
    comments = [comment(1, "\nof another bot")];
    await expect(putComment(pullRequest, empty)).rejects.toThrow(
      new Error("the file has no first line to find the comment by: see what the command that wrote it printed"),
    );
    expect(writes).toEqual([]);
  });

  it("says in a sentence that it may not", async () => {
    await expect(putComment({ ...pullRequest, token: "other" }, text)).rejects.toThrow(
      new Error(
        "GitHub answers HTTP 403 to GET /issues/12/comments?per_page=100&page=1: " +
          "check GITHUB_REPOSITORY, and that GITHUB_TOKEN may write to pull requests",
      ),
    );
  });
});
