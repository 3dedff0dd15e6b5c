import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ExposureSettings, Settings } from "../../config";
import { type Images, imageReference } from "../../images/catalogue";
import { exposedServiceSpec, exposedUrl } from "../shared/exposure";
import { grant } from "../shared/grant";
import { restrictedNamespaceLabels } from "../shared/security";
import { gatewayNamespace } from "../shared/workflow-names";
import { adoptManifests, find, installManifests, type Manifest } from "./release-manifests";

export interface GatewayArgs {
  readonly settings: NonNullable<Settings["gateway"]>;
  readonly exposure: ExposureSettings;
  readonly images: Images;
  /** Contour's release and the CRDs of the Gateway API; not used if `settings.install` is false. */
  readonly manifests: Manifest[];
  /** Names of the namespaces whose Services the gateway leads to; they exist. */
  readonly backends: string[];
}

/** Name of the Gateway, of Contour's GatewayClass and of the listener that routes attach to. */
export const gatewayName = "gourmetgram";
export const listenerName = "http";
const controllerName = "projectcontour.io/gateway-controller";
/** Contour adds 8000 to the port of a listener: Envoy must not listen below 1024. */
const listenerPort = 80;
const envoyPort = listenerPort + 8000;

/** CRDs that Contour reads. The others of the release describe what this program never creates. */
const resourceDefinitions = [
  "gatewayclasses.gateway.networking.k8s.io",
  "gateways.gateway.networking.k8s.io",
  "httproutes.gateway.networking.k8s.io",
  "referencegrants.gateway.networking.k8s.io",
  "contourconfigurations.projectcontour.io",
  "httpproxies.projectcontour.io",
  "tlscertificatedelegations.projectcontour.io",
];
/** Kinds that Contour is told not to watch, since their CRDs are left out. */
const unwatched = ["extensionservices", "tlsroutes", "grpcroutes", "tcproutes", "backendtlspolicies"];
/** What Contour reads of the whole cluster. All else it reads only in its own namespace and those of the backends. */
const clusterScopedKinds = ["gatewayclasses", "gatewayclasses/status", "namespaces"];

/**
 * Where users come in: a Gateway of the Gateway API in a namespace of its own. Contour with Envoy serves it, unless the
 * cluster has an implementation already. Contour has no permissions in any other namespace than the given ones.
 */
export class Gateway extends pulumi.ComponentResource {
  /** Namespace of the Gateway; resolves when routes can be attached. */
  readonly namespace: pulumi.Output<string>;
  /** Address that users open. */
  readonly url: string;

  constructor(name: string, args: GatewayArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:Gateway", name, {}, opts);
    const { settings, exposure } = args;
    const child = { parent: this };
    const exposed = { name: "gateway", port: settings.port, targetPort: envoyPort };
    this.url = exposedUrl(exposure, exposed);

    const namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      { metadata: { name: gatewayNamespace, labels: restrictedNamespaceLabels } },
      child,
    );
    const prerequisites = settings.install ? this.installContour(name, args, namespace) : [];
    const gateway = new k8s.apiextensions.CustomResource(
      `${name}-gateway`,
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "Gateway",
        metadata: { name: gatewayName, namespace: namespace.metadata.name },
        spec: {
          gatewayClassName: settings.className ?? gatewayName,
          listeners: [
            {
              name: listenerName,
              protocol: "HTTP",
              port: settings.install ? listenerPort : settings.port,
              allowedRoutes: { namespaces: { from: "Same" } },
            },
          ],
        },
      },
      { ...child, dependsOn: prerequisites },
    );
    this.namespace = gateway.metadata.apply(() => namespace.metadata.name);
    this.registerOutputs({ namespace: this.namespace, url: this.url });
  }

  /** Contour, its rights, its GatewayClass, and the Service at which people reach Envoy. */
  private installContour(
    name: string,
    args: GatewayArgs,
    namespace: k8s.core.v1.Namespace,
  ): pulumi.Input<pulumi.Resource[]> {
    const child = { parent: this };
    const { objects, rules } = adaptRelease(args);
    const rights = [
      this.allowReading(`${name}-contour`, namespace.metadata.name, rules),
      ...args.backends.map((backend) => this.allowReading(`${name}-contour-${backend}`, backend, rules)),
    ].flat();
    // Envoy gets its configuration from Contour.
    const release = installManifests(`${name}-release`, objects, this, [namespace, ...rights], "contour");
    const gatewayClass = new k8s.apiextensions.CustomResource(
      `${name}-class`,
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "GatewayClass",
        metadata: { name: gatewayName },
        spec: { controllerName },
      },
      { ...child, dependsOn: release },
    );
    const service = new k8s.core.v1.Service(
      `${name}-exposed-service`,
      {
        metadata: {
          name: "gateway-exposed",
          namespace: namespace.metadata.name,
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: {
          selector: { app: "envoy" },
          ...exposedServiceSpec(args.exposure, { name: "gateway", port: args.settings.port, targetPort: envoyPort }),
        },
      },
      child,
    );
    return [gatewayClass, service];
  }

  /** Contour lists these kinds in each namespace that it watches, Secrets for certificates among them. */
  private allowReading(name: string, namespace: pulumi.Input<string>, rules: Rule[]) {
    const subjects = [{ name: "contour", namespace: gatewayNamespace }];
    return grant(name, { metadata: { name: "gateway-contour", namespace }, rules, subjects }, { parent: this });
  }
}

