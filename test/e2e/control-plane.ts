/** A control plane of its own on loopback (etcd, API server, controllers, no node), for tests of what talks to it. */
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../lib/free-port";
import { toolPath } from "../../lib/paths";
import { KubeClient } from "./kube-client";

/** A running control plane. */
export interface ControlPlane {
  directory: string;
  /** Path of a kubeconfig of its administrator; the context is `test`. */
  kubeconfig: string;
  client: KubeClient;
  stop(): Promise<void>;
}

/**
 * Starts it. @param flags further ones of the API server
 * @throws Error with the end of a part's log, where that part ends or isn't ready within a minute
 */
export async function startControlPlane(flags: readonly string[] = []): Promise<ControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), "gourmetgram-control-plane-"));
  const children: ChildProcess[] = [];
  const inDirectory = (name: string) => join(directory, name);
  const start = (name: string, command: string, args: string[]) => {
    const log = openSync(inDirectory(`${name}.log`), "w");
    const child = spawn(command, args, {
      cwd: directory,
      stdio: ["ignore", log, log],
      env: { ...process.env, GOMAXPROCS: "2" },
    });
    children.push(child);
    return child;
  };
  const [client, peer, api, controllers] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);

  const clientUrl = `http://127.0.0.1:${client}`;
  start("etcd", "etcd", [
    `--data-dir=${inDirectory("etcd")}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    "--unsafe-no-fsync",
  ]);

  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  writeFileSync(inDirectory("accounts.key"), privateKey, { mode: 0o600 });
  writeFileSync(inDirectory("tokens.csv"), "test-token,test,test,system:masters\n", { mode: 0o600 });
  const apiServer = start("kube-apiserver", toolPath("kube-apiserver"), [
    `--etcd-servers=${clientUrl}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${api}`,
    `--cert-dir=${inDirectory("certificates")}`,
    "--service-cluster-ip-range=10.96.0.0/24",
    "--authorization-mode=RBAC",
    `--token-auth-file=${inDirectory("tokens.csv")}`,
    "--service-account-issuer=https://127.0.0.1",
    `--service-account-key-file=${inDirectory("accounts.key")}`,
    `--service-account-signing-key-file=${inDirectory("accounts.key")}`,
    ...flags,
  ]);

  const kubeconfig = inDirectory("kubeconfig");
  const cluster = {
    server: `https://127.0.0.1:${api}`,
    "certificate-authority": inDirectory("certificates/apiserver.crt"),
  };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster }],
      users: [{ name: "test", user: { token: "test-token" } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    }),
  );

  const stop = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null) continue;
      const closed = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL"); // Nothing of it is kept.
      await closed;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const kube = await whenReady(apiServer, directory, () => KubeClient.ofKubeconfig("test", kubeconfig));
    start("kube-controller-manager", toolPath("kube-controller-manager"), [
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--bind-address=127.0.0.1",
      `--secure-port=${controllers}`,
      "--use-service-account-credentials=false",
      `--service-account-private-key-file=${inDirectory("accounts.key")}`,
      `--root-ca-file=${inDirectory("certificates/apiserver.crt")}`,
      `--cert-dir=${inDirectory("controllers")}`,
    ]);
    return { directory, kubeconfig, client: kube, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Asks the API server whether it is ready each time that its log grows: it says there what it has done. */
async function whenReady(apiServer: ChildProcess, directory: string, connect: () => KubeClient): Promise<KubeClient> {
  const log = join(directory, "kube-apiserver.log");
  const signal = AbortSignal.timeout(60_000);
  return new Promise((resolve, reject) => {
    const tail = () => readFileSync(log, "utf8").split("\n").slice(-15).join("\n");
    const watcher = watch(log, async () => {
      if (!existsSync(join(directory, "certificates/apiserver.crt"))) return;
      try {
        const client = connect();
        await client.request("GET", "/api/v1/namespaces/default");
        finish(() => resolve(client));
      } catch {
        // Not yet: the next line of the log asks again.
      }
    });
    const finish = (end: () => void) => {
      watcher.close();
      apiServer.removeAllListeners("exit");
      end();
    };
    apiServer.once("exit", () => finish(() => reject(new Error(`the API server ended:\n${tail()}`))));
    signal.addEventListener("abort", () =>
      finish(() => reject(new Error(`the API server was not ready within 60 s:\n${tail()}`))),
    );
  });
}
