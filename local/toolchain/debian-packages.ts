import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { exec } from "../../lib/exec";

/** Debian packages that the local cluster and its images are made with. */
export const debianPackages = [
  "buildah",
  "conntrack",
  "containerd",
  "containernetworking-plugins",
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

const policyFile = "/usr/sbin/policy-rc.d";

/** The packages that are not installed, by the output of `dpkg-query --show --showformat='${Package} ${Status}\n'`. */
export function missingPackages(wanted: string[], query: string): string[] {
  const installed = new Set(
    query
      .split("\n")
      .filter((line) => line.endsWith(" install ok installed"))
      .map((line) => line.split(" ")[0]),
  );
  return wanted.filter((name) => !installed.has(name));
}

/**
 * Installs the missing packages with apt. Debian starts the services of a package as it installs it (a registry, etcd,
 * Redis, containerd): here nothing starts, and services that run already go on.
 * @returns the packages that were installed.
 */
export async function ensurePackages(onLine: (line: string) => void): Promise<string[]> {
  const query = await exec("sh", [
    "-c",
    "dpkg-query --show --showformat='${Package} ${Status}\\n' \"$@\" 2>/dev/null || true",
    "sh",
    ...debianPackages,
  ]);
  const missing = missingPackages(debianPackages, query);
  if (missing.length === 0) return [];
  const apt = async (...args: string[]) => {
    const child = exec("apt-get", ["--quiet", "--yes", ...args], {
      env: { DEBIAN_FRONTEND: "noninteractive" },
      onLine,
    });
    await child.catch((error: Error) => {
      throw new Error(
        `apt-get ${args[0]} did not work; mend what it says, then run \`npm start\` again.\n${error.message}`,
      );
    });
  };
  await apt("update");
  const forbid = existsSync(policyFile) ? undefined : forbidServiceStarts();
  try {
    await apt("install", "--no-install-recommends", ...missing);
  } finally {
    forbid?.();
  }
  return missing;
}

/** Debian's own switch: a policy of exit code 101 keeps packages from starting services. Returns what takes it off again. */
function forbidServiceStarts(): () => void {
  writeFileSync(
    policyFile,
    "#!/bin/sh\n# Written by GourmetGram's npm start for the time of one apt-get install.\nexit 101\n",
  );
  chmodSync(policyFile, 0o755);
  return () => rmSync(policyFile, { force: true });
}
