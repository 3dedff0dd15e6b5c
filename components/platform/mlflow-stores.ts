/** Where MLflow keeps its database and its artifacts, as the environment of its containers says it. */
import type { types } from "@pulumi/kubernetes";
import type { Settings } from "../../config";
import { accessKeys, installedArtifacts } from "./object-store";
import { installedDatabase } from "./postgres";

const sqlite = "sqlite:////data/mlflow.db";

type Variable = types.input.core.v1.EnvVar;

const value = (name: string, text: string): Variable => ({ name, value: text });
const fromSecret = (name: string, secret: string, key: string): Variable => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});

/** Whether MLflow keeps anything on its volume. */
export const hasVolume = ({ database, artifacts }: Settings["modelRegistry"]): boolean => !database || !artifacts;

/** The volumes of this cluster that MLflow's data is on, by their names in `ownedVolumes`. */
export function mlflowVolumes(settings: Settings["modelRegistry"]): ("mlflow" | "database" | "artifacts")[] {
  return [
    ...(hasVolume(settings) ? (["mlflow"] as const) : []),
    ...(settings.database?.install ? (["database"] as const) : []),
    ...(settings.artifacts?.install ? (["artifacts"] as const) : []),
  ];
}

/** MLflow's variables. The server, the upgrade of the tables, and `cli/backups/mlflow_data.py` read them. */
export function storeVariables({ database, artifacts }: Settings["modelRegistry"]): Variable[] {
  return [...databaseVariables(database), ...artifactVariables(artifacts)];
}

function databaseVariables(database: Settings["modelRegistry"]["database"]): Variable[] {
  const uri = "MLFLOW_BACKEND_STORE_URI";
  if (!database) return [value(uri, sqlite)];
  const { host, port, name, secret, sslMode } = database.install
    ? { ...installedDatabase, port: undefined, sslMode: "disable" as const }
    : database;
  if (!host) return [fromSecret(uri, secret!, "uri")];
  return [
    // PostgreSQL's library takes what an address leaves out from these variables. So no password needs an escape.
    value(uri, "postgresql://"),
    value("PGHOST", host),
    value("PGPORT", String(port ?? 5432)),
    value("PGDATABASE", name ?? "mlflow"),
    value("PGSSLMODE", sslMode ?? "verify-full"),
    ...((sslMode ?? "verify-full") === "verify-full" ? [value("PGSSLROOTCERT", "system")] : []),
    fromSecret("PGUSER", secret!, "username"),
    fromSecret("PGPASSWORD", secret!, "password"),
  ];
}

function artifactVariables(artifacts: Settings["modelRegistry"]["artifacts"]): Variable[] {
  const destination = "MLFLOW_ARTIFACTS_DESTINATION";
  if (!artifacts) return [value(destination, "/data/artifacts")];
  const { endpoint, bucket, secret, prefix, region, pathStyle } = artifacts.install
    ? { ...installedArtifacts, prefix: undefined, region: undefined, pathStyle: true }
    : artifacts;
  return [
    value(destination, `s3://${[bucket, prefix].filter(Boolean).join("/")}`),
    ...(endpoint ? [value("MLFLOW_S3_ENDPOINT_URL", endpoint)] : []),
    value("AWS_DEFAULT_REGION", region ?? "us-east-1"),
    ...(pathStyle ? [value("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "path")] : []),
    // Not every store knows the checksums that Amazon's client adds by default.
    value("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),
    ...accessKeys.map((key) => fromSecret(key, secret!, key)),
  ];
}

/** The number of the lock is this project's own. */
const upgradeScript = `
import os
import sqlalchemy
from mlflow.store.db import utils

engine = utils.create_sqlalchemy_engine_with_retry(os.environ["MLFLOW_BACKEND_STORE_URI"])
with engine.connect() as lock:
    lock.execute(sqlalchemy.text("SELECT pg_advisory_lock(7305415)"))
    if utils._is_empty_database(engine):
        utils._initialize_tables(engine)
    else:
        utils._upgrade_db(engine)
`.trim();

/**
 * The command that makes MLflow's tables, or upgrades them. On PostgreSQL it does what `mlflow db upgrade` does, which
 * two pods must not do at once, and has the address in no command line.
 */
export const upgradeCommand = ({ database }: Settings["modelRegistry"]): string[] =>
  database ? ["python3", "-c", upgradeScript] : ["mlflow", "db", "upgrade", sqlite];
