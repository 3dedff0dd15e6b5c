import * as pulumi from "@pulumi/pulumi";
import { imageReference } from "../../images/catalogue";
import { restrictedPod } from "../shared/security";
import { ownedVolumes } from "../shared/volumes";
import { type InstalledStoreArgs, installStore, onVolume } from "./installed-store";

const { namespace: storeNamespace, app, claim } = ownedVolumes.database;
/** Address of the stack's own PostgreSQL, and the Secret with its user and password. */
export const installedDatabase = { host: `${app}.${storeNamespace}.svc.cluster.local`, name: "mlflow", secret: app };
const [userKey, passwordKey] = ["username", "password"];
const port = 5432;

/** User `postgres` of PostgreSQL's image, which `initdb` must find by its name. */
const postgresId = 999;

/**
 * The database is made beside its place and moved there when it is whole. MLflow's user owns one database and nothing
 * else. The Secret decides about the password at each start. Nobody connects as `postgres`.
 */
const script = `
data=/data/postgresql
as_superuser() { postgres --single -D "$1" -c log_min_messages=error "$2" > /dev/null; }
if [ ! -e "$data" ]; then
  rm -rf "$data.new"
  initdb --pgdata="$data.new" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --auth=reject > /dev/null
  printf '%s\\n' "CREATE ROLE $DATABASE_USER LOGIN" "CREATE DATABASE $DATABASE_NAME OWNER $DATABASE_USER" |
    as_superuser "$data.new" template1
  mv "$data.new" "$data"
fi
echo "ALTER ROLE $DATABASE_USER PASSWORD '$DATABASE_PASSWORD'" | as_superuser "$data" template1
echo "host $DATABASE_NAME $DATABASE_USER all scram-sha-256" > "$data/pg_hba.conf"
unset DATABASE_PASSWORD
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
`.trim();

/** PostgreSQL for MLflow: one pod with one volume, for labs and tests. It has no replica and no backup of its own. */
export class Postgres extends pulumi.ComponentResource {
  constructor(name: string, args: InstalledStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:Postgres", name, {}, opts);
    const fromSecret = (variable: string, key: string) => ({
      name: variable,
      valueFrom: { secretKeyRef: { name: installedDatabase.secret, key } },
    });
    const ready = {
      exec: { command: ["pg_isready", "--host=127.0.0.1", `--dbname=${installedDatabase.name}`, "--username=mlflow"] },
      timeoutSeconds: 5,
    };
    const pod = {
      // Not its group for the volume: with another one, the volume's watch would open its files to a group, and
      // PostgreSQL refuses such files.
      securityContext: { ...restrictedPod, runAsUser: postgresId, runAsGroup: postgresId },
      containers: [
        {
          name: "postgres",
          image: imageReference(args.images.postgres),
          command: ["sh", "-euc", script],
          env: [
            { name: "DATABASE_NAME", value: installedDatabase.name },
            fromSecret("DATABASE_USER", userKey),
            fromSecret("DATABASE_PASSWORD", passwordKey),
          ],
          ports: [{ name: "postgres", containerPort: port }],
          // After a crash it first repeats what the log of its writes has.
          startupProbe: { ...ready, periodSeconds: 2, failureThreshold: 150 },
          readinessProbe: { ...ready, periodSeconds: 5 },
          livenessProbe: { ...ready, periodSeconds: 30, timeoutSeconds: 10 },
          resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "1Gi" } },
          ...onVolume,
        },
      ],
    };
    const { secret } = installedDatabase;
    const service = { name: "postgres", number: port };
    installStore(name, args, { app, claim, secret, userKey, passwordKey, port: service, pod }, this);
    this.registerOutputs({});
  }
}
