import { isIP } from "node:net";
import { Refusal } from "./refusal";

/**
 * Keeps out pages of strangers whose name has been pointed at the board (DNS rebinding). An address is no name that
 * somebody could point elsewhere.
 * @param host the `Host` header
 * @param hosts names under which the board may be asked, each as `host` or `host:port`
 * @throws Refusal for another name
 */
export function checkHost(host: string | undefined, hosts: readonly string[]): void {
  if (host !== undefined && (isLocal(host) || hosts.includes(host.toLowerCase()))) return;
  const name = host === undefined ? "without a host" : `as ${JSON.stringify(host.slice(0, 300))}`;
  throw new Refusal(
    421,
    `The board was asked ${name}, which it does not know: add the host to the setting board.hosts.`,
  );
}

function isLocal(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, "");
  return name === "localhost" || isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
}
