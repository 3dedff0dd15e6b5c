import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backup } from "../../cli/backups/manifest";
import type { MlflowVolume } from "../../cli/backups/mlflow-volume";
import { ModelRegistry } from "../../components/platform/model-registry";
import { exec } from "../../lib/exec";
import { freePort } from "../../lib/free-port";
import { toolPath } from "../../lib/paths";
import { ensurePackages } from "../../local/toolchain/debian-packages";
import { buildTools, objectStoreTools } from "../../local/toolchain/go-tools";
import { mlflowPython, startMlflow } from "../../local/toolchain/mlflow-server";
import { storesOf } from "../cli/backups/local-volume";
import { one, type Registration, record } from "../registrations";
import { settingsWith } from "../stack-files";

/** A password with what an address would have to escape. */
const password = "p@ss/word%'2\"";
const secrets: Record<string, string> = {
  username: "mlflow",
  // In the cluster it is made of hex digits.
  password: "0123456789abcdef",
  AWS_ACCESS_KEY_ID: "mlflow",
  AWS_SECRET_ACCESS_KEY: password,
};

interface Container {
  command: string[];
  args?: string[];
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef: { key: string } } }[];
}
type Environment = Record<string, string>;

let root: string;
const processes: ChildProcess[] = [];
let server: Container;
let upgrade: Container;
/** Variables of MLflow's container, with the addresses of this machine. */
let external: Environment;
let interpreter: string;
const quiet = () => undefined;

beforeAll(async () => {
  await ensurePackages(["postgresql"], quiet);
  await buildTools(objectStoreTools);
  root = await mkdtemp(join(tmpdir(), "gourmetgram-stores-"));
  await chmod(root, 0o755);
  const { registrations, postgres, versitygw } = await containers();
  ({ server, upgrade } = mlflowOf(registrations));
  const [database, objects] = [await freePort(), await freePort()];
  await startPostgres(postgres, database);
  await startVersitygw(versitygw, objects);
  external = {
    ...variables(server),
    PGHOST: "127.0.0.1",
    PGPORT: String(database),
    MLFLOW_S3_ENDPOINT_URL: `http://127.0.0.1:${objects}`,
  };
  interpreter = await mlflowPython();
}, 1_500_000);

afterAll(async () => {
  for (const child of processes) child.kill("SIGTERM");
  await Promise.all(processes.map((child) => new Promise((resolve) => child.once("close", resolve))));
  await rm(root, { recursive: true });
}, 60_000);

describe("MLflow with the stores that the stack installs", () => {
  it("makes its tables once, where two pods begin at the same time", async () => {
    await Promise.all([upgradeTables(), upgradeTables()]);
    expect(await sql("SELECT count(*) FROM alembic_version")).toBe("1");
  }, 600_000);

  it("keeps runs in PostgreSQL and artifacts in the bucket, and no file on its own disk", async () => {
    const data = await folder("durable");
    const { id, text } = await withMlflow(data, external, (uri) => client(uri, log, "first"));
    expect(text).toBe("artifact of first");
    expect(await sql(`SELECT status FROM runs WHERE run_uuid = '${id}'`)).toBe("FINISHED");
    expect(existsSync(join(root, "s3", "objects", "mlflow", "1", id!, "artifacts", "model.txt"))).toBe(true);
    expect(readdirSync(data).filter((name) => /mlflow[.]db|artifacts/.test(name))).toEqual([]);
    await expect(sql("SELECT 1", "postgres")).rejects.toThrow(/no pg_hba[.]conf entry|role "root" does not exist/);
  }, 600_000);

  it("has after a move all that it had on its volume, and numbers that continue", async () => {
    const volume = await folder("embedded");
    const moved = await withMlflow(volume, {}, (uri) => client(uri, log, "moved"));
    const backup = await save(storesOf(volume, interpreter, {}), "moved");

    const target = storesOf(await folder("target"), interpreter, external);
    await restore(target, backup, "restore-20260131T120000Z");
    expect(await target.look("restore-20260131T120000Z")).toMatchObject({ restored: true });
    const found = await withMlflow(await folder("after"), external, async (uri) => ({
      read: await client(uri, read, moved.id!),
      next: await client(uri, log, "next"),
    }));
    expect(found.read).toEqual({ ...moved, metric: 0.875, version: "1" });
    expect(found.next.version).toBe("2");
    expect(await sql("SELECT count(*) FROM before_restore_20260131t120000z.alembic_version")).toBe("1");

    // And back, with what was added.
    const back = await folder("back");
    await restore(
      storesOf(back, interpreter, {}),
      await save(storesOf(await folder("from"), interpreter, external), "back"),
      "restore-20260201T120000Z",
    );
    const read2 = await withMlflow(back, {}, (uri) => client(uri, read, found.next.id!));
    expect(read2).toMatchObject({ text: "artifact of next", version: "2" });
  }, 1_200_000);
});

/** The containers that the program declares for a stack with stores of its own. */
async function containers() {
  const {
    modelRegistry: settings,
    exposure,
    images,
  } = settingsWith({
    images: {
      overrides: Object.fromEntries(
        [
          "mlflow",
          "argoWorkflowController",
          "argoServer",
          "postgres",
          "versitygw",
          "contour",
          "envoy",
          "prometheus",
        ].map((key) => [key, { digest: `sha256:${"1".repeat(64)}` }]),
      ),
      build: true,
    },
    modelRegistry: { database: { install: true }, artifacts: { install: true } },
  });
  const { registrations } = await record({}, () => {
    new ModelRegistry("mlflow", { settings, exposure, images: images.catalogue, toolsImage: "tools@sha256:0" });
  });
  return {
    registrations,
    postgres: containerOf(registrations, "mlflow-database-deployment"),
    versitygw: containerOf(registrations, "mlflow-artifacts-deployment"),
  };
}

