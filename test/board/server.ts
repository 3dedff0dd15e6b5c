import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import type { Act, ActAnswer, ModelsPage, OidcProvider, OidcView, PipelineView, SessionView } from "../../board/api";
import { securityHeaders } from "../../board/server/static-files";
import { historyPage, servedAt } from "./records";
import { makeScene, type Scene, type SceneName } from "./scenes";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** What a person did on the page, over what the scene shows. */
interface Done {
  username: string | null;
  /** When the person's token expires, in milliseconds since 1970. */
  until: number;
  freeze: PipelineView["freeze"] | undefined;
  answered: Record<string, { action: string; message: string }>;
}

function pipelineView(scene: Scene, done: Done): PipelineView {
  const view = scene.pipelineAt(Date.now());
  const approvals = view.approvals.map((approval) => {
    const answer = done.answered[approval.name];
    if (!answer) return approval;
    const responses = [...approval.responses, { user: done.username ?? "you", ...answer }];
    return { ...approval, responses, phase: answer.action === "approve" ? "Approved" : "Rejected" };
  });
  return { ...view, approvals, freeze: done.freeze === undefined ? view.freeze : done.freeze };
}

function modelsPage(scene: Scene, query: URLSearchParams): ModelsPage {
  const before = Number(query.get("before") ?? Number.POSITIVE_INFINITY);
  const models = scene.models.filter(({ number }) => number < before);
  return { models: models.slice(0, 100), hasOlder: models.length > 100 };
}

function take(act: Act, done: Done): string {
  const username = done.username ?? "";
  switch (act.act) {
    case "freeze":
      done.freeze = { who: username, since: new Date().toISOString(), why: act.why };
      return "All promotions are frozen.";
    case "unfreeze":
      done.freeze = null;
      return "Promotions are allowed again.";
    case "approve":
    case "reject":
      done.answered[act.approval] = { action: act.act, message: act.message };
      return act.act === "approve" ? "You have approved the promotion." : "You have rejected the promotion.";
    case "train":
      return `The training of a ${act.scenario} model has started: train-model-7xk2p.`;
    case "promote":
      return `The promotion of 1.0.${act.version} to ${act.target} has started.`;
    case "revert":
      return "The revert of staging has started.";
  }
}

const mlflowIsAway =
  "MLflow answered with 503: see its log with kubectl logs --namespace gourmetgram-platform deployment/mlflow";

async function bodyOf(request: IncomingMessage): Promise<any> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || "{}");
}

function answer(response: ServerResponse, value: object, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function stream(response: ServerResponse, kind: string, next: () => string | undefined, milliseconds: number): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const send = () => {
    const data = next();
    if (data === undefined) return response.end("event: end\ndata: \n\n");
    return response.write(`event: ${kind}\ndata: ${data}\n\n`);
  };
  send();
  const timer = setInterval(send, milliseconds);
  response.on("close", () => clearInterval(timer));
}

function logLines(): () => string | undefined {
  let line = 0;
  return () => {
    line++;
    return line > 60 ? undefined : `[${String(line).padStart(5)}.0 s] epoch ${line}: loss ${(2 / line).toFixed(3)}`;
  };
}

/** Who a token is of, and until when, as an API server knows that trusts the provider. Other tokens are alice's. */
function readToken(token: string): Pick<Done, "username" | "until"> {
  const [, payload] = token.split(".");
  if (!payload) return { username: "system:serviceaccount:argo:alice", until: Number.POSITIVE_INFINITY };
  const { sub, exp } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { sub: string; exp: number };
  return { username: `oidc:${sub}`, until: exp * 1000 };
}

async function sendFile(
  folder: string,
  path: string,
  provider: OidcProvider | null,
  response: ServerResponse,
): Promise<void> {
  const file = normalize(join("/", path === "/" ? "index.html" : path));
  const body = await readFile(join(folder, file)).catch(() => null);
  response
    .writeHead(body ? 200 : 404, {
      "content-type": types[extname(file)] ?? "application/octet-stream",
      "content-security-policy": securityHeaders(provider)["content-security-policy"],
      "x-content-type-options": "nosniff",
    })
    .end(body ?? "There is no such file.");
}

/**
 * The API of the board with made-up data, and the built page of a folder. It listens nowhere yet.
 * @param provider where people sign in beside with a token
 */
export function makeServer(sceneName: SceneName, folder: string, provider: OidcProvider | null = null): Server {
  const scene = makeScene(sceneName, Date.now());
  const done: Done = { username: null, until: 0, freeze: undefined, answered: {} };

  const act = async (request: IncomingMessage, response: ServerResponse) => {
    if (!done.username || done.until <= Date.now()) return answer(response, { error: "Nobody is signed in." }, 401);
    return answer(response, { sentence: take(await bodyOf(request), done) } satisfies ActAnswer);
  };
  const session = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === "POST") {
      const { token } = await bodyOf(request);
      if (token === "wrong") return answer(response, { error: "The API server does not know this token." }, 401);
      Object.assign(done, readToken(token));
    }
    if (request.method === "DELETE") done.username = null;
    return answer(response, { username: done.username } satisfies SessionView);
  };

  return createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    const isOfMlflow = ["/api/models", "/api/history", "/api/served", "/api/delivery"].includes(pathname);
    // Never answered: what is asked for stays on its way.
    if (sceneName === "loading" && (isOfMlflow || pathname === "/api/pipeline")) return;
    if (sceneName === "failing" && isOfMlflow) return answer(response, { error: mlflowIsAway }, 502);
    if (pathname === "/api/pipeline")
      return stream(response, "pipeline", () => JSON.stringify(pipelineView(scene, done)), 1_000);
    if (pathname.startsWith("/api/logs/")) return stream(response, "line", logLines(), 150);
    if (pathname === "/api/models") return answer(response, modelsPage(scene, searchParams));
    if (pathname === "/api/history") return answer(response, historyPage(scene.recordsAt(Date.now()), searchParams));
    if (pathname === "/api/served")
      return answer(response, servedAt(scene.environments, scene.recordsAt(Date.now()), searchParams.get("at") ?? ""));
    if (pathname === "/api/delivery") return answer(response, scene.delivery);
    if (pathname === "/api/session") return void session(request, response);
    if (pathname === "/api/oidc") return answer(response, { provider } satisfies OidcView);
    if (pathname === "/api/act") return void act(request, response);
    return void sendFile(folder, pathname, provider, response);
  });
}
