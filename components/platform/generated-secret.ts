import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { grant } from "../shared/grant";
import { restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "../shared/security";

export interface GeneratedSecretArgs {
  readonly namespace: pulumi.Input<string>;
  /** Name of the Secret. */
  readonly secret: string;
  /** Key of the user's name, and the name. */
  readonly user: readonly [key: string, value: string];
  /** Key of the password. */
  readonly passwordKey: string;
  /** `repository@digest` of the tools image. */
  readonly image: pulumi.Input<string>;
}

/** 256 bits in hex, which needs no escape in SQL or in an address. The password is in no command line. */
const script = `
umask 077
found=$(kubectl get secret "$NAME" --ignore-not-found --output name)
if [ -n "$found" ]; then echo "$found exists and stays as it is"; exit; fi
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' > /tmp/password
kubectl create secret generic "$NAME" --from-literal="$USER_KEY=$USER_NAME" --from-file="$PASSWORD_KEY=/tmp/password"
`.trim();

/**
 * A Secret with a password that is made in the cluster, so neither the program nor Pulumi's state has it. A Job creates
 * it if it is not there; what is there, it may neither change nor delete.
 */
export class GeneratedSecret extends pulumi.ComponentResource {
  constructor(name: string, args: GeneratedSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:GeneratedSecret", name, {}, opts);
    const { namespace, secret, user, passwordKey, image } = args;
    const metadata = { name: `${secret}-secret`, namespace, labels: { app: `${secret}-secret` } };
    const child = { parent: this };

    const account = new k8s.core.v1.ServiceAccount(`${name}-account`, { metadata }, child);
    const rights = grant(
      name,
      {
        metadata,
        rules: [
          { apiGroups: [""], resources: ["secrets"], resourceNames: [secret], verbs: ["get"] },
          // RBAC compares no name of what does not exist yet.
          { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
        ],
        subjects: [{ name: metadata.name, namespace }],
      },
      child,
    );
    const env = { NAME: secret, USER_KEY: user[0], USER_NAME: user[1], PASSWORD_KEY: passwordKey };
    new k8s.batch.v1.Job(
      `${name}-job`,
      {
        // A failed Job is not ready: the next update replaces it.
        metadata: { ...metadata, annotations: { "pulumi.com/replaceUnready": "true" } },
        spec: {
          backoffLimit: 3,
          activeDeadlineSeconds: 300,
          template: {
            metadata: { labels: metadata.labels },
            spec: {
              restartPolicy: "Never",
              serviceAccountName: account.metadata.name,
              securityContext: restrictedPod,
              containers: [
                {
                  name: "create",
                  image,
                  command: ["sh", "-euc", script],
                  env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
                  resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                  securityContext: restrictedContainer,
                  volumeMounts: [temporaryMount],
                },
              ],
              volumes: [temporaryVolume],
            },
          },
        },
      },
      { ...child, dependsOn: rights, deleteBeforeReplace: true },
    );
    this.registerOutputs({});
  }
}
