/** The setting `exposure.listen`, alone: flags of `npm start` say the same. */
import { type ListenSettings, listen } from "./schema";

/** Reads the value of the setting. Undefined if there is none, or if it is not valid. */
export const parseListen = (value: unknown): ListenSettings | undefined => listen.safeParse(value).data;

const flagOf: Record<string, string> = { address: "--listen", hosts: "--host", only: "--only" };

/**
 * The flags as the setting. Undefined if there is none.
 * @throws with a line for each flag that is wrong
 */
export function listenFlags(flags: { listen?: string; host?: string[]; only?: string }): ListenSettings | undefined {
  const { listen: address, host: hosts, only } = flags;
  if (address === undefined) {
    if (hosts === undefined && only === undefined) return undefined;
    throw new Error("--host and --only say more of --listen: write --listen ADDRESS too.");
  }
  const parsed = listen.safeParse({ address, hosts, only });
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map(({ path, message }) => `${flagOf[String(path[0])]}: ${message}`).join("\n"));
}
