import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runMain } from "../lib/main";

const usage = `Usage: npm run comment -- <pull request> <file>, as in: npm run comment -- 12 preview.md

Puts the file on a GitHub pull request as a comment, in the place of the earlier one with the same first line. Needs
GITHUB_REPOSITORY (owner/name) and GITHUB_TOKEN; GITHUB_API_URL is by default https://api.github.com.`;

/** Where the comments of one pull request are, and who writes them. */
export interface PullRequest {
  /** `https://api.github.com`, without a slash at its end. */
  readonly api: string;
  /** `owner/name` */
  readonly repository: string;
  readonly number: number;
  readonly token: string;
}

interface Comment {
  id: number;
  body: string;
  html_url: string;
  user: { type: string };
}

const pageSize = 100;

/**
 * Writes the comment, or the earlier one with the same first line anew.
 * @returns its URL
 * @throws for a text without a first line, and for an answer other than 2xx
 */
export async function putComment(pullRequest: PullRequest, text: string): Promise<string> {
  const [marker] = text.split("\n");
  if (!marker.trim())
    throw new Error("there is nothing to comment: look at what the command that was to write the file printed");
  const comments = `/issues/${pullRequest.number}/comments`;
  const earlier = await find(pullRequest, comments, marker);
  const written = earlier
    ? await call<Comment>(pullRequest, "PATCH", `/issues/comments/${earlier.id}`, { body: text })
    : await call<Comment>(pullRequest, "POST", comments, { body: text });
  return written.html_url;
}

async function find(pullRequest: PullRequest, path: string, marker: string): Promise<Comment | undefined> {
  for (let page = 1; ; page++) {
    const comments = await call<Comment[]>(pullRequest, "GET", `${path}?per_page=${pageSize}&page=${page}`);
    // What a person wrote is not written over, whatever its first line.
    const found = comments.find(({ body, user }) => user.type === "Bot" && body.split(/\r?\n/)[0] === marker);
    if (found || comments.length < pageSize) return found;
  }
}

async function call<T>(
  { api, repository, token }: PullRequest,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
  };
  const response = await fetch(`${api}/repos/${repository}${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
  });
  if (!response.ok)
    throw new Error(
      `GitHub answers HTTP ${response.status} to ${method} ${path}: check GITHUB_REPOSITORY, and that GITHUB_TOKEN may write to pull requests`,
    );
  return (await response.json()) as T;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: set it as \`npm run comment -- --help\` says`);
  return value;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [number, file] = positionals;
  if (positionals.length !== 2 || !/^[1-9]\d*$/.test(number)) throw new Error(usage.split("\n")[0]);
  const api = process.env.GITHUB_API_URL || "https://api.github.com";
  const pullRequest = {
    api,
    repository: required("GITHUB_REPOSITORY"),
    number: Number(number),
    token: required("GITHUB_TOKEN"),
  };
  console.log(await putComment(pullRequest, readFileSync(file, "utf8")));
  return 0;
}

if (require.main === module) runMain(main);
