/** A firewall of this machine that keeps others from its ports, as far as its own tools tell. */
import { exec } from "../../lib/exec";

/** What the tools print; empty where one is missing. */
export interface FirewallStates {
  /** Of `ufw status`. */
  ufw: string;
  /** Of `firewall-cmd --state`. */
  firewalld: string;
  /** Of `nft list ruleset`. */
  nftables: string;
  /** Of `iptables --list-rules INPUT`. */
  iptables: string;
}

/** A firewall that drops what no rule lets in. */
export type Firewall = keyof FirewallStates;

/** The firewall that is active; undefined if none is known to be. ufw and firewalld use the other two. */
export function activeFirewall({ ufw, firewalld, nftables, iptables }: FirewallStates): Firewall | undefined {
  if (/^Status: active/m.test(ufw)) return "ufw";
  if (firewalld.trim() === "running") return "firewalld";
  const dropsByIptables = /^-P INPUT DROP$|^-A INPUT -j (DROP|REJECT)/m.test(iptables);
  // Rules of iptables are shown by nft too, on most machines.
  if (dropsByIptables) return "iptables";
  const chains = nftables.split(/^\s*chain /m);
  const drops = (chain: string) => /policy drop;|^\s*(counter .*)?(drop|reject)\b/m.test(chain);
  return chains.some((chain) => chain.includes("hook input") && drops(chain)) ? "nftables" : undefined;
}

/** Asks the tools. It needs root. */
export async function firewallOfMachine(): Promise<Firewall | undefined> {
  const ask = (command: string, ...args: string[]) => exec(command, args).catch(() => "");
  const [ufw, firewalld, nftables, iptables] = await Promise.all([
    ask("ufw", "status"),
    ask("firewall-cmd", "--state"),
    ask("nft", "list", "ruleset"),
    ask("iptables", "--wait", "--list-rules", "INPUT"),
  ]);
  return activeFirewall({ ufw, firewalld, nftables, iptables });
}

/** How each of them lets a port in. */
const commands: Record<Firewall, (port: number) => string> = {
  ufw: (port) => `ufw allow ${port}/tcp`,
  firewalld: (port) => `firewall-cmd --add-port=${port}/tcp`,
  nftables: (port) => `a rule tcp dport ${port} accept`,
  iptables: (port) => `iptables --insert INPUT --protocol tcp --dport ${port} --jump ACCEPT`,
};

/** What a person is told of a firewall, with the ports that are to be open to other machines. */
export function firewallNotice(firewall: Firewall, ports: readonly number[]): string {
  return (
    `The firewall of this machine (${firewall}) is active: let the open ports ${ports.join(", ")} through it, ` +
    `as with ${commands[firewall](ports[0])}.`
  );
}
