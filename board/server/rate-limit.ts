import { createHash } from "node:crypto";
import { Refusal } from "./refusal";

/** Acts of one token in a period, and the period in ms. */
const most = 30;
const period = 60_000;

/** Bounds how often somebody acts, so that no page or script floods the cluster in a person's name. */
export class RateLimit {
  /** When each token acted last, oldest first, by its hash: the server keeps no token. */
  private readonly acts = new Map<string, readonly number[]>();

  /** Counts an act. @throws Refusal if the token has acted too often */
  count(token: string, now = Date.now()): void {
    for (const [key, times] of this.acts) if (times.at(-1)! <= now - period) this.acts.delete(key);
    const key = createHash("sha256").update(token).digest("base64");
    const recent = (this.acts.get(key) ?? []).filter((time) => time > now - period);
    if (recent.length >= most) throw tooOften(Math.ceil((recent[0] + period - now) / 1000));
    this.acts.set(key, [...recent, now]);
  }
}

const tooOften = (seconds: number) =>
  new Refusal(429, `You have acted ${most} times within a minute, which is the most: try again in ${seconds} s.`, {
    "retry-after": String(seconds),
  });
