import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ExposureSettings, Settings } from "../../config";
import { environmentsHere, type PromotionPath } from "../../config/promotion-path";
import { type Images, imageReference, registryAddress } from "../../images/catalogue";
import { exposedServiceSpec, exposedUrl } from "../shared/exposure";
import { restrictedNamespaceLabels } from "../shared/security";
import { argoCdNamespace, environmentApp } from "../shared/workflow-names";
import { adoptManifests, find, installManifests, type Manifest } from "./release-manifests";

export interface ArgoCdArgs {
  readonly settings: Settings["argoCd"];
  readonly exposure: ExposureSettings;
  readonly images: Images;
  /** The release's namespace-install and CRDs; not used if `settings.install` is false. */
  readonly manifests: Manifest[];
  /** The environments: Argo CD may deploy to their namespaces, and to no other. */
  readonly promotionPath: PromotionPath;
  /** Whether Pulumi refuses to delete the namespace of the Applications, which contain the releases; default false. */
  readonly protect?: boolean;
  /** Address of the board, to which its page leads; undefined in a stack without one. */
  readonly board?: string;
}

/** URL by which Argo CD knows the cluster that it runs on. */
const ownApiServer = "https://kubernetes.default.svc";
/** Components of the release that the pipeline uses. The others are not installed. */
const components = ["application-controller", "redis", "repo-server", "server"];
const serverPort = 8080;
/**
 * Kinds that a bundle may contain, and kinds that Kubernetes creates from them. Argo CD may only read the latter. They
 * are listed since it shows no kind that its project does not list.
 */
const shownKinds = { apps: ["Deployment", "ReplicaSet"], "": ["Service", "Pod"] };

/**
 * Argo CD for a fixed list of namespaces. It has no permissions in any other namespace. There is no admin user. Its
 * pages are read-only.
 */
export class ArgoCd extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  /** Name of the AppProject that every environment's Application belongs to. */
  readonly project: pulumi.Output<string>;
  /** Address that a person opens. */
  readonly url: string;

  constructor(name: string, args: ArgoCdArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:ArgoCd", name, {}, opts);
    const { settings, exposure } = args;
    const exposed = { name: "argoCd", port: exposure.ports.argoCd, targetPort: serverPort };
    this.url = exposedUrl(exposure, exposed);

    let release: pulumi.Input<pulumi.Resource[]> = [];
    if (settings.install) {
      const namespace = new k8s.core.v1.Namespace(
        `${name}-namespace`,
        { metadata: { name: argoCdNamespace, labels: restrictedNamespaceLabels } },
        { parent: this, protect: args.protect },
      );
      // Redis makes the password that the others start with.
      release = installManifests(`${name}-release`, adaptRelease(args), this, [namespace], "argocd-redis");
      new k8s.core.v1.Service(
        `${name}-exposed-service`,
        {
          metadata: {
            name: "argocd-server-exposed",
            namespace: namespace.metadata.name,
            annotations: { "pulumi.com/skipAwait": "true" },
          },
          spec: { selector: { "app.kubernetes.io/name": "argocd-server" }, ...exposedServiceSpec(exposure, exposed) },
        },
        { parent: this },
      );
      // Without it, the controller would watch every namespace. An Argo CD that already exists has its own.
      new k8s.core.v1.Secret(
        `${name}-cluster`,
        {
          metadata: {
            name: "gourmetgram-cluster",
            namespace: argoCdNamespace,
            labels: { "argocd.argoproj.io/secret-type": "cluster" },
          },
          stringData: {
            name: "in-cluster",
            server: ownApiServer,
            namespaces: environmentsHere(args.promotionPath).map(environmentApp).join(","),
            clusterResources: "false",
            config: JSON.stringify({ tlsClientConfig: { insecure: false } }),
          },
        },
        { parent: this, dependsOn: release },
      );
      this.namespace = release.apply(() => namespace.metadata.name);
    } else {
      this.namespace = pulumi.output(argoCdNamespace);
    }

    const project = new k8s.apiextensions.CustomResource(
      `${name}-project`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "AppProject",
        metadata: { name: "gourmetgram", namespace: argoCdNamespace },
        spec: {
          description: "The environments of the GourmetGram food classifier",
          sourceRepos: [`oci://${registryAddress}/bundles/*`],
          destinations: Object.entries(args.promotionPath).map(([environment, { cluster }]) =>
            destination(environmentApp(environment), cluster),
          ),
          clusterResourceWhitelist: [],
          namespaceResourceWhitelist: Object.entries(shownKinds).flatMap(([group, kinds]) =>
            kinds.map((kind) => ({ group, kind })),
          ),
        },
      },
      { parent: this, dependsOn: release },
    );
    this.project = project.metadata.apply((metadata) => metadata!.name as string);
    this.registerOutputs({ namespace: this.namespace, project: this.project, url: this.url });
  }
}

/**
 * Where an Application is deployed to.
 * @param cluster name of the cluster, if it is not Argo CD's own one
 */
export function destination(
  namespace: string,
  cluster?: string,
): { namespace: string; name: string } | { namespace: string; server: string } {
  return { ...(cluster ? { name: cluster } : { server: ownApiServer }), namespace };
}

/** The release with this stack's images, only the components in use, and no admin user. */
function adaptRelease(args: Pick<ArgoCdArgs, "manifests" | "images" | "board">): Manifest[] {
  const wanted = args.manifests.filter((object) => {
    const component = object.metadata.labels?.["app.kubernetes.io/component"];
    return !component || object.kind === "CustomResourceDefinition" || components.includes(component);
  });
  const objects = adoptManifests(wanted, argoCdNamespace, (released) => {
    if (released.includes("argoproj/argocd")) return imageReference(args.images.argoCd);
    if (released.includes("redis")) return imageReference(args.images.redis);
    return undefined;
  });

  removeApplicationSetSchema(objects);

  find(objects, "ConfigMap", "argocd-cm").data = {
    "admin.enabled": "false",
    "users.anonymous.enabled": "true",
    ...(args.board && { "help.chatUrl": args.board, "help.chatText": "The board" }),
    // The controller watches only what its RBAC allows, and only the kinds that a bundle can contain.
    "resource.respectRBAC": "strict",
    "resource.inclusions": JSON.stringify(
      Object.entries(shownKinds).map(([group, kinds]) => ({ apiGroups: [group], kinds, clusters: ["*"] })),
    ),
    // If the RBAC of a new environment arrives after its namespace, the controller retries after this time.
    "timeout.reconciliation": "30s",
    "timeout.reconciliation.jitter": "0s",
  };
  find(objects, "ConfigMap", "argocd-rbac-cm").data = { "policy.default": "role:readonly" };
  find(objects, "ConfigMap", "argocd-cmd-params-cm").data = {
    "server.insecure": "true",
    "applicationsetcontroller.enable": "false",
  };
  return objects;
}

/**
 * The server needs the CRD of ApplicationSets, but nobody creates one. Its schema would be most of Pulumi's state,
 * which is written twice for each resource that an update changes.
 */
function removeApplicationSetSchema(objects: Manifest[]) {
  const definitions = objects.filter(
    ({ kind, metadata }) => kind === "CustomResourceDefinition" && metadata.name === "applicationsets.argoproj.io",
  );
  for (const version of definitions.flatMap(({ spec }) => spec.versions))
    version.schema.openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
}
