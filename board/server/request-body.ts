import type { IncomingMessage } from "node:http";
import { parseJson } from "../../lib/json";
import { Refusal } from "./refusal";

/** Bytes of a request's body. */
const longestBody = 64 * 1024;

/**
 * The JSON that a page of the board sends to change something.
 * @throws Refusal if another page sends it, or if it is too long or no JSON
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  checkOrigin(request);
  // A form of another page cannot have this type.
  if (request.headers["content-type"] !== "application/json")
    throw new Refusal(415, "Send JSON, with content-type: application/json.");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > longestBody) throw new Refusal(413, `Send at most ${longestBody} bytes.`, { connection: "close" });
    chunks.push(chunk as Buffer);
  }
  const body = parseJson(Buffer.concat(chunks).toString("utf8"));
  if (body === undefined) throw new Refusal(400, "This is no JSON.");
  return body;
}

/** @throws Refusal unless the request comes from a page of the board itself */
export function checkOrigin({ headers: { origin, host } }: IncomingMessage): void {
  const isOwn = origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
  if (!isOwn) throw new Refusal(403, "Another page sent this: the board acts only for its own.");
}
