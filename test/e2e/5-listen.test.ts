import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordedPorts } from "../../local/cluster/forward";
import { type OtherMachine, otherMachine } from "../other-machine";
import { type Finished, npm } from "./commands";
import { status } from "./observations";

const environments = ["staging", "canary", "production", "gateway"];
const pages = ["mlflow", "argoWorkflows", "argoCd", "board"];
const inside = ["api", "registry", "mirror"];

describe("Given a cluster that runs, and another machine on the network", () => {
  let other: OtherMachine;
  let start: Finished;

  beforeAll(async () => {
    other = await otherMachine("gg-e2e", 60);
  });
  afterAll(async () => {
    // The story goes on where it was.
    expect((await npm("start")).code).toBe(0);
    await other.remove();
  });

  /** What the other machine gets from these ports of this one. */
  async function answers(names: string[]): Promise<Record<string, number | string>> {
    const hosts = names.map((name) => `${other.here.ipv4}:${recordedPorts()![name]}`);
    const found = await other.ask(hosts);
    return Object.fromEntries(names.map((name, index) => [name, found[hosts[index]]]));
  }
  const allOf = (names: string[], answer: number | string) => Object.fromEntries(names.map((name) => [name, answer]));

  describe("When npm start has opened the environments and the pages at that network's address", () => {
    beforeAll(async () => {
      start = await npm("start", "--", "--listen", other.here.ipv4);
    });

    it("Then it says so, and status names the address", async () => {
      expect(start.code).toBe(0);
      expect(start.output).toContain(`! Whoever reaches ${other.here.ipv4} can open these ports`);
      const { urls } = await status();
      for (const name of [...environments, ...pages]) expect(urls[name]).toContain(`//${other.here.ipv4}:`);
    });

    it("Then the environments and the pages answer the other machine, MLflow too", async () => {
      // A page may redirect to where it begins.
      for (const [name, answer] of Object.entries(await answers([...environments, ...pages])))
        expect([name, [200, 301, 302, 303, 307, 308].includes(answer as number)]).toEqual([name, true]);
    });

    it("Then the Kubernetes API, the registry and the mirror do not", async () => {
      expect(await answers(inside)).toEqual(allOf(inside, "ECONNREFUSED"));
    });
  });

  describe("When npm start has opened the environments alone", () => {
    it("Then they answer the other machine, and no page does", async () => {
      start = await npm("start", "--", "--listen", "0.0.0.0", "--only", "environments");
      expect(start.code).toBe(0);
      expect(await answers(environments)).toEqual(allOf(environments, 200));
      expect(await answers([...pages, ...inside])).toEqual(allOf([...pages, ...inside], "ECONNREFUSED"));
    });
  });

  describe("When npm start is called without the flag", () => {
    it("Then it says that the ports are on 127.0.0.1 again, and nothing answers the other machine", async () => {
      start = await npm("start");
      expect(start.output).toContain("The ports are open on 127.0.0.1 only again, since this start has no --listen");
      const names = [...environments, ...pages, ...inside];
      expect(await answers(names)).toEqual(allOf(names, "ECONNREFUSED"));
    });
  });

  it("When the address is none of this machine, Then npm start says which it could be", async () => {
    const refused = await npm("start", "--", "--listen", "203.0.113.7");
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/203\.0\.113\.7 is no address under which others reach this machine: listen on /);
  });
});
