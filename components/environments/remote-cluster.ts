import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { argoCdNamespace } from "../shared/workflow-names";

export interface RemoteClusterArgs {
  /** Name by which Applications know the cluster. */
  readonly cluster: string;
  /** `https://host:port` at which Argo CD reaches the cluster's API server. */
  readonly apiServer: string;
  /** The only namespace on that cluster that Argo CD may deploy to. */
  readonly namespace: pulumi.Input<string>;
  /** Provider of the cluster that Argo CD runs on. */
  readonly platformProvider: k8s.Provider;
}

/** ServiceAccount of Argo CD on a remote cluster. */
export const deployerAccount = "argocd-deployer";

/**
 * Registers a remote cluster with Argo CD, by name. Argo CD gets the token of a ServiceAccount on that cluster that may
 * deploy only to one environment. Argo CD tells clusters apart by their address, so each holds one environment.
 */
export class RemoteCluster extends pulumi.ComponentResource {
  constructor(name: string, args: RemoteClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    // The alias keeps the resources of stacks that were deployed under the old name.
    const aliases = [{ type: "gourmetgram:release:OtherCluster" }];
    super("gourmetgram:release:RemoteCluster", name, {}, pulumi.mergeOptions(opts, { aliases }));
    const child = { parent: this };
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata: { name: deployerAccount, namespace: args.namespace } },
      child,
    );
    const token = new k8s.core.v1.Secret(
      `${name}-token`,
      {
        metadata: {
          name: `${deployerAccount}-token`,
          namespace: args.namespace,
          annotations: { "kubernetes.io/service-account.name": account.metadata.name },
        },
        type: "kubernetes.io/service-account-token",
      },
      child,
    );
    // Pulumi waits until Kubernetes has filled the Secret. It encrypts the data, and what is derived from it.
    const config = token.data.apply(({ token: bearer, "ca.crt": authority }) =>
      JSON.stringify({ bearerToken: Buffer.from(bearer, "base64").toString(), tlsClientConfig: { caData: authority } }),
    );
    new k8s.core.v1.Secret(
      `${name}-registration`,
      {
        metadata: {
          name: `cluster-${args.cluster}`,
          namespace: argoCdNamespace,
          labels: { "argocd.argoproj.io/secret-type": "cluster" },
        },
        stringData: {
          name: args.cluster,
          server: args.apiServer,
          namespaces: args.namespace,
          clusterResources: "false",
          config,
        },
      },
      { ...child, provider: args.platformProvider },
    );
    this.registerOutputs({});
  }
}
