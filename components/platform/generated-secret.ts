import * as pulumi from "@pulumi/pulumi";
import { secretJob } from "../shared/secret-job";

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
 * A Secret with a password. A Job creates it in the cluster if it is not there; what is there stays.
 */
export class GeneratedSecret extends pulumi.ComponentResource {
  constructor(name: string, args: GeneratedSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:GeneratedSecret", name, {}, opts);
    const { namespace, secret, user, passwordKey, image } = args;
    const metadata = { name: `${secret}-secret`, namespace, labels: { app: `${secret}-secret` } };
    const env = { NAME: secret, USER_KEY: user[0], USER_NAME: user[1], PASSWORD_KEY: passwordKey };
    const container = {
      name: "create",
      image,
      command: ["sh", "-euc", script],
      resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
    };
    secretJob(name, { metadata, secrets: [secret], container, env }, [], { parent: this });
    this.registerOutputs({});
  }
}
