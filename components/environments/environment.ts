import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { firstEnvironment } from "../../config/promotion-path";
import { destination } from "../platform/argo-cd";
import { environmentReader } from "../platform/board";
import { podReader } from "../platform/monitoring";
import { exposedUrl } from "../shared/exposure";
import { type Grant, grant } from "../shared/grant";
import { restrictedNamespaceLabels } from "../shared/security";
import {
  argoCdNamespace,
  baseImageAnnotation,
  environmentApp,
  environmentType,
  stackLabel,
  workflowNamespace,
} from "../shared/workflow-names";
import { bundleTag, renderBundle } from "./bundle";
import { appPort, type EnvironmentShape, environmentBundle, metricsPort } from "./environment-bundle";
import type { Platform } from "./platform";
import { bundleRepository, createPublishJob } from "./publish-job";
import { deployerAccount, RemoteCluster } from "./remote-cluster";

export interface EnvironmentArgs extends EnvironmentShape {
  readonly platform: Platform;
}

/** ServiceAccounts of the workflows: those that may release to an environment, and those that may only read it. */
const accounts = {
  candidates: {
    releasers: ["deploy-container-image", "revert-staging"],
    observers: ["build-container-image", "test-staging", "promote-model", "collect-old-versions"],
  },
  promotions: {
    releasers: ["promote-model", "restore-releases"],
    // `revert-staging` asks what they hold: a version that MLflow no longer has passed staging if it came to them.
    observers: ["collect-old-versions", "revert-staging"],
  },
};
/** ServiceAccount of Argo CD on its own cluster. */
const controllerAccount = { name: "argocd-application-controller", namespace: argoCdNamespace };

const readVerbs = ["get", "list", "watch"];
const writeVerbs = [...readVerbs, "create", "update", "patch", "delete"];

/**
 * One environment of the food classifier. Pulumi declares its shape and publishes it as a bundle. Argo CD deploys the
 * bundle. The pipeline sets which model runs, in a field of the Application that is not declared here.
 *
 * The namespace and what is in it are on the cluster of the environment. All else is on the platform's cluster, which
 * may be another one: the bundle, its repository, the Application, and the RBAC of the pipeline.
 */
export class Environment extends pulumi.ComponentResource {
  /** Name of the environment. */
  readonly environment: string;
  /** Namespace, app label, Service and Application all have this name. */
  readonly namespace: pulumi.Output<string>;
  /** Address that a person opens. */
  readonly url: string;

  private readonly app: string;
  /** Options of the resources on the cluster of the environment. */
  private readonly onEnvironment: pulumi.CustomResourceOptions;
  /** Options of the resources on the platform's cluster. */
  private readonly onPlatform: pulumi.CustomResourceOptions;
  /** Further options of the resources that contain the release: which model runs, and how. */
  private readonly protectRelease: Pick<pulumi.CustomResourceOptions, "protect">;

  constructor(
    private readonly name: string,
    private readonly args: EnvironmentArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(environmentType, name, {}, opts);
    const { environment, exposure, platform, settings } = args;
    this.environment = environment;
    this.app = environmentApp(environment);
    this.onEnvironment = { parent: this };
    this.onPlatform = { parent: this, ...(platform.remote && { provider: platform.remote.provider }) };
    this.protectRelease = { protect: settings.protect };

    this.namespace = this.createNamespace("namespace", this.app, this.onEnvironment);
    const deployer = this.allowDeployment();
    this.isolate();
    if (settings.replicas > 1) this.limitEvictions();
    if (platform.hasPrometheus && !platform.remote)
      grant(`${name}-prometheus`, podReader(this.namespace), this.onEnvironment);
    if (platform.hasBoard && !platform.remote)
      grant(`${name}-board`, environmentReader(this.namespace, this.app), this.onEnvironment);

    const bundle = this.publishBundle();
    this.createApplication(bundle.tag, [bundle.job, this.registerRepository(), ...deployer]);
    this.allowReleases();

    this.url = exposedUrl(exposure, { name: environment, port: platform.promotionPath[environment].port });
    this.registerOutputs({ namespace: this.namespace, url: this.url });
  }

