import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { DownloadError } from "../lib/download";
import { CommandError, exec } from "../lib/exec";
import { cacheDir } from "../lib/paths";
import { goTool } from "./go-tool";

/**
 * Runs crane against a registry on the internet, which it reaches as Node.js does: through `HTTPS_PROXY`, and with the
 * certificates of `NODE_EXTRA_CA_CERTS`.
 * @param seconds after which it is ended: crane itself waits for a registry for ever
 * @returns its standard output
 * @throws DownloadError with crane's reason in one line
 */
export async function craneOnline(args: string[], seconds: number): Promise<string> {
  const crane = await goTool("crane");
  try {
    return await exec("timeout", [String(seconds), crane, ...args], { env: trustedCertificates() });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // The exit code of `timeout`.
    if (error.code === 124) throw new DownloadError(`too slow: not complete after ${seconds} s`, true);
    const lines = error.stderr.trim().split("\n");
    throw new DownloadError(lines.at(-1)!.replace(/^.*?Error: /, ""));
  }
}

/** Go knows no single file that it trusts beside the system's. So it gets a folder that has nothing else. */
function trustedCertificates(): Record<string, string> {
  const { NODE_EXTRA_CA_CERTS: extra, SSL_CERT_FILE: file, SSL_CERT_DIR: folder } = process.env;
  if (!extra || file || folder) return {};
  const own = join(cacheDir(), "certificates");
  mkdirSync(own, { recursive: true });
  rmSync(join(own, "extra.crt"), { force: true });
  symlinkSync(resolve(extra), join(own, "extra.crt"));
  return { SSL_CERT_DIR: `/etc/ssl/certs:${own}` };
}

/** Where the registry of a repository answers: `https://quay.io`. One on this machine needs no TLS. */
export function registryOrigin(repository: string): string {
  const host = repository.split("/")[0];
  if (host === "docker.io") return "https://index.docker.io";
  return /^(localhost|127\.\d+\.\d+\.\d+)(:|$)/.test(host) ? `http://${host}` : `https://${host}`;
}