type Rule = k8s.types.input.rbac.v1.PolicyRule & { readonly resources: string[] };

/**
 * The release with this stack's images, for one Gateway and a fixed list of namespaces.
 * @returns its objects, and the rules that it needs in each of the namespaces
 */
function adaptRelease(args: GatewayArgs): { objects: Manifest[]; rules: Rule[] } {
  const wanted = args.manifests.filter(
    ({ kind, metadata }) =>
      !["Namespace", ...(metadata.name === "envoy" ? ["Service"] : [])].includes(kind) &&
      (kind !== "CustomResourceDefinition" || resourceDefinitions.includes(metadata.name)),
  );
  const objects = adoptManifests(wanted, gatewayNamespace, (released) => {
    if (released.includes("projectcontour/contour")) return imageReference(args.images.contour);
    if (released.includes("envoyproxy/envoy")) return imageReference(args.images.envoy);
    return undefined;
  });

  find(objects, "ConfigMap", "contour").data = {
    "contour.yaml": JSON.stringify({ gateway: { gatewayRef: { name: gatewayName, namespace: gatewayNamespace } } }),
  };
  const certificates = objects.find(({ kind }) => kind === "Job")!;
  // A failed Job is not ready: the next update replaces it.
  certificates.metadata.annotations = { "pulumi.com/replaceUnready": "true" };
  const contour = find(objects, "Deployment", "contour").spec;
  contour.replicas = 1;
  // The release writes it as octal in YAML 1.1, which YAML 1.2 reads as decimal. The default is the same.
  for (const { configMap } of contour.template.spec.volumes) delete configMap?.defaultMode;
  contour.template.spec.containers[0].args = [
    ...contour.template.spec.containers[0].args,
    ...unwatched.map((kind) => `--disable-feature=${kind}`),
    `--watch-namespaces=${[gatewayNamespace, ...args.backends].join(",")}`,
  ];
  const envoy = find(objects, "Deployment", "envoy").spec;
  envoy.replicas = 1;
  // The restricted standard allows no port of the node, and none is needed beside the Service.
  for (const container of envoy.template.spec.containers)
    for (const port of container.ports ?? []) delete port.hostPort;

  const role = find(objects, "ClusterRole", "contour");
  const { own, others } = splitRules(role.rules);
  role.rules = own;
  return { objects, rules: others };
}

/** Splits rules into those of what the whole cluster has, and those of what each namespace has. */
function splitRules(rules: Rule[]): { own: Rule[]; others: Rule[] } {
  const only = (isWanted: (resource: string) => boolean) =>
    rules
      .map((rule) => ({ ...rule, resources: rule.resources.filter(isWanted) }))
      .filter(({ resources }) => resources.length > 0);
  return {
    own: only((resource) => clusterScopedKinds.includes(resource)),
    others: only((resource) => !clusterScopedKinds.includes(resource)),
  };
}
