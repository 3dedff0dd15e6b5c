import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ExposureSettings, Settings } from "../../config";
import { type Images, imageReference } from "../../images/catalogue";
import { exposedServiceSpec, exposedUrl } from "../shared/exposure";
import { restrictedNamespaceLabels } from "../shared/security";
import { adoptManifests, find, installManifests, type Manifest } from "./release-manifests";

export interface ArgoCdArgs {
  readonly settings: Settings["argoCd"];
  readonly exposure: ExposureSettings;
  readonly images: Images;
  /** The release's namespace-install and CRDs; not read where `settings.install` is false. */
  readonly manifests: Manifest[];
  /** Namespaces that Argo CD may deploy to, and no others; with the name of their cluster, where that is not its own. */
  readonly targets: { readonly namespace: string; readonly cluster?: string }[];
  /** Repository pattern that Applications may take their source from: `oci://host/path/*`. */
  readonly sourceRepository: string;
  /** Whether Pulumi refuses to delete the namespace that holds the Applications, and in them the releases; default false. */
  readonly protect?: boolean;
}

/** Parts of the release that this pipeline has a use for; the others are not installed. */
const components = ["application-controller", "redis", "repo-server", "server"];
const serverPort = 8080;
/** Kinds that a bundle may hold, and those that come of them: of these Argo CD may do no more than look, but it shows only what its project names. */
const shownKinds = { apps: ["Deployment", "ReplicaSet"], "": ["Service", "Pod"] };

/**
 * Argo CD for a fixed list of namespaces: it holds no right in any other, no admin user exists, and whoever
 * opens its pages can read and not write.
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
        { metadata: { name: "argocd", labels: restrictedNamespaceLabels } },
        { parent: this, protect: args.protect },
      );
      release = installManifests(`${name}-release`, adaptRelease(args), this, namespace);
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
      // Without it the controller would ask for every namespace. An Argo CD that was there before has its own.
      new k8s.core.v1.Secret(
        `${name}-cluster`,
        {
          metadata: {
            name: "gourmetgram-cluster",
            namespace: "argocd",
            labels: { "argocd.argoproj.io/secret-type": "cluster" },
          },
          stringData: {
            name: "in-cluster",
            server: "https://kubernetes.default.svc",
            namespaces: args.targets
              .filter(({ cluster }) => !cluster)
              .map(({ namespace }) => namespace)
              .join(","),
            clusterResources: "false",
            config: JSON.stringify({ tlsClientConfig: { insecure: false } }),
          },
        },
        { parent: this, dependsOn: release },
      );
      this.namespace = release.apply(() => namespace.metadata.name);
    } else {
      this.namespace = pulumi.output("argocd");
    }

    const project = new k8s.apiextensions.CustomResource(
      `${name}-project`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "AppProject",
        metadata: { name: "gourmetgram", namespace: "argocd" },
        spec: {
          description: "The environments of the GourmetGram food classifier",
          sourceRepos: [args.sourceRepository],
          destinations: args.targets.map(({ namespace, cluster }) => destination(namespace, cluster)),
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

/** Where an Application is deployed to. @param cluster its name, where that is not Argo CD's own cluster */
export function destination(
  namespace: string,
  cluster?: string,
): { namespace: string; name: string } | { namespace: string; server: string } {
  return { ...(cluster ? { name: cluster } : { server: "https://kubernetes.default.svc" }), namespace };
}

/** The release with this stack's images, the parts in use, and no way in for an administrator. */
export function adaptRelease(args: Pick<ArgoCdArgs, "manifests" | "images">): Manifest[] {
  const wanted = args.manifests.filter((object) => {
    const component = object.metadata.labels?.["app.kubernetes.io/component"];
    return !component || object.kind === "CustomResourceDefinition" || components.includes(component);
  });
  const objects = adoptManifests(wanted, "argocd", (released) => {
    if (released.includes("argoproj/argocd")) return imageReference(args.images.argoCd);
    if (released.includes("redis")) return imageReference(args.images.redis);
    return undefined;
  });

  // Nobody makes ApplicationSets here: the server only asks for them. Their schema would be most of Pulumi's state, which
  // is written twice for each resource that an update changes.
  for (const { spec } of objects.filter(
    ({ kind, metadata }) => kind === "CustomResourceDefinition" && metadata.name === "applicationsets.argoproj.io",
  ))
    for (const version of spec.versions)
      version.schema.openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

  find(objects, "ConfigMap", "argocd-cm").data = {
    "admin.enabled": "false",
    "users.anonymous.enabled": "true",
    // The controller is asked for what it may see, and watches only what a bundle can hold.
    "resource.respectRBAC": "strict",
    "resource.inclusions": JSON.stringify(
      Object.entries(shownKinds).map(([group, kinds]) => ({ apiGroups: [group], kinds, clusters: ["*"] })),
    ),
    // A new environment whose rights come a moment after its name is looked at again no earlier than this.
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
