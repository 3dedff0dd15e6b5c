/**
 * Plays the download hosts and registries of the real tables in a network namespace of its own, and runs what
 * `npm start` runs against them. Usage: index.ts <good|faults|silent> <crane> <certificate> <key>
 *
 * The names, the URLs and TLS are the real ones. The files are small stand-ins, so their hashes are those of the
 * stand-ins.
 */
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { registryOrigin } from "../../../image-builder/crane";
import { runMain } from "../../../lib/main";
import { cacheDir } from "../../../lib/paths";
import { type Pins, writePins } from "../../../lib/pins";
import { fetchOfficialParts, type OfficialParts, wantedParts } from "../../../local/toolchain/official-parts";
import { Answers, archiveOf, sha256 } from "../../local/download-hosts";

/** What the test reads. */
export interface Seen {
  lines: string[];
  milliseconds: number;
}

async function main(): Promise<number> {
  const [scenario, crane, certificate, key] = process.argv.slice(2);
  const parts = await wantedParts();
  const answers = new Answers();
  parts.hashes = {};
  for (const { title, url, tools } of parts.files) {
    // What is pulled is pulled by the real crane.
    const program = (tool: string) => (tool === "crane" ? `#!/bin/sh\nexec ${crane} "$@"\n` : `official ${tool}\n`);
    const body = url.endsWith(".tar.gz")
      ? archiveOf(Object.fromEntries(Object.entries(tools).map(([tool, path]) => [path, program(tool)])))
      : gzipSync(program(Object.keys(tools)[0]));
    answers.set(url.replace("https://", ""), { body });
    parts.hashes[url] = { hash: sha256(body), source: title, checked: null };
  }
  // A busy machine may take longer than the two seconds that a host has.
  const limits: OfficialParts["limits"] = scenario === "silent" ? {} : { answerMilliseconds: 20_000 };
  parts.limits = limits;
  const digests: Pins = {};
  for (const { name, image } of parts.images) {
    const [host, ...path] = image.repository.split("/");
    const registry = new URL(registryOrigin(image.repository)).host;
    const hash = answers.addImage(registry, path.join("/"), image.tag, name);
    if (host !== "ghcr.io") digests[`${image.repository}:${image.tag}`] = { hash, source: name, checked: null };
  }
  parts.digestsPath = join(cacheDir(), "pinned-digests.json");
  writePins(parts.digestsPath, digests);
  if (scenario === "faults") {
    const url = (title: string) =>
      parts.files.find((file) => file.title.startsWith(title))!.url.replace("https://", "");
    answers.get(url("Kubernetes"))!.fault = "cuts off";
    answers.set(url("kustomize"), { body: Buffer.from("another file") });
    answers.delete(url("argo"));
    answers.get(url("Pulumi's kubernetes"))!.fault = "stalls";
    limits.file = { interval: 2_000, bytes: 10 };
  }
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, answers.listener);
  await new Promise<void>((resolve) => server.listen(443, "127.0.0.1", resolve));
  // A resolver that takes every question and answers none.
  const resolver = createSocket("udp4");
  await new Promise<void>((resolve) => resolver.bind(53, "127.0.0.1", resolve));
  const started = Date.now();
  const { lines } = await fetchOfficialParts(parts, () => {});
  const seen: Seen = { lines, milliseconds: Date.now() - started };
  console.log(JSON.stringify(seen));
  server.closeAllConnections();
  server.close();
  resolver.close();
  return 0;
}

runMain(main);
