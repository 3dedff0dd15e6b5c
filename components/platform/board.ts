import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ExposureSettings, Settings } from "../../config";
import type { PromotionPath } from "../../config/promotion-path";
import { exposedHosts, exposedServiceSpec, exposedUrl } from "../shared/exposure";
import { type Grant, grant } from "../shared/grant";
import { restrictedContainer, restrictedNamespaceLabels, restrictedPod } from "../shared/security";
import { serviceNames } from "../shared/service-names";
import {
  argoCdNamespace,
  boardName,
  boardNamespace,
  dataDriftName,
  freezeName,
  gatewayNamespace,
  pipelineParametersName,
  trafficRoute,
  workflowNamespace,
} from "../shared/workflow-names";

export interface BoardArgs {
  readonly settings: Settings["board"];
  readonly exposure: ExposureSettings;
  /** `repository@digest` of the board's image. */
  readonly image: pulumi.Input<string>;
  /** The environments, to which the board leads. */
  readonly promotionPath: PromotionPath;
  /** Addresses of the other pages that people open, by name. */
  readonly pages: Readonly<Record<string, string>>;
  /** Whether users come in at a gateway, whose route the board reads. */
  readonly hasGateway: boolean;
}

/** Address of the board that a person opens. */
export const boardUrl = (settings: Settings["board"], exposure: ExposureSettings): string =>
  exposedUrl(exposure, exposedBoard(settings));

const exposedBoard = (settings: Settings["board"]) => ({ name: "board", port: settings.port, targetPort: "http" });

/** Port of the container. */
const port = 8090;
const labels = { app: boardName };
const readVerbs = ["get", "list", "watch"];

/**
 * The board: a page with the whole pipeline, live. Its account may read what the page shows, and change nothing.
 * Whoever acts on the page does so with a Kubernetes token of their own.
 */
export class Board extends pulumi.ComponentResource {
  /** Address that a person opens. */
  readonly url: string;
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: BoardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:Board", name, {}, opts);
    const { settings, exposure } = args;
    const links = { ...environmentLinks(args.promotionPath, exposure), ...args.pages };
    const child = { parent: this };
    const namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      { metadata: { name: boardNamespace, labels: restrictedNamespaceLabels } },
      child,
    );
    this.namespace = namespace.metadata.name;
    const metadata = { name: boardName, namespace: this.namespace, labels };
    const account = new k8s.core.v1.ServiceAccount(`${name}-account`, { metadata }, child);
    const rights = platformReaders(args.hasGateway).flatMap((reader) =>
      grant(`${name}-${reader.metadata.namespace}`, reader, child),
    );
    const hosts = [...serviceNames(boardName, boardNamespace), ...exposedHosts(exposure), ...settings.hosts];
    const deployment = new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              serviceAccountName: account.metadata.name,
              enableServiceLinks: false,
              securityContext: restrictedPod,
              containers: [
                {
                  name: boardName,
                  image: args.image,
                  env: [
                    { name: "PORT", value: String(port) },
                    { name: "LINKS", value: JSON.stringify(links) },
                    { name: "HOSTS", value: JSON.stringify(hosts) },
                    { name: "OIDC", value: JSON.stringify(settings.oidc ?? null) },
                  ],
                  ports: [{ name: "http", containerPort: port }],
                  startupProbe: { httpGet: { path: "/healthz", port }, periodSeconds: 1, failureThreshold: 60 },
                  readinessProbe: { httpGet: { path: "/healthz", port }, periodSeconds: 5 },
                  livenessProbe: { httpGet: { path: "/healthz", port }, periodSeconds: 20, timeoutSeconds: 5 },
                  resources: { requests: { cpu: "20m", memory: "96Mi" }, limits: { memory: "192Mi" } },
                  securityContext: restrictedContainer,
                },
              ],
            },
          },
        },
      },
      { ...child, dependsOn: rights },
    );
    new k8s.core.v1.Service(
      `${name}-service`,
      {
        metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: { selector: labels, ...exposedServiceSpec(exposure, exposedBoard(settings)) },
      },
      { ...child, dependsOn: deployment },
    );
    this.url = boardUrl(settings, exposure);
    this.registerOutputs({ url: this.url, namespace: this.namespace });
  }
}

/** Addresses of the environments that this stack knows: other stacks say at which node ports they have theirs. */
export function environmentLinks(promotionPath: PromotionPath, exposure: ExposureSettings): Record<string, string> {
  const links = Object.entries(promotionPath).flatMap(([name, { port, cluster, url }]): [string, string][] => {
    if (cluster) return url ? [[name, url]] : [];
    const isKnown = exposure.type !== "NodePort" || exposure.portsMapped || name in exposure.nodePorts;
    return isKnown ? [[name, exposedUrl(exposure, { name, port })]] : [];
  });
  return Object.fromEntries(links);
}

type Rules = k8s.types.input.rbac.v1.PolicyRule[];

function reader(namespace: pulumi.Input<string>, rules: Rules): Grant {
  return {
    metadata: { name: boardName, namespace },
    rules,
    subjects: [{ name: boardName, namespace: boardNamespace }],
  };
}

/** What the board reads of the platform. */
function platformReaders(hasGateway: boolean): (Grant & { metadata: { namespace: pulumi.Input<string> } })[] {
  const configMaps = [pipelineParametersName, freezeName, dataDriftName];
  const route = {
    apiGroups: ["gateway.networking.k8s.io"],
    resources: ["httproutes"],
    resourceNames: [trafficRoute],
    verbs: readVerbs,
  };
  return [
    reader(argoCdNamespace, [{ apiGroups: ["argoproj.io"], resources: ["applications"], verbs: readVerbs }]),
    reader(workflowNamespace, [
      { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: readVerbs },
      { apiGroups: [""], resources: ["configmaps"], resourceNames: configMaps, verbs: readVerbs },
      { apiGroups: ["gourmetgram.io"], resources: ["approvals"], verbs: readVerbs },
      // The logs of the steps.
      { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
      { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
    ]),
    ...(hasGateway ? [reader(gatewayNamespace, [route])] : []),
  ];
}

/** What the board reads of an environment. @param app name of its Service */
export function environmentReader(namespace: pulumi.Input<string>, app: string): Grant {
  return reader(namespace, [
    { apiGroups: [""], resources: ["pods"], verbs: readVerbs },
    { apiGroups: [""], resources: ["services"], resourceNames: [app], verbs: readVerbs },
  ]);
}
