import { createHash } from "node:crypto";
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";

/** Root of the repository. */
export const repositoryRoot = join(__dirname, "..");

/** Home of the user that the process has. With `sudo -E`, HOME is still that of the user who called it. */
const home = () => (process.getuid?.() === 0 && process.env.SUDO_UID ? userInfo().homedir : homedir());

/**
 * Directory of everything that can be built again (compiled tools, images, manifests); safe to delete.
 * `GOURMETGRAM_CACHE`, default `~/.cache/gourmetgram`.
 */
export function cacheDir(): string {
  return directory(process.env.GOURMETGRAM_CACHE) ?? join(home(), ".cache", "gourmetgram");
}

/**
 * Directory of the running cluster: etcd, containers, volumes, kubeconfig, Pulumi backend, logs.
 * `GOURMETGRAM_STATE`, default `~/.local/state/gourmetgram`.
 */
export function stateDir(): string {
  return directory(process.env.GOURMETGRAM_STATE) ?? defaultStateDir();
}

/** A directory that a person names, the same for each way to write it. A relative one is below the repository. */
const directory = (path: string | undefined): string | undefined => (path ? resolve(repositoryRoot, path) : undefined);

/** A compiled tool, e.g. `toolPath("kubectl")`. It exists once the group of the tool is built. */
export function toolPath(name: string): string {
  return join(cacheDir(), "bin", name);
}

/** The administrator's kubeconfig of the local cluster; its one context is `localContext`. */
export function kubeconfigPath(): string {
  return join(stateDir(), "kubeconfig");
}

const defaultStateDir = () => join(home(), ".local", "state", "gourmetgram");

/**
 * Name of this cluster's network namespace, cgroup and run directory: `gourmetgram`, or with a suffix of its own for
 * another state directory, so that a test's cluster can run beside the one in use.
 */
export const instance =
  stateDir() === defaultStateDir()
    ? "gourmetgram"
    : `gourmetgram-${createHash("sha256").update(stateDir()).digest("hex").slice(0, 6)}`;

/** What lives only as long as the cluster's processes: sockets, container run state. */
export const runDir = join("/run", instance);

/** Context name that makes a stack use the local cluster. */
export const localContext = "gourmetgram-local";
