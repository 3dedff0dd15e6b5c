import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

export interface RemoteClusterArgs {
  /** Name by which Applications know the cluster. */
  readonly cluster: string;
  /** `https://host:port` at which Argo CD reaches the cluster's API server. */
  readonly apiServer: string;
  /** Namespace on that cluster which Argo CD may deploy to, and no other. */
  readonly namespace: pulumi.Input<string>;
  /** Provider of the cluster that Argo CD runs on. */
  readonly platformProvider: k8s.Provider;
}

/** ServiceAccount that Argo CD acts under on a cluster other than its own. */
export const deployerAccount = "argocd-deployer";

/**
 * A cluster beside the platform's, as Argo CD's destination by name. Argo CD gets a token of an account on it that has
 * only the rights of one environment. Argo CD tells clusters apart by their address, so each holds one environment.
 */
export class RemoteCluster extends pulumi.ComponentResource {
  constructor(name: string, args: RemoteClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:OtherCluster", name, {}, opts);
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
    // Pulumi waits until the Secret is filled, and keeps both this Secret's data and what is made of it encrypted.
    const config = token.data.apply(({ token: bearer, "ca.crt": authority }) =>
      JSON.stringify({ bearerToken: Buffer.from(bearer, "base64").toString(), tlsClientConfig: { caData: authority } }),
    );
    new k8s.core.v1.Secret(
      `${name}-registration`,
      {
        metadata: {
          name: `cluster-${args.cluster}`,
          namespace: "argocd",
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
