import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Images, imageReference } from "../../images/catalogue";
import { restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "../shared/security";
import { ownedVolumes } from "../shared/volumes";
import { GeneratedSecret } from "./generated-secret";

export interface InstalledStoreArgs {
  readonly namespace: pulumi.Input<string>;
  /** Size of its volume. */
  readonly storage: string;
  readonly images: Images;
  /** `repository@digest` of the tools image. */
  readonly toolsImage: pulumi.Input<string>;
  /** Whether Pulumi refuses to delete its volume; default false. */
  readonly protect?: boolean;
}

const { namespace: storeNamespace, app, claim } = ownedVolumes.database;
/** Address of the stack's own PostgreSQL, and the Secret with its user and password. */
export const installedDatabase = { host: `${app}.${storeNamespace}.svc.cluster.local`, name: "mlflow", secret: app };
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
    const { namespace, storage, images, toolsImage, protect } = args;
    const labels = { app };
    const metadata = { name: app, namespace, labels };
    const child = { parent: this };

    const credentials = new GeneratedSecret(
      `${name}-secret`,
      {
        namespace,
        secret: installedDatabase.secret,
        user: ["username", "mlflow"],
        passwordKey: "password",
        image: toolsImage,
      },
      child,
    );
    const volume = new k8s.core.v1.PersistentVolumeClaim(
      `${name}-data`,
      {
        metadata: { ...metadata, name: claim, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
      },
      { ...child, protect },
    );
    const fromSecret = (variable: string, key: string) => ({
      name: variable,
      valueFrom: { secretKeyRef: { name: installedDatabase.secret, key } },
    });
    const ready = {
      exec: { command: ["pg_isready", "--host=127.0.0.1", `--dbname=${installedDatabase.name}`, "--username=mlflow"] },
      timeoutSeconds: 5,
    };
    const deployment = new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          replicas: 1,
          strategy: { type: "Recreate" },
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              // Not its group for the volume: with another one, the volume's watch would open its files to a group, and
              // PostgreSQL refuses such files.
              securityContext: { ...restrictedPod, runAsUser: postgresId, runAsGroup: postgresId },
              containers: [
                {
                  name: "postgres",
                  image: imageReference(images.postgres),
                  command: ["sh", "-euc", script],
                  env: [
                    { name: "DATABASE_NAME", value: installedDatabase.name },
                    fromSecret("DATABASE_USER", "username"),
                    fromSecret("DATABASE_PASSWORD", "password"),
                  ],
                  ports: [{ name: "postgres", containerPort: port }],
                  // After a crash it first repeats what the log of its writes has.
                  startupProbe: { ...ready, periodSeconds: 2, failureThreshold: 150 },
                  readinessProbe: { ...ready, periodSeconds: 5 },
                  livenessProbe: { ...ready, periodSeconds: 30, timeoutSeconds: 10 },
                  resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "1Gi" } },
                  securityContext: restrictedContainer,
                  volumeMounts: [{ name: "data", mountPath: "/data" }, temporaryMount],
                },
              ],
              volumes: [{ name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } }, temporaryVolume],
            },
          },
        },
      },
      { ...child, dependsOn: credentials },
    );
    new k8s.core.v1.Service(
      `${name}-service`,
      { metadata, spec: { selector: labels, ports: [{ name: "postgres", port, targetPort: "postgres" }] } },
      { ...child, dependsOn: deployment },
    );
    this.registerOutputs({});
  }
}
