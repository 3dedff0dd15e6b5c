import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { serveScript } from "../components/platform/registry-script";
import { freePort } from "../lib/free-port";
import { ensurePackages } from "../local/toolchain/debian-packages";

const patienceSeconds = 600;
const configuration = join(__dirname, "..", "local", "toolchain", "third-party-images", "registry", "config.yml");

/** A registry on this machine, as the cluster's registry runs: the same program, configuration and script. */
export class RegistryServer {
  private shell?: ChildProcess;
  private ended: Promise<unknown> = Promise.resolve();
  private output = "";

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  /**
   * Starts one, and installs it from Debian's package where it is missing.
   * @throws if it ends before it answers, with what it printed last
   */
  static async start(folder: string): Promise<RegistryServer> {
    await ensurePackages(["docker-registry"], (line) => console.error(line));
    for (const part of ["bin", "data", "tmp"]) await mkdir(join(folder, part), { recursive: true });
    // As in the image that the local cluster makes of the package.
    await symlink("/usr/bin/docker-registry", join(folder, "bin", "registry"));
    const server = new RegistryServer(folder, await freePort());
    await server.start();
    return server;
  }

  /** `host:port`, over plain HTTP. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Folder of all that it keeps: its volume in a cluster. */
  get data(): string {
    return join(this.folder, "data");
  }

  /** Starts it again, as the kubelet does after a deletion. It frees the space of what was deleted before it serves. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    // With the registry, which the script starts in the same process group.
    if (this.shell?.exitCode === null) process.kill(-this.shell.pid!, "SIGTERM");
    await this.ended;
  }

  private async start(): Promise<void> {
    this.output = "";
    const shell = spawn("sh", ["-c", serveScript(configuration, join(this.folder, "tmp"))], {
      env: {
        PATH: [join(this.folder, "bin"), process.env.PATH].join(delimiter),
        REGISTRY_HTTP_ADDR: this.address,
        REGISTRY_STORAGE_DELETE_ENABLED: "true",
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: this.data,
        REPOSITORIES: join(this.data, "docker", "registry", "v2", "repositories"),
      },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    this.shell = shell;
    this.ended = new Promise((resolve) => shell.once("close", resolve));
    shell.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      this.output = (this.output + chunk).slice(-2000);
    });
    for (const end = performance.now() + patienceSeconds * 1000; performance.now() < end; await setTimeout(100)) {
      if (await this.answers()) return;
      if (shell.exitCode !== null) throw new Error(`The registry ended with ${shell.exitCode}:\n${this.output}`);
    }
    throw new Error(`The registry did not answer in ${patienceSeconds} s:\n${this.output}`);
  }

  private answers(): Promise<boolean> {
    return fetch(`http://${this.address}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
