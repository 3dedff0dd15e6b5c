import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { exec } from "../../lib/exec";
import { deferInterrupts } from "../../lib/interrupts";

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
 * @param policy path of Debian's policy on the start of services
 * @returns the packages that were installed
 */
export async function ensurePackages(
  wanted: string[],
  onLine: (line: string) => void,
  policy = policyFile,
): Promise<string[]> {
  // A run that was killed left it, and no package that is installed from then on would start its service.
  removeOwnPolicy(policy);
  const query = await exec("sh", [
    "-c",
    "dpkg-query --show --showformat='${Package} ${Status}\\n' \"$@\" 2>/dev/null || true",
    "sh",
    ...wanted,
    ...Object.values(substitutes),
  ]);
  const missing = missingPackages(wanted, query);
  if (missing.length === 0) return [];
  const apt = async (args: string[], ownGroup = false) => {
    const child = exec("apt-get", ["--quiet", "--yes", ...args], {
      env: { DEBIAN_FRONTEND: "noninteractive" },
      onLine,
      ownGroup,
    });
    await child.catch((error: Error) => {
      throw new Error(
        `apt-get ${args[0]} failed: fix what it reports, then run \`npm start\` again.\n${error.message}`,
      );
    });
  };
  await apt(["update"]);
  // Whatever else the machine has is not to be removed for the cluster.
  const install = () => apt(["install", "--no-install-recommends", "--no-remove", ...missing], true);
  // dpkg would leave half a package, which the person would have to put right before the next start.
  await deferInterrupts(withoutServiceStarts(policy, install));
  return missing;
}

/** Prevents that packages start services, by a policy with exit code 101 as Debian defines it. */
const policyText = "#!/bin/sh\n# Written by GourmetGram's npm start for the time of one apt-get install.\nexit 101\n";

/** Does the work while no package starts a service. A policy of the machine's own stays as it is. */
async function withoutServiceStarts(policy: string, work: () => Promise<void>): Promise<void> {
  if (existsSync(policy)) return work();
  writeFileSync(policy, policyText);
  chmodSync(policy, 0o755);
  try {
    await work();
  } finally {
    removeOwnPolicy(policy);
  }
}

function removeOwnPolicy(policy: string): void {
  if (existsSync(policy) && readFileSync(policy, "utf8") === policyText) rmSync(policy);
}
