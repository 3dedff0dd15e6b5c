import { existsSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listenFlags } from "../../config";
import { runDir, stateDir } from "../../lib/paths";
import {
  ensureClusterForwards,
  ensureForwards,
  localForwards,
  plannedPorts,
  recordedPorts,
} from "../../local/cluster/forward";
import {
  listenAddresses,
  listenError,
  machineAddresses,
  openHosts,
  recordedListen,
  recordListen,
} from "../../local/cluster/listen";
import { ensureNetwork, removeNetwork } from "../../local/cluster/network";
import { firstNode, netnsPath } from "../../local/cluster/nodes";
import { ensureProcess, stopProcess } from "../../local/cluster/processes";
import { type Answer, type OtherMachine, otherMachine } from "../other-machine";

afterAll(() => rmSync(stateDir(), { recursive: true, force: true }));

describe("addresses of this machine", () => {
  it("are those that others may reach, IPv4 first", () => {
    const at = (address: string, family: "IPv4" | "IPv6", internal = false) => ({
      ...{ address, family, internal, netmask: "", mac: "", cidr: null, scopeid: 0 },
    });
    const interfaces = {
      lo: [at("127.0.0.1", "IPv4", true), at("::1", "IPv6", true)],
      eth0: [at("fd00::2", "IPv6"), at("fe80::1", "IPv6"), at("192.0.2.2", "IPv4"), at("169.254.1.1", "IPv4")],
    };
    expect(machineAddresses(interfaces as ReturnType<typeof import("node:os").networkInterfaces>)).toEqual([
      "192.0.2.2",
      "fd00::2",
    ]);
  });

  const machine = ["192.0.2.2", "fd00::2"];

  it.each(["127.0.0.1", "0.0.0.0", "::", "192.0.2.2", "fd00::2"])("can be listened on: %s", (address) =>
    expect(listenError(address, machine, true)).toBeUndefined(),
  );

  it.each(["203.0.113.7", "::1", "127.0.0.2"])("are no others, said in a sentence: %s", (address) =>
    expect(listenError(address, machine, true)).toMatch(
      /^\S+ is no address under which others reach this machine: listen on 192\.0\.2\.2, fd00::2, 0\.0\.0\.0 for all/,
    ),
  );

  it("are no IPv6 ones on a machine without IPv6", () =>
    expect(listenError("::", ["192.0.2.2"], false)).toBe("This machine has no IPv6: listen on 0.0.0.0 instead of ::."));

  it("listen beside 127.0.0.1, which a wildcard includes", () =>
    expect(["192.0.2.2", "0.0.0.0", "::", "127.0.0.1"].map(listenAddresses)).toEqual([
      ["127.0.0.1", "192.0.2.2"],
      ["0.0.0.0"],
      ["::"],
      ["127.0.0.1"],
    ]));

  it("are the hosts that people open, after those that the stack names", () => {
    expect(openHosts({ address: "::", hosts: ["food.example.org"] }, machine)).toEqual([
      "food.example.org",
      "192.0.2.2",
      "[fd00::2]",
    ]);
    expect(openHosts({ address: "0.0.0.0", hosts: [] }, machine)).toEqual(["192.0.2.2"]);
    expect(openHosts({ address: "fd00::2", hosts: ["[fd00::2]"] }, machine)).toEqual(["[fd00::2]"]);
  });

  it("are recorded until nothing is open", () => {
    const listen = { listen: { address: "0.0.0.0", hosts: [] }, byFlag: true };
    recordListen(listen);
    expect(recordedListen()).toEqual(listen);
    recordListen(undefined);
    expect(recordedListen()).toBeUndefined();
  });
});

describe("the flags", () => {
  it("are the setting", () => {
    expect(listenFlags({})).toBeUndefined();
    expect(listenFlags({ listen: "0.0.0.0" })).toEqual({ address: "0.0.0.0", hosts: [] });
    expect(listenFlags({ listen: "::", host: ["food.example.org"], only: "environments" })).toEqual({
      address: "::",
      hosts: ["food.example.org"],
      only: "environments",
    });
  });

  it.each<[Parameters<typeof listenFlags>[0], string]>([
    [{ only: "environments" }, "--host and --only say more of --listen: write --listen ADDRESS too."],
    [{ listen: "eth0" }, '--listen: write an address of the machine, 0.0.0.0 or ::, not "eth0"'],
    [{ listen: "::", only: "pages" }, '--only: write environments, not "pages"'],
    [
      { listen: "::", host: ["Food"], only: "pages" },
      "--host: write a host name in lower case, an IPv4 address or an IPv6 address in brackets, " +
        'without http:// and port, not "Food"\n--only: write environments, not "pages"',
    ],
  ])("are refused by name: %j", (flags, message) => expect(() => listenFlags(flags)).toThrow(message));
});

