/** What `npm start` downloads, from hosts with their real names and TLS, in a network namespace of its own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { goTool } from "../../image-builder/go-tool";
import { exec } from "../../lib/exec";
import { repositoryRoot } from "../../lib/paths";
import { officialFiles } from "../../local/toolchain/official-binaries";
import type { Seen } from "./official-program";

const registries = ["index.docker.io", "ghcr.io", "quay.io", "registry.k8s.io"];
const hosts = [...new Set([...officialFiles().map(({ url }) => new URL(url).host), ...registries])];
let folder: string;
let cache: string;
let crane: string;
const inFolder = (name: string) => join(folder, name);

beforeAll(async () => {
  crane = await goTool("crane");
  folder = mkdtempSync(join(tmpdir(), "gourmetgram-hosts-"));
  const openssl = (...args: string[]) => exec("openssl", args, { cwd: folder });
  const names = hosts.map((host) => `DNS:${host}`).join(",");
  writeFileSync(inFolder("names"), `subjectAltName=${names}\n`);
  const key = ["-newkey", "rsa:2048", "-nodes"];
  await openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "1", "-subj", "/CN=test CA");
  await openssl("req", ...key, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=download host");
  const signedBy = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
  await openssl("x509", "-req", "-in", "host.csr", ...signedBy, "-out", "host.crt", "-days", "1", "-extfile", "names");
});

beforeEach(() => {
  cache = inFolder("cache");
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Runs the program in its namespace.
 * @param there hosts that answer; nothing listens at the address of the others
 */
async function run(scenario: string, there: readonly string[], trustsHosts = true): Promise<Seen> {
  const addresses = hosts.map((host) => `${there.includes(host) ? "127.0.0.1" : "127.0.0.2"} ${host}\n`);
  writeFileSync(inFolder("hosts"), scenario === "silent" ? "127.0.0.1 localhost\n" : addresses.join(""));
  writeFileSync(inFolder("resolv.conf"), "nameserver 127.0.0.1\n");
  const setUp = [
    "ip link set lo up",
    `mount --bind ${inFolder("hosts")} /etc/hosts`,
    `mount --bind ${inFolder("resolv.conf")} /etc/resolv.conf`,
    'exec "$@"',
  ].join(" && ");
  const program = join(repositoryRoot, "test", "e2e", "official-program", "index.ts");
  const args = [program, scenario, crane, inFolder("host.crt"), inFolder("host.key")];
  const unset = ["HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"].flatMap((name) => ["-u", name]);
  const variables = [
    `GOURMETGRAM_CACHE=${cache}`,
    ...(trustsHosts ? [`NODE_EXTRA_CA_CERTS=${inFolder("ca.crt")}`] : ["NODE_EXTRA_CA_CERTS="]),
  ];
  const node = ["env", ...unset, ...variables, process.execPath, "--require", "tsx/cjs", ...args];
  const output = await exec("unshare", ["--net", "--mount", "sh", "-c", setUp, "sh", ...node], { cwd: repositoryRoot });
  return JSON.parse(output.trim().split("\n").at(-1)!) as Seen;
}

it("takes every part that is published", async () => {
  // Given all hosts
  // When
  const { lines } = await run("good", hosts);
  // Then
  expect(lines.filter((line) => line.startsWith("!"))).toEqual([]);
  expect(lines).toContainEqual(expect.stringMatching(/^ {2}Kubernetes v1[.]\S+: downloaded from dl[.]k8s[.]io$/));
  expect(lines).toContain("  image argo-server: pulled from quay.io");
  expect(lines).toContain("  image argocd: pulled from quay.io");
  // And the digests of ghcr.io, which the table did not have, are those of its tags
  expect(lines).toContainEqual(
    expect.stringMatching(/^ghcr.io\/mlflow\/mlflow:v\S+: sha256:\S+, as its registry says$/),
  );
  expect(lines).toContain("  image mlflow: pulled from ghcr.io");
  for (const tool of ["kubelet", "kube-apiserver", "argo", "pulumi", "pulumi-language-nodejs", "command-provider"]) {
    expect(readFileSync(join(cache, "bin", tool), "utf8")).toBe(`official ${tool}\n`);
    expect(statSync(join(cache, "bin", tool)).mode & 0o777).toBe(0o755);
  }
});

it("takes part by part what it can get, and says why the rest is compiled or built", async () => {
  // Given a cut-off, a wrong hash, a 404, a host that stalls, and two registries that are away
  const there = hosts.filter((host) => !["ghcr.io", "index.docker.io"].includes(host));
  // When
  const { lines } = await run("faults", there);
  // Then
  const of = (title: string) => lines.find((line) => line.slice(2).startsWith(title));
  expect(of("Kubernetes")).toMatch(/^! Kubernetes v\S+: cut off after \d+ of \d+ bytes; compiled instead$/);
  expect(of("kustomize")).toMatch(/^! .*: wrong hash: sha256:\w{64} instead of sha256:\w{64}; compiled instead$/);
  expect(of("argo v")).toMatch(/^! argo v\S+: HTTP 404; compiled instead$/);
  expect(of("crane")).toMatch(/: downloaded from github[.]com$/);
  expect(of("Pulumi v")).toMatch(/: downloaded from get[.]pulumi[.]com$/);
  expect(of("Pulumi's kubernetes")).toMatch(/: too slow: less than 10 bytes in 2 s; compiled instead$/);
  expect(of("Pulumi's command")).toMatch(/: api[.]pulumi[.]com does not answer; compiled instead$/);
  expect(of("image mlflow")).toBe("! image mlflow: ghcr.io does not answer; built instead");
  expect(of("image redis")).toBe("! image redis: index.docker.io does not answer; built instead");
  expect(of("image argocd")).toBe("  image argocd: pulled from quay.io");
});

it("takes nothing from hosts whose certificates it does not trust", async () => {
  const { lines } = await run("good", hosts, false);
  expect(lines).toEqual(["No download host answers: what the cache lacks is compiled and built here."]);
});

it("loses four seconds at most on a machine whose names nobody resolves", async () => {
  // Given a resolver that never answers
  const { lines, milliseconds } = await run("silent", []);
  // Then
  expect(lines).toEqual(["No download host answers: what the cache lacks is compiled and built here."]);
  expect(milliseconds).toBeLessThan(5_500);
});
