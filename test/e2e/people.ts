import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { Cluster } from "../../lib/kube-client";
import { localContext, repositoryRoot } from "../../lib/paths";
import { kubectl } from "../../local/cluster/kubectl";
import { connect } from "../../stacks/stack-cluster";
import { type Finished, npmIn } from "./commands";

/** The objects that docs/operate.md tells an administrator to apply. */
const manifest = join(repositoryRoot, "docs", "people.yaml");
const inNamespace = ["--namespace", "people"];

/** The group of all people, as the API server knows it. */
export const everybody = "system:serviceaccounts:people";

export interface Person {
  /** The name under which the API server knows the person. */
  readonly username: string;
  /** The cluster, as this person. */
  readonly cluster: Cluster;
  readonly token: string;
  /** Runs an npm script in this person's terminal. */
  readonly npm: (...args: string[]) => Promise<Finished>;
}

/**
 * Runs `use` with people who got a token as docs/operate.md says. Their accounts and the terminals' kubeconfigs are
 * deleted in the end.
 */
export async function withPeople<T>(names: string[], use: (people: Record<string, Person>) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "gourmetgram-people-"));
  try {
    await kubectl("apply", "--filename", manifest);
    const people: Record<string, Person> = {};
    for (const name of names) people[name] = await person(name, mkdtempSync(join(folder, `${name}-`)));
    return await use(people);
  } finally {
    await kubectl("delete", "--ignore-not-found", "--filename", manifest);
    rmSync(folder, { recursive: true });
  }
}

/** @param state the directory in which the person's terminal finds the kubeconfig of the local cluster */
async function person(name: string, state: string): Promise<Person> {
  await kubectl("create", "serviceaccount", name, ...inNamespace);
  const token = (await kubectl("create", "token", name, ...inNamespace, "--duration", "8h")).trim();
  const config = new KubeConfig();
  const server = (await connect().config()).getCurrentCluster()!;
  config.loadFromOptions({
    clusters: [server],
    users: [{ name, token }],
    contexts: [{ name: localContext, cluster: server.name, user: name }],
    currentContext: localContext,
  });
  writeFileSync(join(state, "kubeconfig"), config.exportConfig(), { mode: 0o600 });
  const terminal = (...args: string[]) => npmIn(state, ...args);
  return { username: usernameOf(name), cluster: new Cluster(async () => config), token, npm: terminal };
}

/** The name under which the API server knows a person. */
export const usernameOf = (name: string): string => `system:serviceaccount:people:${name}`;
