import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listed } from "../../lib/listed";
import { stateDir } from "../../lib/paths";

/** What a start of the local cluster writes: the first before anything else, the second also an older program. */
const marks = ["checkout", "kubeconfig"];
/**
 * What is there before the first start: the lock of a command, the addresses of a cluster elsewhere, and what a check
 * of the kernel leaves that was interrupted.
 */
const earlier = /^(lock|urls\.json|overlay-\w+)$/;

const checkoutFile = () => join(stateDir(), "checkout");

/** Records from which checkout the cluster is started. From then on the state directory is the cluster's. */
export const recordCheckout = (checkout: string): void => writeFileSync(checkoutFile(), checkout);

/** Checkout from which the cluster was last started; undefined if there is none. */
export const recordedCheckout = (): string | undefined =>
  existsSync(checkoutFile()) ? readFileSync(checkoutFile(), "utf8") : undefined;

/**
 * Why the state directory cannot be the local cluster's, which `npm stop` deletes with all that is in it: somebody else
 * has files there. Undefined if it can.
 */
export function foreignDirectory(): string | undefined {
  const names = existsSync(stateDir()) ? readdirSync(stateDir()).sort() : [];
  const others = names.filter((name) => !earlier.test(name));
  if (others.length === 0 || names.some((name) => marks.includes(name))) return undefined;
  const shown = others.length > 3 ? [...others.slice(0, 3), `${others.length - 3} more`] : others;
  return (
    `The directory ${stateDir()} is not of a local cluster, and has ${listed(shown)}: ` +
    `set GOURMETGRAM_STATE to a new one, as in ${join(stateDir(), "gourmetgram")}.`
  );
}

/** Removes the state directory. What says that it is the cluster's goes last: an interrupted removal can go on. */
export function removeStateDirectory(): void {
  const names = existsSync(stateDir()) ? readdirSync(stateDir()) : [];
  for (const name of names.filter((other) => !marks.includes(other)))
    rmSync(join(stateDir(), name), { recursive: true, force: true });
  rmSync(stateDir(), { recursive: true, force: true });
}
