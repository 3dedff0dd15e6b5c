import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { firstEnvironment } from "../../config/promotion-path";
import { registryAddress } from "../../images/catalogue";
import { destination } from "../platform/argo-cd";
import { exposedUrl } from "../shared/exposure";
import {
  restrictedContainer,
  restrictedNamespaceLabels,
  restrictedPod,
  temporaryMount,
  temporaryVolume,
} from "../shared/security";
import { stackLabel } from "../shared/workflow-names";
import { bundleTag, renderBundle } from "./bundle";
import { appPort, type EnvironmentShape, environmentApp, environmentBundle } from "./environment-bundle";
import type { Platform } from "./platform";
import { deployerAccount, RemoteCluster } from "./remote-cluster";

export interface EnvironmentArgs extends EnvironmentShape {
  readonly platform: Platform;
}

/** ServiceAccounts in `argo` that may release to an environment, and those that may look at it and change nothing. */
const accounts = {
  candidates: {
    releasers: ["deploy-container-image", "revert-staging"],
    observers: ["build-container-image", "test-staging", "promote-model"],
  },
  promotions: { releasers: ["promote-model", "restore-releases"], observers: [] },
};
/** ServiceAccount of Argo CD on its own cluster. */
const controllerAccount = { name: "argocd-application-controller", namespace: "argocd" };

/**
 * One environment of the food classifier. Pulumi states its shape and publishes it as a bundle; Argo CD
 * deploys the bundle; which model runs is the pipeline's to say, on the Application, and stated nowhere here.
 */
export class Environment extends pulumi.ComponentResource {
  /** Namespace, app label, Service and Application all have this name. */
  readonly namespace: pulumi.Output<string>;
  /** Address that a person opens. */
  readonly url: string;

  constructor(name: string, args: EnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:Environment", name, {}, opts);
    const { platform } = args;
    const app = environmentApp(args.environment);
    const { remote } = platform;
    const { port, cluster } = platform.promotionPath[args.environment];
    const child = { parent: this };
    const onPlatform = remote ? { ...child, provider: remote.provider } : child;
    // What runs goes with its namespace, which version with the Application, how with the bundle.
    const kept = { protect: args.settings.protect };

    const createNamespace = (role: string, namespace: string, options: pulumi.CustomResourceOptions) =>
      new k8s.core.v1.Namespace(
        `${name}-${role}`,
        { metadata: { name: namespace, labels: restrictedNamespaceLabels } },
        { ...options, ...kept },
      ).metadata.name;
    this.namespace = createNamespace("namespace", app, child);
    // The registry takes bundles from pods of its own cluster alone.
    const bundleNamespace = remote ? createNamespace("bundle-namespace", `${app}-bundle`, onPlatform) : this.namespace;

    const render = (baseImage: string) => renderBundle(environmentBundle(args, baseImage));
    // Only the file that names the image waits for it: a preview that builds the image anew still knows the limits.
    const files = {
      ...render(""),
      "kustomization.yaml": pulumi
        .output(platform.images.app)
        .apply((baseImage) => render(baseImage)["kustomization.yaml"]),
    };
    const tag = pulumi.output(files).apply(bundleTag);
    const bundle = new k8s.core.v1.ConfigMap(
      `${name}-bundle`,
      { metadata: { name: `${app}-bundle`, namespace: bundleNamespace }, data: files },
      { ...onPlatform, ...kept },
    );
    const published = this.publish(name, app, tag, bundle, platform.images.tools, onPlatform);
    const controllerRights: pulumi.Resource[] = this.grantArgoCd(
      name,
      remote ? { name: deployerAccount, namespace: this.namespace } : controllerAccount,
    );
    if (remote && cluster)
      controllerRights.push(
        new RemoteCluster(
          `${name}-cluster`,
          { cluster, apiServer: remote.apiServer, namespace: this.namespace, platformProvider: remote.provider },
          child,
        ),
      );
    const repository = `oci://${registryAddress}/bundles/${app}`;
    const repositorySecret = new k8s.core.v1.Secret(
      `${name}-repository`,
      {
        metadata: {
          name: `${app}-bundles`,
          namespace: "argocd",
          labels: { "argocd.argoproj.io/secret-type": "repository" },
        },
        stringData: { type: "oci", name: app, url: repository, insecureOCIForceHttp: "true" },
      },
      onPlatform,
    );
    new k8s.apiextensions.CustomResource(
      `${name}-application`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Application",
        metadata: { name: app, namespace: "argocd", labels: { [stackLabel]: pulumi.getStack() } },
        spec: {
          project: platform.project,
          destination: destination(app, cluster),
          source: { repoURL: repository, targetRevision: tag, path: "." },
          syncPolicy: {
            automated: { prune: true, selfHeal: true },
            retry: { limit: 5, backoff: { duration: "5s", factor: 2, maxDuration: "1m" } },
          },
        },
      },
      { ...onPlatform, ...kept, dependsOn: [published, repositorySecret, ...controllerRights] },
    );
    this.isolate(name, app);
    this.grantPipeline(name, app, args.environment, onPlatform, remote !== undefined);

