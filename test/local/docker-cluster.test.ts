/**
 * The clusters that `npm start` makes in Docker. kind's own code reads and uses the configuration. Behind it is a
 * stand-in for `docker`, which notes its calls and answers as for a new node, up to `kubeadm init`.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseSettings, type Settings } from "../../config";
import { exposedPorts } from "../../config/exposed-ports";
import { goTool } from "../../image-builder/go-tool";
import { exec, succeeds } from "../../lib/exec";
import { goModuleDir } from "../../lib/go-module";
import { repositoryRoot } from "../../lib/paths";
import { k3dConfig } from "../../local/docker-cluster/k3d";
import { kindConfig } from "../../local/docker-cluster/kind";
import { runnableStack, withoutProject } from "../stack-files";

const settingsOf = (stack: string, sections: object = {}): Settings =>
  parseSettings({ ...withoutProject(runnableStack(stack)), ...sections });

/** What a stack's exposure is, with some keys replaced. */
const exposureOf = (stack: string, keys: object) => ({
  exposure: { ...(withoutProject(runnableStack(stack)).exposure as object), ...keys },
});

const standIn = `#!/bin/sh
echo "$@" >>"$STAND_IN/calls"
last() { for last; do :; done; echo "$last"; }
case "$*" in
-v) echo "Docker version 28.2.2, build stand-in" ;;
info*) echo '{"CgroupVersion":"2","CgroupDriver":"systemd","SecurityOptions":[]}' ;;
ps*) [ -e "$STAND_IN/made" ] && echo gourmetgram-control-plane ;;
run*) touch "$STAND_IN/made" ;;
logs*) echo "Reached target Multi-User System." ;;
*GlobalIPv6Address*) echo 172.18.0.2, ;;
inspect*role*) echo control-plane ;;
*"cat /kind/version") echo v1.34.8 ;;
*"cat /etc/containerd/config.toml") cat "$CONTAINERD_CONFIG" ;;
*"cp /dev/stdin"*) cat >"$STAND_IN/$(basename "$(last "$@")")" ;;
*"kubeadm init"*) echo "no kubeadm behind the stand-in" >&2; exit 1 ;;
esac
exit 0
`;

describe("the kind cluster of the shipped stack", () => {
  let folder: string;
  let kind: string;
  let containerdConfig: string;
  beforeAll(async () => {
    kind = await goTool("kind");
    const module = await exec("go", ["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind"], {
      cwd: goModuleDir("kind"),
      env: { GOWORK: "off" },
    });
    containerdConfig = join(module.trim(), "images/base/files/etc/containerd/config.toml");
  }, 600_000);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kind-"));
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin", "docker"), standIn, { mode: 0o755 });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What kind says of a configuration, and the calls that it makes of Docker meanwhile. */
  async function create(config: object): Promise<{ said: string; calls: string[] }> {
    const file = join(folder, "kind.yaml");
    writeFileSync(file, dump(config));
    const said = await exec(kind, ["create", "cluster", "--config", file], {
      env: {
        PATH: `${join(folder, "bin")}:${process.env.PATH}`,
        KUBECONFIG: join(folder, "kubeconfig"),
        STAND_IN: folder,
        CONTAINERD_CONFIG: containerdConfig,
      },
    }).catch((error: Error) => error.message);
    const calls = join(folder, "calls");
    return { said, calls: existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : [] };
  }

  const written = (name: string) => readFileSync(join(folder, name), "utf8");

  it("is for kind's own code a node of a pinned image, with the ports of the stack on 127.0.0.1", async () => {
    const settings = settingsOf("kind");
    const { said, calls } = await create(kindConfig(settings).file);
    expect(said).toContain("no kubeadm behind the stand-in");
    const run = calls.find((call) => call.startsWith("run "))!;
    expect(run).toMatch(/ docker\.io\/kindest\/node:v1\.34\.\d+@sha256:[0-9a-f]{64}$/);
    const published = [...run.matchAll(/--publish=127\.0\.0\.1:(\d+):(\d+)\/TCP/g)].map(([, host, node]) => [
      Number(host),
      Number(node),
    ]);
    const wanted = Object.entries(exposedPorts(settings)).map(([name, port]) => [
      port,
      settings.exposure.nodePorts[name],
    ]);
    expect(published.filter(([, node]) => node !== 6443)).toEqual(wanted);
    expect(wanted.map(([port]) => port)).toEqual([8081, 8080, 80, 8000, 2746, 8082, 8088, 8090]);
  });

  it("has a containerd in which the DaemonSet of the registry finds that its folder is read", async () => {
    await create(kindConfig(settingsOf("kind")).file);
    const golden = load(readFileSync(join(repositoryRoot, "test", "golden", "kind.yaml"), "utf8")) as any;
    const nodes = golden.resources.find(({ name }: { name: string }) => name === "registry-nodes");
    const { env } = nodes.inputs.spec.template.spec.containers[0] as { env: { name: string; value: string }[] };
    const pattern = env.find(({ name }) => name === "READS_FOLDER")!.value;
    const matches = (path: string) => succeeds("grep", ["-qsE", pattern, path]);
    expect(await matches(join(folder, "config.toml"))).toBe(true);
    // So the patch is what makes it so.
    expect(await matches(containerdConfig)).toBe(false);
  });

  it("has nodes that say what they were made from", async () => {
    const { mark, file } = kindConfig(settingsOf("kind"));
    await create(file);
    expect(mark).toMatch(/^[0-9a-f]{16}$/);
    expect(written("kubeadm.conf")).toContain(`gourmetgram.io/made-from=${mark}`);
  });

  it.each([
    ["a key that kind does not know", { extraPortMapping: [] }, "field extraPortMapping not found"],
    ["a port that is none", { extraPortMappings: [{ containerPort: 30001, hostPort: 80810 }] }, "invalid port number"],
  ])("is refused by kind's own code with %s, before a node is made", async (_title, node, reason) => {
    const { file } = kindConfig(settingsOf("kind")) as { file: { nodes: object[] } };
    const { said, calls } = await create({ ...file, nodes: [{ ...file.nodes[0], ...node }] });
    expect(said).toContain(reason);
    expect(calls.filter((call) => call.startsWith("run "))).toEqual([]);
  });
});

