/** A local cluster of two nodes: what one node cannot show. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { registryAddress } from "../../images/catalogue";
import { exec } from "../../lib/exec";
import { instance, stateDir } from "../../lib/paths";
import { containerdFiles } from "../../local/cluster/configuration";
import { apply, kubectl } from "../../local/cluster/kubectl";
import { containerdFolder } from "../../local/cluster/mounts";
import { registryIp } from "../../local/cluster/network";
import { type LocalNode, localNodes, netnsPath, recordedNodeCount } from "../../local/cluster/nodes";
import { npm } from "./commands";
import { followToEnd, registerCandidate, submitBuild, waitFor } from "./faults";
import { environment, expectSettled, newestVersion, releasedDigest, status, tags } from "./observations";
import { withStackChange } from "./stack-change";
import { withUsers } from "./users";

// Before the imports: the names of a cluster follow from its directory. No other file's cluster is touched.
vi.hoisted(() => {
  process.env.GOURMETGRAM_STATE += "-nodes";
});

const [first, second] = localNodes();
const both = [first, second];
const minutes = 60_000;

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { phase: string; conditions?: { type: string; status: string }[] };
}

async function list<T>(...args: string[]): Promise<T[]> {
  return (JSON.parse(await kubectl("get", ...args, "--output", "json")) as { items: T[] }).items;
}

const isReady = ({ metadata, status: { conditions } }: Pod) =>
  !metadata.deletionTimestamp && conditions?.some(({ type, status: word }) => type === "Ready" && word === "True");

/** The nodes on which an app's ready pods are. */
async function nodesOf(namespace: string, selector: string): Promise<string[]> {
  const pods = await list<Pod>("pods", "--namespace", namespace, "--selector", selector);
  return pods
    .filter(isReady)
    .map(({ spec }) => spec.nodeName!)
    .sort();
}

/** Nodes that are ready. */
async function readyNodes(): Promise<string[]> {
  return (await list<Pod>("nodes")).filter(isReady).map(({ metadata }) => metadata.name);
}

const drain = ({ name }: LocalNode) =>
  kubectl("drain", name, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s");
const uncordon = ({ name }: LocalNode) => kubectl("uncordon", name);

/** Has an app's only pod run on a node. */
async function moveTo(node: LocalNode, namespace: string, selector: string): Promise<void> {
  if ((await nodesOf(namespace, selector)).join() === node.name) return;
  const others = both.filter((other) => other !== node);
  for (const other of others) await kubectl("cordon", other.name);
  try {
    await kubectl("delete", "pod", "--namespace", namespace, "--selector", selector);
    await waitFor(`${selector} on ${node.name}`, async () => (await nodesOf(namespace, selector)).join() === node.name);
  } finally {
    for (const other of others) await uncordon(other);
  }
}

/** HTTP status of an answer, asked for from the network of a node. */
const statusFrom = async (node: LocalNode, url: string): Promise<string> => {
  const ask = `fetch(${JSON.stringify(url)}).then(({ status }) => console.log(status), console.error)`;
  return (await exec("nsenter", [`--net=${netnsPath(node)}`, "--", process.execPath, "--eval", ask])).trim();
};

/** What a cluster has outside its directory: processes, mounts, network namespaces and cgroups. */
async function traces(): Promise<string[]> {
  const isIts = (text: string) => text.includes(instance) || text.includes(`${stateDir()}/`);
  const commands = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      const path = `/proc/${pid}/cmdline`;
      return existsSync(path) ? readFileSync(path, "utf8").replaceAll("\0", " ") : "";
    });
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const cgroups = readdirSync("/sys/fs/cgroup", { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [name, ...readdirSync(join("/sys/fs/cgroup", name))]);
  return [...commands, ...mounts, ...cgroups, ...(await exec("ip", ["netns"])).split("\n")].filter(isIts);
}

