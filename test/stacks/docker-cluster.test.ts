/**
 * What `npm start` and `npm stop` call, and in which order, for a stack whose cluster is made in Docker. `docker`,
 * `kind`, `k3d` and `pulumi` are stand-ins that note their calls: none of them makes anything.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseSettings, type StackFile } from "../../config";
import { Phases } from "../../lib/phases";
import type { ClusterTool } from "../../local/docker-cluster/cluster-tool";
import { clusterToolFor, ensureCluster, stopInDocker } from "../../stacks/docker-cluster";
import { closedPort, kubeconfig, withApiServer } from "../cli/api-server";
import { runnableStack, withoutProject } from "../stack-files";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "docker-cluster-"));
  mkdirSync(join(folder, "bin"));
  vi.stubEnv("PATH", [join(folder, "bin"), "/usr/bin", "/bin"].join(delimiter));
  vi.stubEnv("KUBECONFIG", join(folder, "kubeconfig"));
  vi.stubEnv("CALLS", join(folder, "calls"));
  for (const [name, script] of Object.entries(standIns)) install(name, script);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Each notes its call. `clusters` holds what kind or k3d lists, and `config` what the cluster was made from. */
const standIns = {
  docker: "",
  pulumi: "",
  kind: 'case "$*" in get*) cat "$CLUSTERS" ;; create*) for file; do :; done; cp "$file" "$CONFIG" ;; esac',
  k3d: 'case "$*" in *list*) cat "$CLUSTERS" ;; *create*) for file; do :; done; cp "$file" "$CONFIG" ;; esac',
};
function install(name: string, script: string): void {
  const note = `echo "${name} $@" | sed 's#/[^ ]*/gourmetgram-cluster-[^/]*/##' >>"$CALLS"`;
  writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${note}\n${script}\n`, { mode: 0o755 });
}
/** Makes kind and k3d list clusters. */
function list(text: string): void {
  writeFileSync(join(folder, "clusters"), text);
  vi.stubEnv("CLUSTERS", join(folder, "clusters"));
  vi.stubEnv("CONFIG", join(folder, "config"));
}

const fileOf = (stack: string): StackFile => ({ config: runnableStack(stack) });
const toolOf = (stack: string): ClusterTool => clusterToolFor(fileOf(stack))!;
const markOf = (stack: string) => toolOf(stack).config(parseSettings(withoutProject(runnableStack(stack)))).mark;
const calls = () =>
  existsSync(join(folder, "calls")) ? readFileSync(join(folder, "calls"), "utf8").trim().split("\n") : [];

/** Runs `use`, and gives what it printed. */
async function printed(use: (phases: Phases) => Promise<void>): Promise<string> {
  const parts: string[] = [];
  await use(new Phases({ write: (part) => parts.push(part) }));
  return parts.join("");
}
const start = (stack: string) => printed((phases) => ensureCluster(toolOf(stack), stack, fileOf(stack), phases));
const stop = (stack: string) => printed((phases) => stopInDocker(toolOf(stack), stack, fileOf(stack), phases));

/** Runs `use` where the stack's context leads to an API server, whose one node has these labels. */
const onNode = <T>(stack: string, labels: Record<string, string>, use: () => Promise<T>): Promise<T> =>
  withApiServer({ "GET /api/v1/nodes": { items: [{ metadata: { labels } }] } }, (_cluster, _calls, url) => {
    writeKubeconfig(stack, url);
    return use();
  });
const writeKubeconfig = (stack: string, url: string) =>
  writeFileSync(join(folder, "kubeconfig"), kubeconfig(url).replace(/"food"/g, `"${stack}-gourmetgram"`));

describe("the tool of a stack's cluster", () => {
  it("follows from its context", () => {
    expect(clusterToolFor(fileOf("kind"))!.name).toBe("kind");
    expect(clusterToolFor(fileOf("k3d"))!.name).toBe("k3d");
    expect(clusterToolFor(fileOf("staging"))).toBeUndefined();
  });

  it("is none for a stack that has only environments, since its platform's stack makes the cluster", () => {
    const config = { ...runnableStack("canary"), "gourmetgram:cluster": { context: "kind-gourmetgram" } };
    expect(clusterToolFor({ config })).toBeUndefined();
  });
});

describe.each([
  {
    stack: "kind",
    none: "",
    one: "gourmetgram\n",
    others: "gourmetgram-2\nlab\n",
    listing: "kind get clusters",
    creation: "kind create cluster --wait 5m --config kind.yaml",
    question: "pulumi stack --show-name --stack kind --non-interactive",
    deletion: "kind delete cluster --name gourmetgram",
    starting: "docker start gourmetgram-control-plane",
  },
  {
    stack: "k3d",
    none: "null",
    one: '[{"name":"gourmetgram"}]',
    others: '[{"name":"gourmetgram-2"},{"name":"lab"}]',
    listing: "k3d cluster list --output json",
    creation: "k3d cluster create --config k3d.yaml",
    question: "pulumi stack --show-name --stack k3d --non-interactive",
    deletion: "k3d cluster delete gourmetgram",
    starting: "k3d cluster start gourmetgram",
  },
])("a start with $stack", ({ stack, none, one, others, listing, creation, question, deletion, starting }) => {
  it.each([
    ["there is no cluster", none],
    ["there are only others", others],
  ])("makes the cluster where %s, after it has asked for Docker and Pulumi", async (_title, clusters) => {
    list(clusters);
    expect(await start(stack)).toContain(`✓ ${stack} cluster: gourmetgram made`);
    expect(calls()).toEqual(["docker info", listing, "pulumi whoami --non-interactive", creation]);
    expect(readFileSync(join(folder, "config"), "utf8")).toContain(markOf(stack));
  });

  it("makes nothing where the cluster is there", async () => {
    list(one);
    const said = await onNode(stack, { "gourmetgram.io/made-from": markOf(stack) }, () => start(stack));
    expect(said).toBe("");
    expect(calls()).toEqual(["docker info", listing]);
  });

  it("says that a cluster which it made keeps the ports that it was made with", async () => {
    list(one);
    const said = await onNode(stack, { "gourmetgram.io/made-from": "0123456789abcdef" }, () => start(stack));
    expect(said).toBe(
      `! The ${stack} cluster gourmetgram was made for other ports or of another image, and keeps them: to make it ` +
        "anew, run npm stop, which deletes its data too, then npm start.\n",
    );
  });

  it("takes a cluster that a person made as it is", async () => {
    list(one);
    expect(await onNode(stack, {}, () => start(stack))).toBe("");
  });

  it("says how to start a cluster that is stopped", async () => {
    list(one);
    writeKubeconfig(stack, `http://127.0.0.1:${await closedPort()}`);
    await expect(start(stack)).rejects.toThrow(
      new Error(`The cluster gourmetgram exists, but does not answer: run ${starting}, then run this again.`),
    );
  });

  it("makes nothing without a Docker engine", async () => {
    install("docker", "exit 1");
    await expect(start(stack)).rejects.toThrow(
      new Error(
        `The cluster of this stack is made by ${stack} in Docker, and no Docker engine answers: install Docker or ` +
          "start it, or name the context of a cluster of your own in gourmetgram:cluster.context of the stack file.",
      ),
    );
    expect(calls()).toEqual(["docker info"]);
  });

  it("makes nothing without Pulumi", async () => {
    list(none);
    rmSync(join(folder, "bin", "pulumi"));
    await expect(start(stack)).rejects.toThrow("pulumi is not installed: install it from");
    expect(calls()).toEqual(["docker info", listing]);
  });

  it("makes nothing where Pulumi is not logged in, and says what Pulumi said", async () => {
    list(none);
    install("pulumi", 'echo "error: PULUMI_ACCESS_TOKEN must be set for login" >&2; exit 1');
    await expect(start(stack)).rejects.toThrow("PULUMI_ACCESS_TOKEN must be set for login");
    expect(calls()).not.toContain(creation);
  });

  it("is stopped with its cluster, after the stack is destroyed", async () => {
    list(one);
    const said = await onNode(stack, { "gourmetgram.io/made-from": "0123456789abcdef" }, () => stop(stack));
    expect(said).toContain(`✓ ${stack} cluster: gourmetgram deleted`);
    expect(calls()).toEqual(["docker info", listing, question, `pulumi destroy --stack ${stack}`, deletion]);
  });

  it("is stopped without a cluster that a person made", async () => {
    list(one);
    const said = await onNode(stack, {}, () => stop(stack));
    expect(said).toBe(`The ${stack} cluster gourmetgram continues to run, since npm start did not make it.\n`);
    expect(calls()).toEqual(["docker info", listing, question, `pulumi destroy --stack ${stack}`]);
  });

  it("is stopped without its cluster if the destroy fails", async () => {
    list(one);
    install("pulumi", 'case "$*" in destroy*) exit 1 ;; esac');
    const stopped = onNode(stack, { "gourmetgram.io/made-from": "0123456789abcdef" }, () => stop(stack));
    await expect(stopped).rejects.toThrow("pulumi destroy failed");
    expect(calls()).not.toContain(deletion);
  });

  it("is stopped with its cluster where there is no stack yet", async () => {
    list(one);
    install("pulumi", `echo "error: no stack named '${stack}' found" >&2; exit 6`);
    const said = await onNode(stack, { "gourmetgram.io/made-from": "0123456789abcdef" }, () => stop(stack));
    expect(said).toContain(`There is no Pulumi stack ${stack}: nothing to destroy.\n`);
    expect(said).toContain(`✓ ${stack} cluster: gourmetgram deleted`);
    expect(calls()).toEqual(["docker info", listing, question, deletion]);
  });

  it("is stopped without its cluster if Pulumi does not say whether there is a stack", async () => {
    list(one);
    install("pulumi", 'echo "error: PULUMI_ACCESS_TOKEN must be set for login" >&2; exit 1');
    const stopped = onNode(stack, { "gourmetgram.io/made-from": "0123456789abcdef" }, () => stop(stack));
    await expect(stopped).rejects.toThrow("PULUMI_ACCESS_TOKEN must be set for login");
    expect(calls()).not.toContain(deletion);
  });

  it.each([
    ["no kubeconfig", () => {}],
    ["no such context", () => writeFileSync(join(folder, "kubeconfig"), kubeconfig("http://127.0.0.1:1"))],
  ])("says how to delete a cluster that was not made to its end: there is %s", async (_title, write) => {
    list(one);
    write();
    for (const command of [start, stop])
      await expect(command(stack)).rejects.toThrow(
        new Error(
          `The ${stack} cluster gourmetgram was not made to its end: run ${deletion}, then npm start. ` +
            "If it has run before, name the kubeconfig with its context in KUBECONFIG instead.",
        ),
      );
    expect(calls()).toEqual(["docker info", listing, "docker info", listing]);
  });

  it("has nothing to stop where there is no cluster", async () => {
    list(others);
    expect(await stop(stack)).toBe(
      `There is no ${stack} cluster gourmetgram: nothing to stop. If Pulumi still lists what was on it, run ` +
        `pulumi stack rm --force --preserve-config --stack ${stack}.\n`,
    );
    expect(calls()).toEqual(["docker info", listing]);
  });
});

it("a start with k3d says where k3d comes from", async () => {
  rmSync(join(folder, "bin", "k3d"));
  await expect(start("k3d")).rejects.toThrow(
    new Error("k3d is not installed: install k3d 5 from https://k3d.io, then run this again."),
  );
});

it("a start whose stack file has a mistake asks for nothing", async () => {
  const file = fileOf("kind");
  const config = { ...file.config, "gourmetgram:board": { port: 8081 } };
  await expect(ensureCluster(toolOf("kind"), "kind", { config }, new Phases())).rejects.toThrow(
    "port 8081 is already used",
  );
  expect(calls()).toEqual([]);
});
