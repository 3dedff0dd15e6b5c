import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Registry } from "../../components/platform/registry";
import { catalogue } from "../../images/catalogue";
import { type CommandError, exec } from "../../lib/exec";
import { childrenOf, one, record } from "../registrations";
import { settingsWith } from "../stack-files";

async function registry(section: object = {}) {
  const { registry: settings, images } = settingsWith({ registry: section });
  const { registrations, result } = await record({}, () => ({
    address: new Registry("registry", { settings, images: images.catalogue }).address,
  }));
  return { registrations, address: result.address, inputs: (name: string) => one(registrations, name).inputs };
}

describe("Registry", () => {
  it("is a Deployment, its volume and its Service, and nothing on the nodes", async () => {
    const { registrations, address } = await registry();
    expect(childrenOf(registrations, "registry")).toEqual([
      "Deployment registry-deployment",
      "PersistentVolumeClaim registry-data",
      "Service registry-service",
    ]);
    expect(registrations).toHaveLength(4);
    expect(address).toBe("registry.kube-system.svc.cluster.local:5000");
  });

  it("answers at its fixed address, with a ClusterIP that the cluster chooses", async () => {
    expect((await registry()).inputs("registry-service")).toMatchObject({
      metadata: { name: "registry", namespace: "kube-system" },
      spec: { selector: { app: "registry" }, ports: [{ name: "http", port: 5000, targetPort: 5000 }] },
    });
    expect((await registry()).inputs("registry-service").spec).not.toHaveProperty("clusterIP");
  });

  it("has the stack's ClusterIP and size", async () => {
    const { inputs } = await registry({ clusterIp: "10.96.0.50", storage: "5Gi" });
    expect(inputs("registry-service").spec.clusterIP).toBe("10.96.0.50");
    expect(inputs("registry-data").spec).toEqual({
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "5Gi" } },
    });
  });

  it("runs the catalogue's image, one pod at a time, on its volume", async () => {
    const { spec } = (await registry()).inputs("registry-deployment");
    expect(spec).toMatchObject({
      replicas: 1,
      strategy: { type: "Recreate" },
      selector: { matchLabels: { app: "registry" } },
    });
    const [container, ...others] = spec.template.spec.containers;
    expect(others).toEqual([]);
    expect(container.image).toBe(`docker.io/library/registry@${catalogue.registry.digest}`);
    // A collection before it serves may take 480 s.
    expect(container.startupProbe.periodSeconds * container.startupProbe.failureThreshold).toBeGreaterThan(480 + 60);
    expect(container.volumeMounts).toEqual([
      { name: "data", mountPath: "/var/lib/registry" },
      { name: "tmp", mountPath: "/tmp" },
    ]);
    expect(spec.template.spec.volumes).toEqual([
      { name: "data", persistentVolumeClaim: { claimName: "registry-data" } },
      { name: "tmp", emptyDir: {} },
    ]);
  });

  it("configures the nodes where the stack asks for it", async () => {
    const { registrations, inputs } = await registry({ configureNodes: true, clusterIp: "10.96.0.50" });
    expect(childrenOf(registrations, "registry")).toContain("DaemonSet registry-nodes");
    const pod = inputs("registry-nodes").spec.template.spec;
    expect(pod.volumes).toEqual([
      {
        name: "certs",
        hostPath: {
          path: "/etc/containerd/certs.d/registry.kube-system.svc.cluster.local:5000",
          type: "DirectoryOrCreate",
        },
      },
      { name: "containerd", hostPath: { path: "/etc/containerd", type: "DirectoryOrCreate" } },
    ]);
    expect(pod.containers[0]).toMatchObject({
      image: `docker.io/library/registry@${catalogue.registry.digest}`,
      terminationMessagePolicy: "FallbackToLogsOnError",
      volumeMounts: [
        { name: "certs", mountPath: "/node" },
        { name: "containerd", mountPath: "/containerd", readOnly: true },
      ],
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
        runAsUser: 0,
      },
    });
  });
});