  private createNamespace(role: string, name: string, options: pulumi.CustomResourceOptions): pulumi.Output<string> {
    const namespace = new k8s.core.v1.Namespace(
      `${this.name}-${role}`,
      { metadata: { name, labels: restrictedNamespaceLabels } },
      { ...options, ...this.protectRelease },
    );
    return namespace.metadata.name;
  }

  // On the cluster of the environment.

  /** Gives Argo CD what it needs to deploy to the namespace. */
  private allowDeployment(): pulumi.Resource[] {
    const { environment, platform } = this.args;
    const { cluster } = platform.promotionPath[environment];
    const { remote } = platform;
    const account = remote ? { name: deployerAccount, namespace: this.namespace } : controllerAccount;
    const resources: pulumi.Resource[] = this.grantArgoCd(account);
    if (remote && cluster)
      resources.push(
        new RemoteCluster(
          `${this.name}-cluster`,
          { cluster, apiServer: remote.apiServer, namespace: this.namespace, platformProvider: remote.provider },
          { parent: this },
        ),
      );
    return resources;
  }

  /** RBAC of Argo CD's controller: it writes the kinds that a bundle contains, and reads what these create. */
  private grantArgoCd(account: Grant["subjects"][number]): pulumi.Resource[] {
    const rights: Grant = {
      metadata: { name: "argocd-deployer", namespace: this.namespace },
      rules: [
        { apiGroups: ["apps"], resources: ["deployments"], verbs: writeVerbs },
        { apiGroups: [""], resources: ["services"], verbs: writeVerbs },
        { apiGroups: ["apps"], resources: ["replicasets"], verbs: readVerbs },
        { apiGroups: [""], resources: ["pods"], verbs: readVerbs },
        { apiGroups: [""], resources: ["events"], verbs: ["create", "list"] },
      ],
      subjects: [account],
    };
    return grant(`${this.name}-argocd`, rights, this.onEnvironment);
  }

  /** The app only answers, on its port everybody, on that of its metrics the pods of the cluster. It asks nobody. */
  private isolate() {
    new k8s.networking.v1.NetworkPolicy(
      `${this.name}-network-policy`,
      {
        metadata: { name: this.app, namespace: this.namespace },
        spec: {
          podSelector: { matchLabels: { app: this.app } },
          policyTypes: ["Ingress", "Egress"],
          ingress: [
            { ports: [{ protocol: "TCP", port: appPort }] },
            { from: [{ namespaceSelector: {} }], ports: [{ protocol: "TCP", port: metricsPort }] },
          ],
          egress: [],
        },
      },
      this.onEnvironment,
    );
  }

  /** Lets a drain take one pod at a time, each when the one before has a successor that is ready. */
  private limitEvictions() {
    new k8s.policy.v1.PodDisruptionBudget(
      `${this.name}-evictions`,
      {
        metadata: { name: this.app, namespace: this.namespace },
        spec: { maxUnavailable: 1, selector: { matchLabels: { app: this.app } } },
      },
      this.onEnvironment,
    );
  }

  // On the platform's cluster.

  /** Writes the bundle into a ConfigMap, and pushes it to the registry with a Job. */
  private publishBundle(): { tag: pulumi.Output<string>; job: pulumi.Resource } {
    // The registry accepts bundles only from pods of its own cluster.
    const namespace = this.args.platform.remote
      ? this.createNamespace("bundle-namespace", `${this.app}-bundle`, this.onPlatform)
      : this.namespace;
    const files = this.bundleFiles();
    const tag = pulumi.output(files).apply(bundleTag);
    const bundle = new k8s.core.v1.ConfigMap(
      `${this.name}-bundle`,
      { metadata: { name: `${this.app}-bundle`, namespace }, data: files },
      { ...this.onPlatform, ...this.protectRelease },
    );
    const image = this.args.platform.images.tools;
    return {
      tag,
      job: createPublishJob(`${this.name}-publish`, { app: this.app, bundle, tag, image }, this.onPlatform),
    };
  }

