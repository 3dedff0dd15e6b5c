import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { describe, expect, it, vi } from "vitest";
import { repositoryRoot } from "../../lib/paths";
import { missingControllers } from "../../local/cluster/cgroups";
import { missingKernelParts } from "../../local/cluster/kernel";
import {
  etcdError,
  memoryWanted,
  neededTools,
  type PreflightFacts,
  parseDistribution,
  preflightErrors,
  preflightFacts,
  preflightNotices,
  processorsWanted,
} from "../../local/cluster/preflight";
import { missingPackages } from "../../local/toolchain/debian-packages";
import { installTool } from "../../local/toolchain/installed-tools";
import { neededLocalImages } from "../../local/toolchain/third-party-images/recipes";

const good: PreflightFacts = {
  platform: "linux",
  uid: 0,
  asRoot: 'sudo env "PATH=$PATH" npm start -- --nodes 2',
  apt: true,
  go: "1.26.8",
  goWanted: "1.25.8",
  disk: [{ path: "/cache", free: 40e9 }],
  compiled: false,
  startedBefore: false,
  distribution: { id: "debian", version: "12", name: "Debian GNU/Linux 12 (bookworm)" },
  processors: 2,
  memory: 8e9,
  missingKernelParts: [],
  missingControllers: [],
  ports: { notices: [], open: [] },
  proxies: [],
};

describe("what keeps the local cluster from starting", () => {
  it("is nothing on a machine that fits", () => expect(preflightErrors(good)).toEqual([]));

  it.each<[Partial<PreflightFacts>, RegExp]>([
    [{ platform: "darwin" }, /needs Linux, and this is darwin: use a Linux machine, or name the context/],
    [{ uid: 1000 }, /needs root.*: run sudo env "PATH=\$PATH" npm start -- --nodes 2, or name/],
    [{ apt: false }, /no apt-get: use Debian or Ubuntu/],
    [{ go: undefined }, /Go is not installed: install Go 1\.25\.8 or newer/],
    [{ go: "1.25.7" }, /Go 1\.25\.7 is too old: install Go 1\.25\.8/],
    [{ go: "1.24.9" }, /too old/],
    [
      { disk: [{ path: "/cache", free: 14.9e9 }] },
      /Only 14\.9 GB are free at \/cache, and 15 GB are needed: free some/,
    ],
    [
      { unreachableMirror: "https://mirror.example.org/debian" },
      /can't read .* at https:\/\/mirror\.example\.org\/debian: set GOURMETGRAM_DEBIAN_MIRROR to a mirror/,
    ],
    [{ processors: 1 }, /This machine has 1 processor, .*: use a machine with 2 or more, or name/],
    [{ memory: 3.9e9 }, /This machine has 3\.9 GB of memory, and 5\.5 GB are needed .*: use a larger machine, or name/],
    [{ missingKernelParts: ["network namespaces"] }, /kernel allows no network namespaces here: run it on the machine/],
    [{ missingKernelParts: ["overlay mounts"] }, /kernel allows no overlay mounts here: set GOURMETGRAM_STATE/],
    [{ missingKernelParts: ["iptables"] }, /kernel allows no iptables here: load the kernel's modules/],
    [{ missingControllers: ["memory", "pids"] }, /controllers memory, pids are missing or read-only: start the kernel/],
    [{ ports: { notices: [], open: [], error: "No port is free for api." } }, /^No port is free for api\.$/],
    [{ distribution: { id: "debian", version: "11", name: "Debian 11" } }, /^Debian 11 is too old, .*: use Debian 12/],
    [{ distribution: { id: "ubuntu", version: "20.04", name: "Ubuntu 20.04" } }, /^Ubuntu 20\.04 is too old/],
  ])("is said in one sentence: %j", (change, sentence) => {
    const found = preflightErrors({ ...good, ...change });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
  });

  it("names everything at once", () => expect(preflightErrors({ ...good, uid: 1, go: undefined })).toHaveLength(2));

  it("asks for no Go once all is compiled, and for less space once it was started", () => {
    const disk = [{ path: "/cache", free: 11e9 }];
    expect(preflightErrors({ ...good, compiled: true, startedBefore: true, go: undefined, disk })).toEqual([]);
    expect(preflightErrors({ ...good, startedBefore: true, disk })).toEqual([]);
  });

  it("asks for Go again if the tools are of an earlier program", () =>
    expect(preflightErrors({ ...good, startedBefore: true, go: undefined })).toEqual([
      expect.stringContaining("Go is not installed"),
    ]));

  it.each(["1.25.8", "1.26", "1.26rc1", "2.0.1"])("takes Go %s for new enough", (go) =>
    expect(preflightErrors({ ...good, go })).toEqual([]),
  );
});

describe("the programs that are to be there", () => {
  it.each([
    ["no store of its own", [], false],
    ["an object store of its own", ["artifacts"], true],
    ["an object store whose image was pulled", ["artifacts"], false, new Set(["versitygw" as const])],
  ])("for a stack with %s", (_what, stores, isThere, pulled = new Set<"versitygw">()) =>
    expect(neededTools(neededLocalImages(stores), pulled).includes("versitygw")).toBe(isThere),
  );
});

it("the ports of the machine are looked at before the start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "preflight-"));
  vi.stubEnv("GOURMETGRAM_CACHE", join(folder, "cache")).stubEnv("GOURMETGRAM_STATE", join(folder, "state"));
  vi.stubEnv("HTTPS_PROXY", "http://proxy.example.org:3128");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const forward = { name: "staging", wanted: port, target: { host: "10.200.0.1", port }, addresses: ["127.0.0.1"] };
    const { ports, proxies } = await preflightFacts([], [forward]);
    expect(ports).toEqual({
      notices: [expect.stringMatching(new RegExp(`^Port ${port} \\(.*, process ${process.pid}\\) is taken, so`))],
      open: [],
    });
    expect(proxies).toContain("HTTPS_PROXY");
    const open = await preflightFacts([], [{ ...forward, addresses: ["0.0.0.0"] }]);
    expect(open.ports.open).toHaveLength(1);
  } finally {
    vi.unstubAllEnvs();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  }
});