describe("the script that serves", () => {
  let folder: string;
  let running: ChildProcess;
  const manifest = (name: string) => join(folder, "repositories", "app", "_manifests", "revisions", name, "link");
  const done = () => readFile(join(folder, "done"), "utf8").catch(() => "");
  const ended = () => new Promise<number | null>((resolve) => running.on("exit", resolve));
  const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gourmetgram-registry-"));
  });
  afterEach(async () => {
    running.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  async function push(name: string): Promise<void> {
    await mkdir(dirname(manifest(name)), { recursive: true });
    await writeFile(manifest(name), name);
  }

  /** Runs it with a registry that only notes what it is told. A collection ends with the exit code that is given. */
  async function start(collectionCode = 0): Promise<void> {
    const program = [
      "#!/bin/sh",
      `echo "$1" >>${folder}/done`,
      `[ "$1" = garbage-collect ] && { echo "blob eligible for deletion: x"; exit ${collectionCode}; }`,
      "exec sleep 60",
    ];
    await writeFile(join(folder, "registry"), program.join("\n"), { mode: 0o755 });
    const { spec } = (await registry()).inputs("registry-deployment");
    const [shell, option, script] = spec.template.spec.containers[0].command;
    const here = script.replaceAll(" >/tmp/", ` >${folder}/`).replaceAll(/( |<)\/tmp\//g, `$1${folder}/`);
    running = spawn(shell, [option, here.replaceAll("sleep 10", "sleep 0.2")], {
      env: { PATH: `${folder}:${process.env.PATH}`, REPOSITORIES: join(folder, "repositories") },
      stdio: "ignore",
    });
    await soon(async () => expect(await done()).toContain("serve\n"));
  }

  /** Waits until its loop has noted these images, and no others. */
  const noted = (...names: string[]) =>
    soon(async () => {
      const links = (await readFile(join(folder, "known"), "utf8")).trim().split("\n");
      expect(links.sort()).toEqual(names.map(manifest));
    });

  it("frees what was deleted before it serves, and drops uploads that broke off", async () => {
    await push("a");
    await mkdir(join(folder, "repositories", "app", "_uploads", "x"), { recursive: true });
    await start();
    expect(await done()).toBe("garbage-collect\nserve\n");
    expect(existsSync(join(folder, "repositories", "app", "_uploads"))).toBe(false);
    expect(existsSync(manifest("a"))).toBe(true);
  });

  it("drops old lists of what is signed, links to layers that are gone, and empty folders", async () => {
    const kept = (...names: string[]) => join(folder, ...names);
    const written = async (text: string, ...names: string[]) => {
      await mkdir(dirname(kept(...names)), { recursive: true });
      await writeFile(kept(...names), text);
    };
    const app = ["repositories", "app"];
    const revision = (digest: string) => [...app, "_manifests", "revisions", "sha256", digest];
    const layer = (digest: string) => [...app, "_layers", "sha256", digest];
    const blob = (digest: string) => ["blobs", "sha256", digest.slice(0, 2), digest];
    const manifests = {
      // As crane writes the list, and the pipeline what it lists.
      aa01: '{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"artifactType":"x"}]}',
      aa02: '{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"artifactType":"x"},{}]}',
      bb01: '{"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"x"}',
      // What is signed of an index, and an index by digest: neither is a list of crane's.
      bb02: '{"artifactType":"x","subject":{"mediaType":"application/vnd.oci.image.index.v1+json"},"layers":[]}',
      bb03: '{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"artifactType":"x","platform":{}}]}',
      cc01: '{"mediaType":"application/vnd.oci.image.manifest.v1+json"}',
    };
    for (const [digest, text] of Object.entries(manifests)) {
      await written(text, ...blob(digest), "data");
      await written(`sha256:${digest}`, ...revision(digest), "link");
    }
    await written("sha256:aa02", ...app, "_manifests", "tags", "sha256-cc01", "current", "link");
    await written("a layer", ...blob("dd01"), "data");
    for (const digest of ["dd01", "dd02"]) await written(`sha256:${digest}`, ...layer(digest), "link");
    await mkdir(kept(...blob("ee01")), { recursive: true });
    await start();
    const isThere = (names: string[]) => existsSync(kept(...names));
    expect(Object.keys(manifests).filter((digest) => isThere(revision(digest)))).toEqual([
      "aa02",
      "bb01",
      "bb02",
      "bb03",
      "cc01",
    ]);
    expect(["dd01", "dd02"].filter((digest) => isThere(layer(digest)))).toEqual(["dd01"]);
    expect([isThere(blob("ee01")), isThere(["blobs", "sha256", "ee"])]).toEqual([false, false]);
    expect(isThere(blob("aa01"))).toBe(true); // the registry itself frees it
    expect(await done()).toBe("garbage-collect\nserve\n");
  });

  it("serves at once where nothing was ever pushed", async () => {
    await start();
    expect(await done()).toBe("serve\n");
  });

  it("serves though a collection fails", async () => {
    await push("a");
    await start(1);
    expect(await done()).toBe("garbage-collect\nserve\n");
  });

  it("ends when an image was deleted and no other one follows, so that it starts again", async () => {
    await start();
    await push("a");
    await push("b");
    await noted("a", "b");
    const end = ended();
    await rm(manifest("a"));
    expect(await end).toBe(0);
  });

  it("goes on where images are only pushed", async () => {
    await push("a");
    await start();
    await push("b");
    await noted("a", "b");
    await push("c");
    await noted("a", "b", "c");
    expect(running.exitCode).toBeNull();
  });

  it("ends when it is told to", async () => {
    await start();
    const end = ended();
    running.kill("SIGTERM");
    expect(await end).toBe(0);
  });
});

describe("the script that configures a node", () => {
  let node: string;
  beforeEach(async () => {
    node = await mkdtemp(join(tmpdir(), "gourmetgram-node-"));
    await mkdir(join(node, "node"));
    await mkdir(join(node, "containerd", "conf.d"), { recursive: true });
  });
  afterEach(() => rm(node, { recursive: true }));

  /** Runs it on folders of this machine, and ends where it would sleep. */
  async function configure(): Promise<string> {
    const { inputs } = await registry({ configureNodes: true, clusterIp: "10.96.0.50" });
    const [{ command, env }] = inputs("registry-nodes").spec.template.spec.containers;
    const [shell, option, script] = command;
    const here = script
      .replaceAll(/ (\/node\/|\/containerd\/)/g, ` ${node}$1`)
      .replace("exec sleep infinity", "exec echo configured");
    const values = env.map(({ name, value }: { name: string; value: string }) => [name, value]);
    return exec(shell, [option, here], { env: Object.fromEntries(values) }).catch(
      (error: CommandError) => error.stderr,
    );
  }
  const configured = (file: string, line: string) =>
    writeFile(join(node, "containerd", file), `version = 2\n[plugins]\n${line}\n`);

  it("writes the registry's address for containerd", async () => {
    await configure();
    expect(await readFile(join(node, "node", "hosts.toml"), "utf8")).toBe(
      'server = "http://10.96.0.50:5000"\n\n' +
        '[host."http://10.96.0.50:5000"]\n  capabilities = ["pull", "resolve"]\n',
    );
  });

  it.each([
    ["config.toml", '    config_path = "/etc/containerd/certs.d"'],
    ["config.toml", "config_path = '/etc/containerd/certs.d/'"],
    ["config.toml", "config_path='/etc/containerd/certs.d:/etc/docker/certs.d'"],
    ["conf.d/registry.toml", 'config_path = "/etc/docker/certs.d:/etc/containerd/certs.d"'],
  ])("is content where %s says %s", async (file, line) => {
    await configured(file, line);
    expect(await configure()).toBe("configured\n");
  });

  it.each([
    ["nothing", "disabled_plugins = []"],
    ["containerd's default", '      config_path = ""'],
    ["a comment", '# config_path = "/etc/containerd/certs.d"'],
    ["another folder", 'config_path = "/etc/containerd/hosts.d"'],
    ["a folder below it", 'config_path = "/etc/containerd/certs.d/old"'],
  ])("fails with what to write where containerd's configuration has %s", async (_title, line) => {
    await configured("config.toml", line);
    expect(await configure()).toBe(
      "containerd on this node does not read /etc/containerd/certs.d, " +
        "so the node cannot pull from registry.kube-system.svc.cluster.local:5000: " +
        'write config_path = "/etc/containerd/certs.d" to /etc/containerd/config.toml, ' +
        'under [plugins."io.containerd.grpc.v1.cri".registry] or, ' +
        'from containerd 2.0 on, [plugins."io.containerd.cri.v1.images".registry], then restart containerd.\n',
    );
  });

  it("fails where containerd has no configuration", async () => {
    expect(await configure()).toMatch(/^containerd on this node does not read/);
  });
});
