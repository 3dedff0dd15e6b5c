import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { exec } from "../../lib/exec";

/** Debian packages that the local cluster needs to run and to build its images. */
const debianPackages = [
  "buildah",
  "conntrack",
  "containerd",
  "containernetworking-plugins",
  "debian-archive-keyring",
  "docker-registry",
  "etcd-client",
  "etcd-server",
  "ipset",
  "iptables",
  "iproute2",
  "mmdebstrap",
  "redis-server",
  "runc",
  "skopeo",
  "socat",
  "umoci",
  "util-linux",
];

/**
 * Packages of other sources that stand for those of the list and conflict with them, so that installing those would
 * remove Docker.
 */
const substitutes: Record<string, string> = { containerd: "containerd.io", runc: "containerd.io" };

const policyFile = "/usr/sbin/policy-rc.d";

/** The packages that are not installed, by the output of `dpkg-query --show --showformat='${Package} ${Status}\n'`. */
export function missingPackages(wanted: string[], query: string): string[] {
  const installed = new Set(
    query
      .split("\n")
      .filter((line) => line.endsWith(" install ok installed"))
      .map((line) => line.split(" ")[0]),
  );
  return wanted.filter((name) => !installed.has(name) && !installed.has(substitutes[name]));
}

/** Installs what the local cluster needs. @returns the packages that were installed */
export const ensureClusterPackages = (onLine: (line: string) => void): Promise<string[]> =>
  ensurePackages(debianPackages, onLine);

/**
 * Installs those of the packages that are missing, with apt. Debian would start the services of the packages (a
 * registry, etcd, Redis, containerd). This is prevented. Services that run already keep running.
 * @returns the packages that were installed
 */
export async function ensurePackages(wanted: string[], onLine: (line: string) => void): Promise<string[]> {
  const query = await exec("sh", [
    "-c",
    "dpkg-query --show --showformat='${Package} ${Status}\\n' \"$@\" 2>/dev/null || true",
    "sh",
    ...wanted,
    ...Object.values(substitutes),
  ]);
  const missing = missingPackages(wanted, query);
  if (missing.length === 0) return [];
  const apt = async (...args: string[]) => {
    const child = exec("apt-get", ["--quiet", "--yes", ...args], {
      env: { DEBIAN_FRONTEND: "noninteractive" },
      onLine,
    });
    await child.catch((error: Error) => {
      throw new Error(
        `apt-get ${args[0]} failed: fix what it reports, then run \`npm start\` again.\n${error.message}`,
      );
    });
  };
  await apt("update");
  const allowServiceStarts = existsSync(policyFile) ? undefined : forbidServiceStarts();
  try {
    // Whatever else the machine has is not to be removed for the cluster.
    await apt("install", "--no-install-recommends", "--no-remove", ...missing);
  } finally {
    allowServiceStarts?.();
  }
  return missing;
}

/**
 * Prevents that packages start services, by a policy with exit code 101 as Debian defines it.
 * @returns a function that allows it again
 */
function forbidServiceStarts(): () => void {
  writeFileSync(
    policyFile,
    "#!/bin/sh\n# Written by GourmetGram's npm start for the time of one apt-get install.\nexit 101\n",
  );
  chmodSync(policyFile, 0o755);
  return () => rmSync(policyFile, { force: true });
}