it("tools of an earlier program were started before, and are to be compiled again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "preflight-"));
  vi.stubEnv("GOURMETGRAM_CACHE", join(folder, "cache")).stubEnv("GOURMETGRAM_STATE", join(folder, "state"));
  try {
    const images = neededLocalImages([]);
    expect(await preflightFacts(images, [])).toMatchObject({ startedBefore: false, compiled: false });
    for (const tool of neededTools(images, new Set())) {
      writeFileSync(join(folder, "made"), "program");
      installTool(tool, join(folder, "made"), "an earlier program");
    }
    expect(await preflightFacts(images, [])).toMatchObject({ startedBefore: true, compiled: false });
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
});

describe("what is said before the local cluster starts", () => {
  it("is nothing where it was started before, on Debian and Ubuntu", () => {
    expect(preflightNotices({ ...good, startedFrom: "/clone" }, "/clone")).toEqual([]);
    expect(preflightNotices(good, "/clone")).toEqual([]);
    const disk = [{ path: "/cache", free: 5e9 }];
    expect(preflightErrors({ ...good, disk, compiled: true, startedBefore: true })).toEqual([]);
    expect(preflightNotices({ ...good, disk, compiled: true, startedBefore: true }, "/clone")).toEqual([]);
  });

  it("says what a disk is enough for that has no room to compile everything", () => {
    const facts = { ...good, disk: [{ path: "/cache", free: 29.94e9 }] };
    expect(preflightErrors(facts)).toEqual([]);
    expect(preflightNotices(facts, "/clone")).toEqual([
      "29.9 GB are free at /cache: enough if the official parts can be downloaded; to compile them all takes 30 GB.",
    ]);
  });

  it("is the other checkout from which it was started", () =>
    expect(preflightNotices({ ...good, startedFrom: "/other" }, "/clone")).toEqual([
      "This local cluster was started from /other, and continues with the program in /clone. " +
        "For a cluster of its own set GOURMETGRAM_STATE to another directory.",
    ]));

  it("is each port that another program holds", () =>
    expect(preflightNotices({ ...good, ports: { notices: ["Port 80 is taken."], open: [] } }, "/clone")).toEqual([
      "Port 80 is taken.",
    ]));

  it("is a firewall before the open ports", () =>
    expect(preflightNotices({ ...good, ports: { notices: [], open: [8081, 80] }, firewall: "ufw" }, "/clone")).toEqual([
      "The firewall of this machine (ufw) is active: let the open ports 8081, 80 through it, " +
        "as with ufw allow 8081/tcp.",
    ]));

  it("is what goes through a proxy", () =>
    expect(preflightNotices({ ...good, proxies: ["HTTPS_PROXY", "http_proxy"] }, "/clone")).toEqual([
      "HTTPS_PROXY and http_proxy are set: downloads and package registries go through the proxy; " +
        "this machine's own ports and the cluster do not, and need no entry in NO_PROXY.",
    ]));

  it("is a distribution that nobody has looked at", () => {
    const distribution = parseDistribution('ID=linuxmint\nVERSION_ID="22"\nPRETTY_NAME="Linux Mint 22"\n');
    expect(preflightErrors({ ...good, distribution })).toEqual([]);
    expect(preflightNotices({ ...good, distribution }, "/clone")).toEqual([
      "Linux Mint 22 is neither Debian nor Ubuntu, for which this is made: packages may be missing.",
    ]);
  });

  it.each([
    ['ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', good.distribution],
    ["NAME=Ubuntu\nID=ubuntu\nVERSION_ID='24.04'\n", { id: "ubuntu", version: "24.04", name: "ubuntu" }],
    ["", { id: "", version: "", name: "this system" }],
  ])("reads the distribution's own words: %j", (text, expected) => expect(parseDistribution(text)).toEqual(expected));
});

