import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { EnvironmentSettings, ExposureSettings } from "../config";
import { registryAddress } from "../images/catalogue";
import { Bundle, bundleTag, renderBundle } from "./bundle";
import { exposedServiceSpec, exposedUrl } from "./exposure";
import { restrictedContainer, restrictedNamespaceLabels, restrictedPod, temporaryMount, temporaryVolume } from "./security";

export interface EnvironmentArgs {
  /** Name of the environment: `staging`. */
  readonly environment: string;
  readonly settings: EnvironmentSettings;
  readonly exposure: ExposureSettings;
  /** `repository@digest` that runs before the first release. */
  readonly baseImage: pulumi.Input<string>;
  /** `repository@digest` of the image that publishes the bundle. */
  readonly toolsImage: pulumi.Input<string>;
  /** AppProject of the Application. */
  readonly project: pulumi.Input<string>;
  /** Seconds that a rollout may take before Kubernetes calls it failed. */
  readonly rolloutTimeoutSeconds: number;
  /** ServiceAccounts in `argo` that may release to this environment. */
  readonly releasers: string[];
  /** ServiceAccounts in `argo` that may look at this environment and change nothing. */
  readonly observers: string[];
}

const port = 8000;
/** Name by which the Deployment calls its image, and a release replaces it. */
const imageName = "gourmetgram-app";

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
    const app = environmentApp(args.environment);
    const child = { parent: this };
    // What runs goes with its namespace, which version with the Application, how with the bundle.
    const kept = { ...child, protect: args.settings.protect };

    const namespace = new k8s.core.v1.Namespace(`${name}-namespace`, { metadata: { name: app, labels: restrictedNamespaceLabels } }, kept);
    this.namespace = namespace.metadata.name;

    const render = (baseImage: string) => renderBundle(environmentBundle(args, baseImage));
    // Only the file that names the image waits for it: a preview that builds the image anew still knows the limits.
    const files = { ...render(""), "kustomization.yaml": pulumi.output(args.baseImage).apply((baseImage) => render(baseImage)["kustomization.yaml"]) };
    const tag = pulumi.output(files).apply(bundleTag);
    const bundle = new k8s.core.v1.ConfigMap(`${name}-bundle`, { metadata: { name: `${app}-bundle`, namespace: this.namespace }, data: files }, kept);
    const published = this.publish(name, app, tag, bundle, args.toolsImage);
    const controllerRights = this.grantArgoCd(name);
    const repository = `oci://${registryAddress}/bundles/${app}`;
    const repositorySecret = new k8s.core.v1.Secret(
      `${name}-repository`,
      {
        metadata: { name: `${app}-bundles`, namespace: "argocd", labels: { "argocd.argoproj.io/secret-type": "repository" } },
        stringData: { type: "oci", name: app, url: repository, insecureOCIForceHttp: "true" },
      },
      child,
    );
    new k8s.apiextensions.CustomResource(
      `${name}-application`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Application",
        metadata: { name: app, namespace: "argocd" },
        spec: {
          project: args.project,
          destination: { server: "https://kubernetes.default.svc", namespace: app },
          source: { repoURL: repository, targetRevision: tag, path: "." },
          syncPolicy: { automated: { prune: true, selfHeal: true }, retry: { limit: 5, backoff: { duration: "5s", factor: 2, maxDuration: "1m" } } },
        },
      },
      { ...kept, dependsOn: [published, repositorySecret, ...controllerRights] },
    );
    this.isolate(name, app);
    this.grantPipeline(name, app, args);

    this.url = exposedUrl(args.exposure, { name: args.environment, port: args.settings.port });
    this.registerOutputs({ namespace: this.namespace, url: this.url });
  }

  private publish(name: string, app: string, tag: pulumi.Output<string>, bundle: k8s.core.v1.ConfigMap, image: pulumi.Input<string>) {
    return new k8s.batch.v1.Job(
      `${name}-publish`,
      {
        metadata: { name: pulumi.interpolate`${app}-publish-${tag}`, namespace: this.namespace },
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
      { parent: this },
    );
  }

  /** The rights of Argo CD's controller in this namespace: what a bundle can hold, and what it makes. */
  private grantArgoCd(name: string): pulumi.Resource[] {
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
    const subjects = [{ kind: "ServiceAccount", name: "argocd-application-controller", namespace: "argocd" }];
    const binding = new k8s.rbac.v1.RoleBinding(
      `${name}-argocd-binding`,
      { metadata: { name: "argocd-deployer", namespace: this.namespace }, roleRef: roleRef("argocd-deployer"), subjects },
      { parent: this },
    );
    return [role, binding];
  }

  /** The rights of the pipeline: this one Application, and a look at the pods. */
  private grantPipeline(name: string, app: string, args: EnvironmentArgs) {
    const grant = (role: string, namespace: pulumi.Input<string>, accounts: string[], rules: k8s.types.input.rbac.v1.PolicyRule[]) => {
      const metadata = { name: `${app}-${role}`, namespace };
      new k8s.rbac.v1.Role(`${name}-${role}-role`, { metadata, rules }, { parent: this });
      const subjects = accounts.map((account) => ({ kind: "ServiceAccount", name: account, namespace: "argo" }));
      new k8s.rbac.v1.RoleBinding(`${name}-${role}-binding`, { metadata, roleRef: roleRef(metadata.name), subjects }, { parent: this });
    };
    const application = { apiGroups: ["argoproj.io"], resources: ["applications"], resourceNames: [app] };
    grant("release", "argocd", args.releasers, [{ ...application, verbs: ["get", "patch"] }]);
    if (args.observers.length > 0) grant("observe", "argocd", args.observers, [{ ...application, verbs: ["get"] }]);
    grant("look", this.namespace, [...args.releasers, ...args.observers], [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }]);
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
          ingress: [{ ports: [{ protocol: "TCP", port }] }],
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

/** Namespace, app label, Service and Application of an environment. */
export function environmentApp(environment: string): string {
  return `gourmetgram-${environment}`;
}

/** Where an environment answers inside the cluster. */
export function inClusterUrl(environment: string, exposedPort: number): string {
  const app = environmentApp(environment);
  return `http://${app}.${app}.svc.cluster.local:${exposedPort}`;
}

/** Deployment and Service of one environment, as the bundle carries them. */
export function environmentBundle(args: Pick<EnvironmentArgs, "environment" | "settings" | "exposure" | "rolloutTimeoutSeconds">, baseImage: string): Bundle {
  const app = environmentApp(args.environment);
  const labels = { app };
  const probe = { httpGet: { path: "/healthz", port: "http" } };
  return {
    imageName,
    baseImage,
    deployment: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: app, labels },
      spec: {
        replicas: args.settings.replicas,
        revisionHistoryLimit: 3,
        progressDeadlineSeconds: args.rolloutTimeoutSeconds,
        selector: { matchLabels: labels },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 10,
            securityContext: restrictedPod,
            containers: [
              {
                name: "app",
                image: imageName,
                ports: [{ name: "http", containerPort: port }],
                startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 60 },
                readinessProbe: { ...probe, periodSeconds: 2 },
                livenessProbe: { ...probe, periodSeconds: 10, timeoutSeconds: 5 },
                resources: { requests: { cpu: "100m", memory: args.settings.memory }, limits: { memory: args.settings.memory } },
                securityContext: restrictedContainer,
                volumeMounts: [temporaryMount],
              },
            ],
            volumes: [temporaryVolume],
          },
        },
      },
    },
    service: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: app, labels },
      spec: { selector: labels, ...exposedServiceSpec(args.exposure, { name: args.environment, port: args.settings.port, targetPort: "http" }) },
    },
  };
}

function roleRef(name: string) {
  return { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
}