  /** Only the file with the image waits for the image. So a preview that builds an image still shows the limits. */
  private bundleFiles(): Record<string, pulumi.Input<string>> {
    const render = (baseImage: string) => renderBundle(environmentBundle(this.args, baseImage));
    const kustomization = pulumi
      .output(this.args.platform.images.app)
      .apply((baseImage) => render(baseImage)["kustomization.yaml"]);
    return { ...render(""), "kustomization.yaml": kustomization };
  }

  /** Tells Argo CD how to read the repository: as OCI, over plain HTTP. */
  private registerRepository(): pulumi.Resource {
    return new k8s.core.v1.Secret(
      `${this.name}-repository`,
      {
        metadata: {
          name: `${this.app}-bundles`,
          namespace: argoCdNamespace,
          labels: { "argocd.argoproj.io/secret-type": "repository" },
        },
        stringData: { type: "oci", name: this.app, url: bundleRepository(this.app), insecureOCIForceHttp: "true" },
      },
      this.onPlatform,
    );
  }

  private createApplication(tag: pulumi.Output<string>, dependsOn: pulumi.Resource[]) {
    const { environment, platform } = this.args;
    new k8s.apiextensions.CustomResource(
      `${this.name}-application`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Application",
        metadata: {
          name: this.app,
          namespace: argoCdNamespace,
          labels: { [stackLabel]: pulumi.getStack() },
          annotations: { [baseImageAnnotation]: platform.images.app },
        },
        spec: {
          project: platform.project,
          destination: destination(this.app, platform.promotionPath[environment].cluster),
          source: { repoURL: bundleRepository(this.app), targetRevision: tag, path: "." },
          syncPolicy: {
            automated: { prune: true, selfHeal: true },
            // A retry keeps the release and the bundle that its sync began with, and newer ones wait for its end. So
            // there is a last one. Later, the schedules have Argo CD try again (`retry_failed_sync` in the steps).
            retry: { limit: 5, backoff: { duration: "5s", factor: 2, maxDuration: "1m" } },
          },
        },
      },
      { ...this.onPlatform, ...this.protectRelease, dependsOn },
    );
  }

  /** RBAC of the pipeline: this one Application and, if they are on the platform's cluster, the Deployment and pods. */
  private allowReleases() {
    // Candidates are tested in the first environment. Models are promoted to the others.
    const role = this.args.environment === firstEnvironment ? "candidates" : "promotions";
    const { releasers, observers } = accounts[role];
    const application = { apiGroups: ["argoproj.io"], resources: ["applications"], resourceNames: [this.app] };
    // Events say what the pipeline put right by itself.
    const events = { apiGroups: [""], resources: ["events"], verbs: ["create"] };
    this.grantWorkflows("release", argoCdNamespace, releasers, [{ ...application, verbs: ["get", "patch"] }, events]);
    this.grantWorkflows("observe", argoCdNamespace, observers, [{ ...application, verbs: ["get"] }]);
    if (!this.args.platform.remote) {
      const pods = { apiGroups: [""], resources: ["pods"], verbs: readVerbs };
      // A promotion compares the pods with the Deployment's replicas.
      const deployment = { apiGroups: ["apps"], resources: ["deployments"], resourceNames: [this.app], verbs: ["get"] };
      this.grantWorkflows("look", this.namespace, [...releasers, ...observers], [pods, deployment]);
    }
  }

  private grantWorkflows(
    role: string,
    namespace: pulumi.Input<string>,
    workflows: string[],
    rules: Grant["rules"],
  ): pulumi.Resource[] {
    const subjects = workflows.map((workflow) => ({ name: workflow, namespace: workflowNamespace }));
    const metadata = { name: `${this.app}-${role}`, namespace };
    return grant(`${this.name}-${role}`, { metadata, rules, subjects }, this.onPlatform);
  }
}
