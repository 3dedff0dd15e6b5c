import { describe, expect, it } from "vitest";
import { apiPort, kubeletPort, kubeProxyPort, mirrorPort } from "../../lib/local-ports";
import { kubeletConfig, kubeProxyConfig } from "../../local/cluster/configuration";
import { choosePorts, localForwards, portNotices } from "../../local/cluster/forward";
import { firstNode } from "../../local/cluster/nodes";
import { settingsWith } from "../stack-files";

const list = localForwards({ staging: 8081, production: 80 });
const free =
  (...taken: number[]) =>
  async (port: number) =>
    !taken.includes(port);

describe("ports of the local cluster", () => {
  it("leads to the node, and to the registry's own address", () => {
    expect(list.map(({ name, wanted, target }) => `${name} ${wanted} ${target.host}:${target.port}`)).toEqual([
      "api 6443 10.200.0.1:6443",
      "registry 5000 10.96.0.50:5000",
      "mirror 5001 10.200.0.1:5001",
      "staging 8081 10.200.0.1:8081",
      "production 80 10.200.0.1:80",
    ]);
  });

  it("are the wanted ones where those are free, and nothing is said", async () => {
    const ports = await choosePorts(list, free());
    expect(ports).toEqual({ api: 6443, registry: 5000, mirror: 5001, staging: 8081, production: 80 });
    expect(portNotices(list, ports)).toEqual([]);
  });

  it("stay below 65536: a high one moves down", async () => {
    const high = list.map((forward) => (forward.name === "staging" ? { ...forward, wanted: 60_000 } : forward));
    expect((await choosePorts(high, free(60_000))).staging).toBe(40_000);
  });

  it("move to the next free one above 20000 more, said in one sentence", async () => {
    const ports = await choosePorts(list, free(80, 20080));
    expect(ports.production).toBe(20081);
    const nginx = new Map([[80, "nginx, process 812"]]);
    expect(portNotices(list, ports, () => nginx)).toEqual([
      "Port 80 (nginx, process 812) is taken, so production is at port 20081: stop that program, then run " +
        "npm stop -- --keep-data and npm start, or write another port in the stack file.",
    ]);
  });

  it("are named in one sentence where several are taken, with who holds them as far as that is known", async () => {
    const ports = await choosePorts(list, free(80, 5001, 8081));
    expect(portNotices(list, ports, () => new Map([[8081, "node, process 7"]]))).toEqual([
      "Ports 5001, 8081 (node, process 7) and 80 are taken, so mirror is at port 25001, staging is at 28081 and " +
        "production is at 20080: stop those programs, then run npm stop -- --keep-data and npm start, " +
        "or write other ports in the stack file.",
    ]);
  });

  it("name a program once that holds several", async () => {
    const node = "node, process 7";
    const holders =
      (...ports: number[]) =>
      () =>
        new Map(ports.map((port) => [port, node]));
    const ports = await choosePorts(list, free(5000, 80, 5001, 8081));
    expect(portNotices(list, ports, holders(5000, 5001, 8081, 80))[0]).toMatch(
      /^Ports 5000, 5001, 8081 and 80 \(all node, process 7\) are taken, .*: stop that program, then .* other ports in/,
    );
    expect(portNotices(list, ports, holders(5001, 80))[0]).toMatch(
      /^Ports 5000, 5001 and 80 \(both node, process 7\) and 8081 are taken, .*: stop those programs, then/,
    );
  });

  it("are never given twice", async () => {
    const twins = [list[3], { ...list[3], name: "twin" }];
    expect(await choosePorts(twins, free())).toEqual({ staging: 8081, twin: 28081 });
  });

  it("fail with what to do when none is free", async () => {
    await expect(choosePorts(list, async () => false)).rejects.toThrow(/No port is free for api .*: stop a program/);
  });
});

describe("what the local cluster itself needs", () => {
  const forwards = localForwards({});

  it.each([...forwards.map(({ wanted }) => wanted), ...[apiPort, mirrorPort, kubeletPort, kubeProxyPort]])(
    "is refused as a port of what people open: %i",
    (port) => {
      const taken = `port ${port} is already used by the `;
      expect(() => settingsWith({ environments: { staging: { port } } })).toThrow(taken);
      expect(() => settingsWith({ cluster: { context: "lab" }, environments: { staging: { port } } })).not.toThrow(
        taken,
      );
    },
  );

  it.each(forwards.map(({ name }) => name))("is refused as the name of an environment: %s", (name) => {
    const environments = { staging: { port: 8081 }, [name]: { port: 8080, promotesFrom: "staging" } };
    expect(() => settingsWith({ environments })).toThrow(`environments.${name}: invalid name of an environment`);
  });

  it("has those ports in what its components read", () => {
    expect(kubeletConfig(firstNode())).toMatchObject({ port: kubeletPort });
    expect(kubeProxyConfig(firstNode())).toMatchObject({ healthzBindAddress: `0.0.0.0:${kubeProxyPort}` });
  });
});