const lacks = [
  ...(process.getuid?.() === 0 ? [] : ["root"]),
  ...(["/usr/sbin/ip", "/usr/bin/ip"].some(existsSync) ? [] : ["the command ip"]),
].join(" and ");

describe.skipIf(lacks !== "")(
  `the forwarders, from another machine${lacks ? ` (not tried without ${lacks})` : ""}`,
  // Each test starts several programs, one after another, which takes a second on an idle machine.
  { timeout: 120_000 },
  () => {
    // Ports that no cluster of this machine wants, nor another run of this test beside it.
    const first = 21_000 + 2 * (process.pid % 500);
    const exposed = { staging: first, mlflow: first + 1 };
    let other: OtherMachine;

    beforeAll(async () => {
      // All that this makes it takes away again, so it must be no cluster's.
      expect(existsSync(runDir), `whether ${runDir} is there, which a running cluster has`).toBe(false);
      await ensureNetwork([firstNode()]);
      other = await otherMachine(`gg-${process.pid}`, process.pid % 60);
      // What stands for the cluster: it answers 200 at the ports of staging, MLflow and the Kubernetes API.
      const code = `for (const port of [${first}, ${first + 1}, 6443])
        require("node:http").createServer((_, response) => response.end("ok")).listen(port, "${firstNode().ip}")`;
      await ensureProcess({
        name: "stand-in",
        command: process.execPath,
        args: ["-e", code],
        netns: netnsPath(firstNode()),
      });
    });

    afterAll(async () => {
      for (const name of ["forward-outside", "forward-inside", "stand-in"]) await stopProcess(name);
      await other.remove();
      await removeNetwork([firstNode()]);
      rmSync(runDir, { recursive: true, force: true });
    });

    /** Opens staging alone at an address, and asks for the ports of staging, MLflow and the API at another. */
    async function answersAt(host: string, address: string | undefined): Promise<Record<string, Answer>> {
      const open = { names: ["staging"], addresses: address ? listenAddresses(address) : [] };
      const ports = await ensureForwards(localForwards(exposed, address ? open : undefined));
      const names = ["staging", "mlflow", "api"];
      const hosts = names.map((name) => `${host}:${ports[name]}`);
      await everyPortAnswersHere([ports.staging, ports.mlflow, ports.api]);
      const answers = await other.ask(hosts);
      return Object.fromEntries(names.map((name, index) => [name, answers[hosts[index]]]));
    }

    it.each<[string, (here: OtherMachine["here"]) => { at: string; address: string }]>([
      ["one address", ({ ipv4 }) => ({ at: ipv4, address: ipv4 })],
      ["0.0.0.0", ({ ipv4 }) => ({ at: ipv4, address: "0.0.0.0" })],
      ["one IPv6 address", ({ ipv6 }) => ({ at: `[${ipv6}]`, address: ipv6 })],
      [":: by IPv6", ({ ipv6 }) => ({ at: `[${ipv6}]`, address: "::" })],
      [":: by IPv4", ({ ipv4 }) => ({ at: ipv4, address: "::" })],
    ])("answer at %s where they are open, and nowhere else", async (_title, of) => {
      const { at, address } = of(other.here);
      expect(await answersAt(at, address)).toEqual({ staging: 200, mlflow: "ECONNREFUSED", api: "ECONNREFUSED" });
    });

    it("answer nobody else once they are on 127.0.0.1 again", async () => {
      const closed = { staging: "ECONNREFUSED", mlflow: "ECONNREFUSED", api: "ECONNREFUSED" };
      expect((await answersAt(other.here.ipv4, "0.0.0.0")).staging).toBe(200);
      expect(await answersAt(other.here.ipv4, undefined)).toEqual(closed);
    });

    it("keep their ports, also those that were taken, while nothing changes", async () => {
      const open = { names: ["staging"], addresses: listenAddresses(other.here.ipv4) };
      const list = localForwards(exposed, open);
      await stopProcess("forward-outside");
      // A program of this machine holds the port at that address alone.
      const holder = await holdPort(exposed.staging, other.here.ipv4);
      const moved = await ensureForwards(list).finally(() => new Promise((resolve) => holder.close(resolve)));
      expect(moved.mlflow).toBe(exposed.mlflow);
      // 20,000 more, or the next one that is free, of a hundred.
      expect(moved.staging).toBeGreaterThanOrEqual(exposed.staging + 20_000);
      expect(moved.staging).toBeLessThan(exposed.staging + 20_100);
      expect(await ensureForwards(list)).toEqual(moved);
    });

    describe("once the stack file has another port", () => {
      const movedTo = { ...exposed, staging: first + 1000 };
      let before: Record<string, number>;

      beforeAll(async () => {
        before = await ensureForwards(localForwards(exposed));
        await everyPortAnswersHere([before.staging, before.mlflow, before.api]);
      });

      it("stay as they are until the update has ended", async () => {
        const planned = await plannedPorts(localForwards(movedTo));
        expect(planned).toEqual({ ...before, staging: movedTo.staging });
        // As a start does it before its update, which may be refused.
        expect(await ensureClusterForwards()).toEqual(before);
        await everyPortAnswersHere([before.staging, before.mlflow, before.api]);
        expect(recordedPorts()).toEqual(before);
      });

      it("follow it then, and those that have not changed keep their port", async () => {
        const ports = await ensureForwards(localForwards(movedTo));
        expect(ports).toEqual({ ...before, staging: movedTo.staging });
        await everyPortAnswersHere([ports.mlflow, ports.api]);
        expect(await answersHere(before.staging)).toBe(false);
      });

      it("can change places", async () => {
        const swapped = { staging: exposed.mlflow, mlflow: exposed.staging };
        await ensureForwards(localForwards(exposed));
        expect(await plannedPorts(localForwards(swapped))).toMatchObject(swapped);
        const ports = await ensureForwards(localForwards(swapped));
        expect(ports).toMatchObject(swapped);
        await everyPortAnswersHere([ports.staging, ports.mlflow]);
      });
    });

    it("are planned on no port that another program has at one of the addresses", async () => {
      await ensureForwards(localForwards(exposed));
      const holder = await holdPort(exposed.staging, other.here.ipv4);
      const open = { names: ["staging", "mlflow"], addresses: listenAddresses("0.0.0.0") };
      const planned = await plannedPorts(localForwards(exposed, open)).finally(
        () => new Promise((resolve) => holder.close(resolve)),
      );
      expect(planned.mlflow).toBe(exposed.mlflow);
      expect(planned.staging).toBeGreaterThanOrEqual(exposed.staging + 20_000);
    });

    it("lead to the cluster alone where none runs yet: what is exposed comes after the update", async () => {
      await ensureForwards(localForwards(exposed, { names: ["staging"], addresses: listenAddresses("0.0.0.0") }));
      await stopProcess("forward-outside");
      const ports = await ensureClusterForwards();
      expect(Object.keys(ports)).toEqual(["api", "registry", "mirror"]);
      await everyPortAnswersHere([ports.api]);
      expect(await answersHere(exposed.staging)).toBe(false);
    });

    it("that an earlier program started stay open before the update, and the cluster's keep their ports", async () => {
      const before = await ensureForwards(localForwards(exposed));
      const addresses = Object.fromEntries(Object.keys(before).map((name) => [name, ["127.0.0.1"]]));
      // As that program recorded them.
      writeFileSync(join(stateDir(), "forwards.json"), JSON.stringify({ ports: before, addresses }));
      expect(await ensureClusterForwards()).toEqual(before);
      await everyPortAnswersHere([before.staging, before.api]);
      expect(await ensureForwards(localForwards(exposed))).toEqual(before);
    });
  },
);

function holdPort(port: number, host: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host }, () => resolve(server));
  });
}

/** The forwarders listen a moment after they have started. */
async function everyPortAnswersHere(ports: number[]): Promise<void> {
  for (const port of ports) await vi.waitUntil(() => answersHere(port), { timeout: 60_000, interval: 50 });
}

const answersHere = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}`).then(
    ({ status }) => status === 200,
    () => false,
  );