describe("Given a machine without this cluster", () => {
  it("When one of two nodes is started, Then both are ready, and the volumes are on the first", async () => {
    const start = await npm("start", "--", "--nodes", "2");
    expect(start.code).toBe(0);
    expect(await readyNodes()).toEqual(both.map(({ name }) => name));
    for (const [namespace, app] of [
      ["gourmetgram-platform", "app=mlflow"],
      ["kube-system", "app=registry"],
    ])
      expect(await nodesOf(namespace, app)).toEqual([first.name]);
  });
});

/** `repository@digest` of the app without a model, in the pipeline's registry. */
async function appImage(): Promise<string> {
  const json = await kubectl("get", "configmap", "pipeline-parameters", "--namespace", "argo", "--output", "json");
  return (JSON.parse(json) as { data: Record<string, string> }).data["app-base-image"];
}

describe("Given a pod of the app on each node, whose image is in the pipeline's registry", () => {
  const namespace = "on-both-nodes";
  const nodePort = ({ number }: LocalNode) => 30_000 + number;
  beforeAll(async () => {
    const image = await appImage();
    const objects = (node: LocalNode) => {
      const labels = { app: node.name };
      const metadata = { name: node.name, namespace, labels };
      const container = {
        name: "app",
        image,
        readinessProbe: { httpGet: { path: "/healthz", port: 8000 }, periodSeconds: 1 },
      };
      return [
        { apiVersion: "v1", kind: "Pod", metadata, spec: { nodeName: node.name, containers: [container] } },
        {
          apiVersion: "v1",
          kind: "Service",
          metadata,
          spec: { type: "NodePort", selector: labels, ports: [{ port: 8000, nodePort: nodePort(node) }] },
        },
      ];
    };
    await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, ...both.flatMap(objects)]);
    await kubectl("wait", "pod", "--all", "--namespace", namespace, "--for=condition=Ready", "--timeout=300s");
    return () => kubectl("delete", "namespace", namespace);
  }, 10 * minutes);

  it("When each asks for the other by its Service's name, Then it answers", async () => {
    for (const [from, to] of [
      [first, second],
      [second, first],
    ]) {
      const url = `http://${to.name}.${namespace}.svc.cluster.local:8000/healthz`;
      const ask = `import urllib.request; print(urllib.request.urlopen(${JSON.stringify(url)}).status)`;
      const exec = ["exec", from.name, "--namespace", namespace, "--", "python3", "-c", ask];
      expect((await kubectl(...exec)).trim(), `${from.name} to ${to.name}`).toBe("200");
    }
  });

  it("When its node port is asked at either node, from either node, Then it answers", async () => {
    for (const from of both)
      for (const at of both)
        for (const to of both)
          expect(
            await statusFrom(from, `http://${at.ip}:${nodePort(to)}/healthz`),
            `${from.name} at ${at.name} to ${to.name}`,
          ).toBe("200");
  });

  it("When an environment is asked at either node's address, Then it answers", async () => {
    for (const from of both)
      for (const at of both) expect(await statusFrom(from, `http://${at.ip}:8081/healthz`)).toBe("200");
  });
});

describe("Given nodes that do not know the pipeline's registry", () => {
  const namespace = "of-the-registry";
  const hosts = (node: LocalNode) => join(containerdFiles(node), "certs.d", registryAddress, "hosts.toml");
  beforeAll(async () => {
    for (const node of both) rmSync(hosts(node));
    await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }]);
    return () => kubectl("delete", "namespace", namespace);
  });

  it("When the DaemonSet of configureNodes runs, Then each pulls from it; this machine's are untouched", async () => {
    const machine = () => readdirSync(containerdFolder, { recursive: true });
    const before = machine();
    const image = await appImage();
    const pod = (node: LocalNode) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: node.name, namespace },
      spec: { nodeName: node.name, containers: [{ name: "app", image, imagePullPolicy: "Always" }] },
    });
    await apply(both.map(pod));
    const reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
    for (const { name } of both)
      await waitFor(`the failed pull of ${name}`, async () =>
        /^(ErrImagePull|ImagePullBackOff)$/.test(await kubectl("get", "pod", name, "-n", namespace, "-o", reason)),
      );
    await withStackChange({ registry: { configureNodes: true } }, async (update) => {
      await update;
      expect(await nodesOf("kube-system", "app=registry-nodes")).toEqual(both.map(({ name }) => name));
      for (const node of both) expect(readFileSync(hosts(node), "utf8")).toContain(`http://${registryIp}:5000`);
      await kubectl("wait", "pod", "--all", "--namespace", namespace, "--for=condition=Ready", "--timeout=400s");
    });
    expect(machine()).toEqual(before);
  });
});

