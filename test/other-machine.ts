import { exec } from "../lib/exec";

/** What a machine gets from a port: the status of a `GET /`, or why there is none, as in `ECONNREFUSED`. */
export type Answer = number | string;

/** Another machine on a network with this one: a network namespace with a cable to it. */
export interface OtherMachine {
  /** Addresses of this machine on that network. */
  readonly here: { readonly ipv4: string; readonly ipv6: string };
  /** Asks an address as the other machine. @param hosts addresses with their ports, as in `[fd00::1]:80` */
  ask(hosts: readonly string[]): Promise<Record<string, Answer>>;
  /** Takes the machine and its cable away. */
  remove(): Promise<void>;
}

const asker = `
const hosts = JSON.parse(process.argv[1]);
const answers = hosts.map((host) =>
  fetch("http://" + host, { redirect: "manual", signal: AbortSignal.timeout(10_000) }).then(
    async (response) => [host, (await response.arrayBuffer(), response.status)],
    (error) => [host, error.cause?.code ?? error.name],
  ),
);
Promise.all(answers).then((all) => console.log(JSON.stringify(Object.fromEntries(all))));
`;

/**
 * Makes such a machine, which needs root.
 * @param name of the namespace, at most 13 characters; nothing of this name may exist
 * @param subnet part of the documentation's network 198.51.100.0/24 that it has, 0 to 63; no other may have it
 */
export async function otherMachine(name: string, subnet: number): Promise<OtherMachine> {
  const [here, there] = [1, 2].map((end) => ({
    ipv4: `198.51.100.${4 * subnet + end}`,
    ipv6: `fd51:${subnet}::${end}`,
  }));
  const [cable, end] = [`${name}-a`, `${name}-b`];
  const inside = (...command: string[]) => exec("nsenter", [`--net=/run/netns/${name}`, "--", ...command]);
  await exec("ip", ["netns", "add", name]);
  await exec("ip", ["link", "add", cable, "type", "veth", "peer", "name", end, "netns", name]);
  // Without `nodad` an IPv6 address cannot be used for about a second.
  for (const address of [`${here.ipv4}/30`, `${here.ipv6}/64`])
    await exec("ip", ["address", "add", address, "dev", cable, ...(address.includes(":") ? ["nodad"] : [])]);
  for (const address of [`${there.ipv4}/30`, `${there.ipv6}/64`])
    await inside("ip", "address", "add", address, "dev", end, ...(address.includes(":") ? ["nodad"] : []));
  await exec("ip", ["link", "set", cable, "up"]);
  await inside("ip", "link", "set", end, "up");
  return {
    here,
    ask: async (hosts) => JSON.parse(await inside(process.execPath, "-e", asker, JSON.stringify(hosts))),
    // The cable goes with the namespace that holds its end.
    remove: async () => {
      await exec("ip", ["netns", "delete", name]);
    },
  };
}
