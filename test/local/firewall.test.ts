import { describe, expect, it } from "vitest";
import { activeFirewall, type Firewall, firewallNotice } from "../../local/cluster/firewall";

const none = { ufw: "", firewalld: "", nftables: "", iptables: "" };
const chain = (policy: string, rules = "") => `table inet filter {
\tset open {
\t\ttype inet_service
\t\telements = { 22 }
\t}
\tchain input {
\t\ttype filter hook input priority filter; policy ${policy};
\t\ttcp dport { 22, 80 } accept
${rules}\t}
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t}
}
`;

describe("the active firewall", () => {
  it.each<[string, Partial<typeof none>, Firewall | undefined]>([
    ["nothing is installed", {}, undefined],
    ["ufw is off", { ufw: "Status: inactive\n" }, undefined],
    ["ufw is on", { ufw: "Status: active\n\nTo   Action  From\n", iptables: "-P INPUT DROP\n" }, "ufw"],
    ["firewalld is off", { firewalld: "not running\n" }, undefined],
    ["firewalld is on", { firewalld: "running\n", nftables: chain("drop") }, "firewalld"],
    ["iptables accepts", { iptables: "-P INPUT ACCEPT\n-A INPUT -s 192.0.2.1/32 -j DROP\n" }, undefined],
    ["iptables drops", { iptables: "-P INPUT DROP\n" }, "iptables"],
    ["iptables rejects the rest", { iptables: "-P INPUT ACCEPT\n-A INPUT -j REJECT --reject-with x\n" }, "iptables"],
    ["nftables accepts, and drops what is forwarded", { nftables: chain("accept") }, undefined],
    ["nftables drops", { nftables: chain("drop") }, "nftables"],
    ["nftables rejects the rest", { nftables: chain("accept", "\t\treject with icmpx 1\n") }, "nftables"],
  ])("is known where %s", (_what, states, firewall) => expect(activeFirewall({ ...none, ...states })).toBe(firewall));

  it.each<[Firewall, string]>([
    ["ufw", "as with ufw allow 8081/tcp."],
    ["firewalld", "as with firewall-cmd --add-port=8081/tcp."],
    ["nftables", "as with a rule tcp dport 8081 accept."],
    ["iptables", "as with iptables --insert INPUT --protocol tcp --dport 8081 --jump ACCEPT."],
  ])("is named with how it lets a port in: %s", (firewall, how) =>
    expect(firewallNotice(firewall, [8081, 80])).toBe(
      `The firewall of this machine (${firewall}) is active: let the open ports 8081, 80 through it, ${how}`,
    ),
  );
});