describe("a stack on another cluster than it is written for", () => {
  it.each([
    [
      "kind without node ports",
      () => kindConfig(settingsOf("kind", { exposure: { type: "LoadBalancer", host: "a" } })),
    ],
    [
      "kind whose node ports people open",
      () => kindConfig(settingsOf("kind", exposureOf("kind", { portsMapped: false }))),
    ],
  ])("is refused: %s", (_title, config) =>
    expect(config).toThrow(
      new Error(
        "gourmetgram:exposure: write type: NodePort and portsMapped: true, since kind leads ports of this machine to " +
          "node ports, or name the context of another cluster than kind-gourmetgram.",
      ),
    ),
  );

  it("is refused: k3d with node ports", () =>
    expect(() => k3dConfig(settingsOf("kind"))).toThrow(
      "gourmetgram:exposure.type: write LoadBalancer, since k3s has a load balancer of its own",
    ));

  it.each([
    ["without a fixed address of the registry", {}],
    ["with a DaemonSet that configures the nodes", { clusterIp: "10.43.0.50", configureNodes: true }],
  ])("is refused: k3d %s", (_title, registry) =>
    expect(() => k3dConfig(settingsOf("k3d", { registry }))).toThrow(
      "gourmetgram:registry: write clusterIp, and no configureNodes, since k3s reads the address of the registry",
    ),
  );
});

describe("the k3d cluster of the shipped stack", () => {
  const settings = settingsOf("k3d");
  const { mark, file } = k3dConfig(settings) as { mark: string; file: Record<string, any> };

  it("has one server, its image by digest, without Traefik, that says what it was made from", () => {
    const nodeFilters = ["server:*"];
    expect(file).toMatchObject({
      apiVersion: "k3d.io/v1alpha5",
      kind: "Simple",
      metadata: { name: "gourmetgram" },
      servers: 1,
    });
    expect(file.image).toMatch(/^docker\.io\/rancher\/k3s:v1\.34\.\d+-k3s1@sha256:[0-9a-f]{64}$/);
    expect(file.options.k3s).toEqual({
      extraArgs: [{ arg: "--disable=traefik", nodeFilters }],
      nodeLabels: [{ label: `gourmetgram.io/made-from=${mark}`, nodeFilters }],
    });
  });

  it("leads every port of the stack to the load balancer, on 127.0.0.1", () =>
    expect(file.ports).toEqual(
      [8081, 8080, 80, 8000, 2746, 8082, 8088, 8090].map((port) => ({
        port: `127.0.0.1:${port}:${port}`,
        nodeFilters: ["loadbalancer"],
      })),
    ));

  it("knows the pipeline's registry, at the address of its Service", () =>
    expect(load(file.registries.config)).toEqual({
      mirrors: { "registry.kube-system.svc.cluster.local:5000": { endpoint: ["http://10.43.0.50:5000"] } },
    }));
});

describe("a stack for people on other machines", () => {
  it("opens its ports on all addresses", () => {
    const ofKind = kindConfig(settingsOf("kind", exposureOf("kind", { host: "food.example.org" }))).file as any;
    expect(ofKind.nodes[0].extraPortMappings[0]).toMatchObject({ hostPort: 8081, listenAddress: "0.0.0.0" });
    const ofK3d = k3dConfig(settingsOf("k3d", exposureOf("k3d", { host: "food.example.org" }))).file as any;
    expect(ofK3d.ports[0].port).toBe("0.0.0.0:8081:8081");
  });

  it("has another mark", () =>
    expect(kindConfig(settingsOf("kind", exposureOf("kind", { host: "food.example.org" }))).mark).not.toBe(
      kindConfig(settingsOf("kind")).mark,
    ));
});
