import { timeOfDay } from "./time";

/** Whether the server's events arrive. Times in ISO 8601. */
export interface Connection {
  readonly kind: "connecting" | "live" | "lost";
  /** When it began to be so. */
  readonly since: string;
}

/** A lost connection stays lost since its first failure, however often the browser tries again. */
export const afterError = (before: Connection, at: string): Connection =>
  before.kind === "lost" ? before : { kind: "lost", since: at };

/** What the page says about its connection. @param seen when the server made what the page shows; null for nothing */
export function connectionText({ kind, since }: Connection, seen: string | null): string {
  if (kind === "live") return "Live";
  if (kind === "connecting") return "Connecting …";
  const lost = `Connection lost since ${timeOfDay(since)}`;
  return seen === null ? `${lost}.` : `${lost}. What you see is from ${timeOfDay(seen)}.`;
}