describe("Given a model in every environment", () => {
  let good: string;
  beforeAll(async () => {
    const released = (await environment("canary")).version;
    if (!released) expect((await npm("run", "train", "--", "normal")).code).toBe(0);
    good = released?.replace("1.0.", "") ?? (await newestVersion());
    if ((await environment("production")).version !== `1.0.${good}`)
      expect((await npm("run", "promote", "--", good, "canary", "production")).code).toBe(0);
    // The gateway is one pod, and the node that is drained is the second.
    await moveTo(first, "gourmetgram-gateway", "app=envoy");
  }, 30 * minutes);

  it("When the node of production's only pod is drained, Then it comes back on the other node", async () => {
    await moveTo(second, "gourmetgram-production", "app=gourmetgram-production");
    const { urls } = await status();
    const { answers } = await withUsers([urls.production], async () => {
      await drain(second);
      await waitFor("production on the first node", async () =>
        (await nodesOf("gourmetgram-production", "app=gourmetgram-production")).includes(first.name),
      );
    });
    await uncordon(second);
    console.log(`${answers.answered} requests were answered, ${answers.lost.length} lost`, answers.lost);
    expect(answers.versions).toEqual([`1.0.${good}`]);
    await expectSettled({ production: `1.0.${good}` });
  });

  it("When a node is drained during a promotion to two pods, Then no request is lost", async () => {
    await withStackChange(
      { environments: { canary: { replicas: 2 }, production: { replicas: 2 } } },
      async (update) => {
        await update;
        for (const app of ["gourmetgram-canary", "gourmetgram-production"])
          await waitFor(
            `${app} on both nodes`,
            async () => (await nodesOf(app, `app=${app}`)).join() === both.map(({ name }) => name).join(),
          );
        const next = await registerCandidate(good);
        expect((await followToEnd(await submitBuild(next))).word).toBe("Promoted");
        const { image_digest: digest } = await tags(next);
        const { urls } = await status();
        const { result, answers } = await withUsers([urls.gateway, urls.production], async () => {
          const promotion = npm("run", "promote", "--", next, "canary", "production");
          await waitFor("the release to production", async () => (await releasedDigest("production")) === digest, 600);
          await drain(second);
          return promotion;
        });
        await uncordon(second);
        console.log(`${answers.answered} requests were answered`);
        expect(answers.lost).toEqual([]);
        expect(result.code).toBe(0);
        expect(answers.versions).toContain(`1.0.${next}`);
        await expectSettled({ canary: `1.0.${next}`, production: `1.0.${next}` });
        good = next;
      },
    );
  });

  it("When it starts again, Then it keeps its nodes; with one, Then the second is gone with all it had", async () => {
    expect((await npm("start")).code).toBe(0);
    expect(await readyNodes()).toEqual(both.map(({ name }) => name));

    expect((await npm("start", "--", "--nodes", "1")).code).toBe(0);
    expect(await readyNodes()).toEqual([first.name]);
    expect(recordedNodeCount()).toBe(1);
    expect((await traces()).filter((trace) => trace.includes(second.name) || trace.includes(second.netns))).toEqual([]);
    expect(existsSync(second.stateDir)).toBe(false);
    await expectSettled({ production: `1.0.${good}` });
  });

  it("When it is stopped with two nodes, Then nothing is left", async () => {
    expect((await npm("start", "--", "--nodes", "2")).code).toBe(0);
    expect((await npm("stop")).code).toBe(0);
    expect(await traces()).toEqual([]);
    expect(existsSync(stateDir())).toBe(false);
  });
});
