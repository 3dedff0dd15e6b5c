/** Where the local cluster's ports are open beside 127.0.0.1, and how other machines call this one. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { isIPv6 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { join } from "node:path";
import type { ListenSettings } from "../../config";
import { stateDir } from "../../lib/paths";
import { readWhole, writeWhole } from "../../lib/whole-file";

/** What the last start has opened. */
export interface RecordedListen {
  readonly listen: ListenSettings;
  /** Whether it was given as a flag, and not by the stack file. */
  readonly byFlag: boolean;
}

/** The address at which this machine reaches its own ports. */
export const loopback = "127.0.0.1";
/** Whether it stands for all addresses of the machine. */
export const isWildcard = (address: string): boolean => ["0.0.0.0", "::"].includes(address);

/** Addresses of this machine that others may reach, so neither loopback nor link-local ones. IPv4 comes first. */
export function machineAddresses(interfaces = networkInterfaces()): string[] {
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const reachable = all.filter(({ internal, address }) => !internal && !/^(169\.254\.|fe80:)/.test(address));
  const ofFamily = (family: NetworkInterfaceInfo["family"]) =>
    reachable.filter((candidate) => candidate.family === family);
  return [...ofFamily("IPv4"), ...ofFamily("IPv6")].map(({ address }) => address);
}

/** Whether the machine's own network has IPv6. */
export const hasIPv6 = (): boolean => existsSync("/proc/net/if_inet6");

/**
 * Why the ports cannot be opened at an address. Undefined if they can.
 * @param machine addresses of this machine
 */
export function listenError(address: string, machine: readonly string[], withIPv6: boolean): string | undefined {
  if (address === "::" && !withIPv6) return `This machine has no IPv6: listen on 0.0.0.0 instead of ::.`;
  if (address === loopback || isWildcard(address) || machine.includes(address)) return undefined;
  const others = [...machine, "0.0.0.0 for all of them"];
  return (
    `${address} is no address under which others reach this machine: listen on ${others.join(", ")}. ` +
    "A floating IP is not one either: name it with --host or in exposure.listen.hosts."
  );
}

/** Addresses on which an open port listens. A wildcard includes 127.0.0.1, and `::` includes IPv4. */
export const listenAddresses = (address: string): string[] =>
  isWildcard(address) ? [address] : [...new Set([loopback, address])];

/**
 * The names and addresses by which people may open the ports, IPv6 in brackets. The first is printed.
 * @param machine addresses of this machine
 */
export function openHosts({ address, hosts }: ListenSettings, machine: readonly string[]): string[] {
  const addresses = isWildcard(address) ? machine : [address];
  const reached = addresses.filter((candidate) => address !== "0.0.0.0" || !isIPv6(candidate));
  return [...new Set([...hosts, ...reached.map((candidate) => (isIPv6(candidate) ? `[${candidate}]` : candidate))])];
}

const file = () => join(stateDir(), "listen.json");

/** What the last start has opened beside 127.0.0.1; undefined if nothing. */
export function recordedListen(): RecordedListen | undefined {
  return readWhole(file()) as RecordedListen | undefined;
}

/** Records it, for the previews of the stack and for the stacks that have only environments. */
export function recordListen(listen: RecordedListen | undefined): void {
  mkdirSync(stateDir(), { recursive: true, mode: 0o711 });
  if (listen) writeWhole(file(), `${JSON.stringify(listen, null, 2)}\n`);
  else rmSync(file(), { force: true });
}