describe("an etcd", () => {
  it.each(["3.4.23", "3.5.16", "3.10.0", "4.0.0"])("serves the cluster: %s", (version) =>
    expect(etcdError(`etcd Version: ${version}\nGit SHA: Not provided\n`)).toBeUndefined(),
  );

  it.each(["etcd Version: 3.3.25\n", "unknown"])("is too old, said in a sentence: %j", (output) =>
    expect(etcdError(output)).toMatch(/^The etcd that apt installed is .*, and 3\.4 or newer is needed: use a newer/),
  );
});

describe("the size that a machine must have", () => {
  // Beside the pods that always run: a training, the step that builds an image, and what the cluster itself takes.
  it("is what the pods of the pipeline request at a time, beside the cluster itself", () => {
    const deployed = requests(readFileSync(join(repositoryRoot, "test", "golden", "staging.yaml"), "utf8"));
    const steps = requests(["train-model", "build-container-image"].map(workflow).join("\n---\n"));
    const environments = 3 * 256 * mebibyte;
    expect(deployed.memory).toBeGreaterThan(1e9);
    expect(deployed.memory + steps.memory + environments + 1.3e9).toBeLessThan(memoryWanted);
    expect(deployed.cpu + steps.cpu + 3 * 0.1).toBeGreaterThan(processorsWanted - 1);
    expect(deployed.cpu + steps.cpu + 3 * 0.1).toBeLessThan(processorsWanted);
  });
});

describe("the kernel of this machine", () => {
  it.skipIf(process.getuid?.() !== 0)("has all that the cluster needs, where the tests run as root", async () => {
    expect([await missingKernelParts(repositoryRoot), missingControllers()]).toEqual([[], []]);
  });
});

const mebibyte = 2 ** 20;
const workflow = (name: string) => readFileSync(join(repositoryRoot, "workflows", `${name}.yaml`), "utf8");

/** What all containers in these YAML documents request, in bytes and processors. */
function requests(text: string): { memory: number; cpu: number } {
  const sum = { memory: 0, cpu: 0 };
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      // A group of objects has them once more, as resources of their own.
      if (key === "objs") continue;
      if (key !== "requests") visit(value);
      else {
        const { memory = "0Mi", cpu = "0m" } = value as Record<string, string>;
        sum.memory += parseInt(memory, 10) * (memory.endsWith("Gi") ? 1024 : 1) * mebibyte;
        sum.cpu += parseInt(cpu, 10) / 1000;
      }
    }
  };
  loadAll(text, visit);
  return sum;
}

describe("missing Debian packages", () => {
  it("are those that dpkg doesn't call installed", () => {
    const query = "runc install ok installed\netcd-server deinstall ok config-files\n";
    expect(missingPackages(["runc", "etcd-server", "skopeo"], query)).toEqual(["etcd-server", "skopeo"]);
  });

  it("are not those that Docker's own package stands for, and which apt would remove for them", () =>
    expect(missingPackages(["containerd", "runc", "skopeo"], "containerd.io install ok installed\n")).toEqual([
      "skopeo",
    ]));
});
