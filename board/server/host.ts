import { isIP } from "node:net";
import { Refusal } from "./refusal";

/**
 * Keeps out pages of strangers whose name has been pointed at the board (DNS rebinding). An address is no name that
 * somebody could point elsewhere.
 * @param host the `Host` header
 * @param hosts names under which the board may be asked, at any port
 * @throws Refusal for another name
 */
export function checkHost(host: string | undefined, hosts: readonly string[]): void {
  const name = host?.toLowerCase().replace(/:\d{1,5}$/, "");
  if (name !== undefined && (name === "localhost" || isAddress(name) || hosts.includes(name))) return;
  const asked = host === undefined ? "without a host" : `as ${JSON.stringify(host.slice(0, 300))}`;
  throw new Refusal(
    421,
    `The board was asked ${asked}, which it does not know: add the host to the setting board.hosts.`,
  );
}

const isAddress = (name: string) => isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