    this.url = exposedUrl(args.exposure, { name: args.environment, port });
    this.registerOutputs({ namespace: this.namespace, url: this.url });
  }

  private publish(
    name: string,
    app: string,
    tag: pulumi.Output<string>,
    bundle: k8s.core.v1.ConfigMap,
    image: pulumi.Input<string>,
    onPlatform: pulumi.CustomResourceOptions,
  ) {
    return new k8s.batch.v1.Job(
      `${name}-publish`,
      {
        metadata: { name: pulumi.interpolate`${app}-publish-${tag}`, namespace: bundle.metadata.namespace },
        spec: {
          backoffLimit: 3,
          activeDeadlineSeconds: 300,
          template: {
            metadata: { labels: { app: `${app}-publish` } },
            spec: {
              restartPolicy: "Never",
              automountServiceAccountToken: false,
              securityContext: restrictedPod,
              containers: [
                {
                  name: "publish",
                  image,
                  command: ["sh", "-euc", publishScript],
                  env: [{ name: "TARGET", value: pulumi.interpolate`${registryAddress}/bundles/${app}:${tag}` }],
                  resources: { requests: { cpu: "50m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                  securityContext: restrictedContainer,
                  volumeMounts: [{ name: "bundle", mountPath: "/bundle", readOnly: true }, temporaryMount],
                },
              ],
              volumes: [{ name: "bundle", configMap: { name: bundle.metadata.name } }, temporaryVolume],
            },
          },
        },
      },
      onPlatform,
    );
  }

  /** The rights of Argo CD's controller in this namespace: what a bundle can hold, and what it makes. */
  private grantArgoCd(name: string, account: { name: string; namespace: pulumi.Input<string> }): pulumi.Resource[] {
    const write = ["get", "list", "watch", "create", "update", "patch", "delete"];
    const role = new k8s.rbac.v1.Role(
      `${name}-argocd-role`,
      {
        metadata: { name: "argocd-deployer", namespace: this.namespace },
        rules: [
          { apiGroups: ["apps"], resources: ["deployments"], verbs: write },
          { apiGroups: [""], resources: ["services"], verbs: write },
          { apiGroups: ["apps"], resources: ["replicasets"], verbs: ["get", "list", "watch"] },
          { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
          { apiGroups: [""], resources: ["events"], verbs: ["create", "list"] },
        ],
      },
      { parent: this },
    );
    const subjects = [{ kind: "ServiceAccount", ...account }];
    const binding = new k8s.rbac.v1.RoleBinding(
      `${name}-argocd-binding`,
      {
        metadata: { name: "argocd-deployer", namespace: this.namespace },
        roleRef: roleRef("argocd-deployer"),
        subjects,
      },
      { parent: this },
    );
    return [role, binding];
  }

  /** The rights of the pipeline: this one Application, and a look at the pods, where they are on its own cluster. */
  private grantPipeline(
    name: string,
    app: string,
    environment: string,
    onPlatform: pulumi.CustomResourceOptions,
    isElsewhere: boolean,
  ) {
    // Candidates are tested in the first environment; to the others models are promoted.
    const { releasers, observers } = accounts[environment === firstEnvironment ? "candidates" : "promotions"];
    const grant = (
      role: string,
      namespace: pulumi.Input<string>,
      holders: string[],
      rules: k8s.types.input.rbac.v1.PolicyRule[],
    ) => {
      const metadata = { name: `${app}-${role}`, namespace };
      new k8s.rbac.v1.Role(`${name}-${role}-role`, { metadata, rules }, onPlatform);
      const subjects = holders.map((account) => ({ kind: "ServiceAccount", name: account, namespace: "argo" }));
      new k8s.rbac.v1.RoleBinding(
        `${name}-${role}-binding`,
        { metadata, roleRef: roleRef(metadata.name), subjects },
        onPlatform,
      );
    };
    const application = { apiGroups: ["argoproj.io"], resources: ["applications"], resourceNames: [app] };
    grant("release", "argocd", releasers, [{ ...application, verbs: ["get", "patch"] }]);
    if (observers.length > 0) grant("observe", "argocd", observers, [{ ...application, verbs: ["get"] }]);
    if (!isElsewhere)
      grant(
        "look",
        this.namespace,
        [...releasers, ...observers],
        [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
      );
  }

  /** The app is asked and never asks: it may be reached on its port, and reaches nothing. */
  private isolate(name: string, app: string) {
    new k8s.networking.v1.NetworkPolicy(
      `${name}-network-policy`,
      {
        metadata: { name: app, namespace: this.namespace },
        spec: {
          podSelector: { matchLabels: { app } },
          policyTypes: ["Ingress", "Egress"],
          ingress: [{ ports: [{ protocol: "TCP", port: appPort }] }],
          egress: [],
        },
      },
      { parent: this },
    );
  }
}

/** Packs the bundle into one content layer, as Argo CD wants it, unless the registry has it already. */
const publishScript = `crane --insecure digest "$TARGET" >/dev/null 2>&1 && exit 0
tar -C /bundle -chf /tmp/bundle.tar deployment.yaml service.yaml kustomization.yaml
exec crane --insecure append --oci-empty-base --new_layer /tmp/bundle.tar --new_tag "$TARGET"`;

function roleRef(name: string) {
  return { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
}
