import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Backend } from "../../config/promotion-path";
import { gatewayName, listenerName } from "../platform/gateway";
import { type Grant, grant } from "../shared/grant";
import {
  argoCdNamespace,
  environmentApp,
  gatewayService,
  gatewayServicePort,
  probeHeader,
  trafficRoute,
  workflowNamespace,
} from "../shared/workflow-names";

export interface TrafficSplitArgs {
  /** Namespace of the Gateway. */
  readonly namespace: pulumi.Input<string>;
  /** What users meet before anything is released to `canary`, and most of them after that. */
  readonly production: Backend;
  /** What a growing share of the users meets. */
  readonly canary: Backend;
}

/**
 * How users are split between production and canary: one route from the Gateway to both. Pulumi states that all users
 * meet production, once. The pipeline owns the rules from then on, as it owns which model runs.
 */
export class TrafficSplit extends pulumi.ComponentResource {
  /** What the route leads to. The pipeline names them in the route's rules, so they must exist before it does. */
  readonly services: pulumi.Resource[];

  constructor(name: string, args: TrafficSplitArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:release:TrafficSplit", name, {}, opts);
    const child = { parent: this };
    const productionApp = environmentApp(args.production.environment);
    this.services = [args.production, args.canary].map(
      ({ environment }) =>
        new k8s.core.v1.Service(
          `${name}-service-${environment}`,
          {
            metadata: {
              name: gatewayService(environment),
              namespace: environmentApp(environment),
              labels: { app: environmentApp(environment) },
              // Argo CD starts the pods, perhaps long after this.
              annotations: { "pulumi.com/skipAwait": "true" },
            },
            spec: {
              selector: { app: environmentApp(environment) },
              ports: [{ name: "http", protocol: "TCP", port: gatewayServicePort, targetPort: "http" }],
            },
          },
          child,
        ),
    );
    const grants = [args.production, args.canary].map(
      ({ environment }) =>
        new k8s.apiextensions.CustomResource(
          `${name}-grant-${environment}`,
          {
            apiVersion: `${gatewayApi}/v1beta1`,
            kind: "ReferenceGrant",
            metadata: { name: trafficRoute, namespace: environmentApp(environment) },
            spec: {
              from: [{ group: gatewayApi, kind: "HTTPRoute", namespace: args.namespace }],
              // A route of an earlier release leads to the Service that people open, until the pipeline's next look.
              to: [gatewayService(environment), environmentApp(environment)].map((service) => ({
                group: "",
                kind: "Service",
                name: service,
              })),
            },
          },
          child,
        ),
    );
    new k8s.apiextensions.CustomResource(
      `${name}-route`,
      {
        apiVersion: `${gatewayApi}/v1`,
        kind: "HTTPRoute",
        metadata: { name: trafficRoute, namespace: args.namespace },
        spec: {
          parentRefs: [{ name: gatewayName, sectionName: listenerName }],
          rules: [
            {
              filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { remove: [probeHeader] } }],
              backendRefs: [
                {
                  name: gatewayService(args.production.environment),
                  namespace: productionApp,
                  port: gatewayServicePort,
                },
              ],
            },
          ],
        },
      },
      // Server-side apply knows the rules only as a whole, so Pulumi cannot state the backends and leave their weights.
      { ...child, dependsOn: [...this.services, ...grants], ignoreChanges: ["spec.rules"] },
    );
    const to = (role: string, namespace: pulumi.Input<string>, accounts: string[], rules: Grant["rules"]) =>
      grant(
        `${name}-${role}`,
        {
          metadata: { name: `${name}-${role}`, namespace },
          rules,
          subjects: accounts.map((account) => ({ name: account, namespace: workflowNamespace })),
        },
        child,
      );
    const route = { apiGroups: [gatewayApi], resources: ["httproutes"], resourceNames: [trafficRoute] };
    to("route", args.namespace, routeAccounts, [{ ...route, verbs: ["get", "patch"] }]);
    // What the environments serve, and how canary runs, which goes back to production's version where it runs badly.
    // `promote-model` and `restore-releases` have these rights anyway.
    const canaryApp = environmentApp(args.canary.environment);
    const application = { apiGroups: ["argoproj.io"], resources: ["applications"] };
    to("releases", argoCdNamespace, watchAccounts, [
      { ...application, resourceNames: [productionApp], verbs: ["get"] },
      { ...application, resourceNames: [canaryApp], verbs: ["get", "patch"] },
      { apiGroups: [""], resources: ["events"], verbs: ["create"] },
    ]);
    to("canary", canaryApp, watchAccounts, [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }]);
    this.registerOutputs({});
  }
}

const gatewayApi = "gateway.networking.k8s.io";
/** The workflow that watches canary for as long as it gets users. */
const watchAccounts = ["shift-traffic"];
/** Workflows that move users: to a new canary, back from one, and back from what a person wrote by hand. */
const routeAccounts = ["promote-model", "restore-releases", ...watchAccounts];
