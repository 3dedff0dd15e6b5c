import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { secretJob } from "../shared/secret-job";
import { holdsAnnotation, type SigningKey, signingKeySecret, signingKeysName } from "../shared/workflow-names";
import { admission } from "./admission";

/** The workflows whose pods mount a private key. */
export const signers: Readonly<Record<SigningKey, readonly string[]>> = {
  training: ["train-model"],
  build: ["build-container-image"],
  gates: ["test-staging"],
  // They release, and take back that a version passed.
  release: ["promote-model", "restore-releases", "shift-traffic"],
};

export interface SigningKeysArgs {
  /** Namespace of the workflows. */
  readonly namespace: pulumi.Input<string>;
  /** `repository@digest` of the tools image. */
  readonly image: pulumi.Input<string>;
  /** Folder of `signing-key-policy.yaml`. */
  readonly folder: string;
  /** ConfigMaps of the modules, by their folder. */
  readonly modules: Readonly<Record<"steps" | "lib", k8s.core.v1.ConfigMap>>;
}

/**
 * The keys that the pipeline signs with. A Job makes them in the cluster, so neither the program nor Pulumi's state has
 * one. The API server lets a pod mount a private key only under the account of a workflow that signs with it.
 */
export class SigningKeys extends pulumi.ComponentResource {
  constructor(name: string, args: SigningKeysArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:SigningKeys", name, {}, opts);
    const { namespace, image, folder, modules } = args;
    const metadata = { name: signingKeysName, namespace, labels: { app: signingKeysName } };
    const child = { parent: this };
    const secrets = Object.keys(signers).map((key) => signingKeySecret(key as SigningKey));

    const policy = admission(
      `${name}-mounts`,
      {
        file: join(folder, "signing-key-policy.yaml"),
        values: { signers: Object.fromEntries(Object.entries(signers).map(mountsOf)) },
        namespace,
      },
      child,
    );
    const publicKeys = new k8s.core.v1.ConfigMap(
      `${name}-public`,
      {
        metadata: {
          name: signingKeysName,
          namespace,
          annotations: { [holdsAnnotation]: "the public keys that signatures are verified with" },
        },
      },
      child,
    );
    const container = {
      name: "make",
      image,
      command: ["python3", "-m", "steps.make_signing_keys"],
      resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } },
    };
    const env = { HOME: "/tmp", PYTHONPATH: "/pipeline", PYTHONDONTWRITEBYTECODE: "1" };
    const folders = Object.fromEntries(
      Object.entries(modules).map(([room, module]) => [
        `/pipeline/${room}`,
        { name: room, configMap: module.metadata.name },
      ]),
    );
    // kubectl reads what it patches.
    const rules = [
      { apiGroups: [""], resources: ["configmaps"], resourceNames: [signingKeysName], verbs: ["get", "patch"] },
    ];
    secretJob(name, { metadata, secrets, rules, container, env, folders }, [...policy, publicKeys], child);
    this.registerOutputs({});
  }
}

const mountsOf = ([key, templates]: [string, readonly string[]]) => [signingKeySecret(key as SigningKey), templates];