const containerOf = (registrations: Registration[], name: string): Container =>
  one(registrations, name).inputs.spec.template.spec.containers[0];

function mlflowOf(registrations: Registration[]): { server: Container; upgrade: Container } {
  const { containers, initContainers } = one(registrations, "mlflow-deployment").inputs.spec.template.spec;
  return { server: containers[0], upgrade: initContainers[0] };
}

const variables = ({ env = [] }: Container): Environment =>
  Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? secrets[valueFrom!.secretKeyRef.key]]));

/** PostgreSQL takes no part in a container whose user is root. */
async function startPostgres(container: Container, port: number): Promise<void> {
  const data = join(root, "postgres");
  await mkdir(data);
  const isRoot = process.getuid!() === 0;
  if (isRoot) await chown(data, ...(await postgresIds()));
  const as = isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
  const binaries = (await exec("sh", ["-c", "ls -d /usr/lib/postgresql/*/bin"])).trim().split("\n").at(-1)!;
  const command = container.command.map((part) => part.replaceAll("/data/", `${data}/`));
  start([...as, ...command], {
    ...variables(container),
    PATH: `${binaries}:${process.env.PATH}`,
    PGPORT: String(port),
  });
  await until(() => exec(join(binaries, "pg_isready"), ["--host=127.0.0.1", `--port=${port}`, "--username=mlflow"]));
}

async function postgresIds(): Promise<[number, number]> {
  const ids = await Promise.all(["-u", "-g"].map((option) => exec("id", [option, "postgres"])));
  return [Number(ids[0]), Number(ids[1])];
}

async function startVersitygw(container: Container, port: number): Promise<void> {
  for (const path of ["objects/mlflow", "metadata"]) await mkdir(join(root, "s3", path), { recursive: true });
  const args = container.args!.map((part) =>
    part.replace("/data", join(root, "s3")).replace(":7070", `127.0.0.1:${port}`),
  );
  start([toolPath("versitygw"), ...args], variables(container));
  await until(() => fetch(`http://127.0.0.1:${port}/health`));
}

function start([file, ...args]: string[], env: Environment): void {
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit"],
    cwd: "/",
  });
  processes.push(child);
}

async function until(answers: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 100)))
    try {
      await answers();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
}

async function upgradeTables(): Promise<void> {
  await exec(interpreter, upgrade.command.slice(1), { env: external });
}

async function withMlflow<T>(data: string, env: Environment, use: (uri: string) => Promise<T>): Promise<T> {
  const plain = { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false" };
  const running = await startMlflow(data, server.args!, { ...plain, ...env });
  try {
    return await use(`http://127.0.0.1:${running.port}`);
  } finally {
    await running.stop();
  }
}

/** A client has the address of MLflow alone: no key of the store. */
const prologue = `
import json, sys, mlflow
client = mlflow.MlflowClient()
def show(run):
    path = client.download_artifacts(run, "model.txt")
    versions = client.search_model_versions(f"run_id = '{run}'")
    metric = client.get_run(run).data.metrics["accuracy"]
    print(json.dumps({"id": run, "text": open(path).read(), "metric": metric, "version": str(versions[0].version)}))
`;
const log = `${prologue}
name = sys.argv[1]
mlflow.set_experiment("food")
with mlflow.start_run(run_name=name) as run:
    mlflow.log_metric("accuracy", 0.875)
    mlflow.log_text(f"artifact of {name}", "model.txt")
if not client.search_registered_models():
    client.create_registered_model("food")
client.create_model_version("food", run.info.artifact_uri, run.info.run_id)
show(run.info.run_id)
`;
const read = `${prologue}show(sys.argv[1])`;

interface Shown {
  id?: string;
  text?: string;
  metric?: number;
  version?: string;
}

async function client(uri: string, program: string, argument: string): Promise<Shown> {
  const output = await exec(interpreter, ["-c", program, argument], { env: { MLFLOW_TRACKING_URI: uri } });
  return JSON.parse(output.trim().split("\n").at(-1)!);
}

async function save(from: MlflowVolume, name: string): Promise<Backup> {
  const path = await folder(`backup-${name}`);
  const database = await from.saveDatabase(join(path, "mlflow.db"), quiet);
  const artifacts = await from.saveArtifacts(join(path, "artifacts.tar"), quiet);
  return { folder: path, id: name, manifest: { files: [database, artifacts] } } as unknown as Backup;
}

/** Twice, as after an interruption at the very end. */
async function restore(target: MlflowVolume, backup: Backup, name: string): Promise<void> {
  await target.receive(name, backup, quiet);
  expect(await target.look(name)).toMatchObject({ whole: true });
  for (const _time of ["first", "again"]) await target.exchange(name);
}

/** The one value of a query, as MLflow's user or another one. */
async function sql(query: string, user = "mlflow"): Promise<string> {
  const text = await exec("psql", ["--no-align", "--tuples-only", "--command", query], {
    env: { ...external, PGUSER: user },
  });
  return text.trim();
}

async function folder(name: string): Promise<string> {
  const path = join(root, name);
  await mkdir(path);
  return path;
}
