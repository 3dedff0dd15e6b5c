import type { EnvironmentSettings, ExposureSettings } from "../../config";
import { exposedServiceSpec } from "../shared/exposure";
import { restrictedContainer, restrictedPod, temporaryMount, temporaryVolume } from "../shared/security";
import { appImageName, environmentApp } from "../shared/workflow-names";
import type { Bundle } from "./bundle";
import type { Platform } from "./platform";

/** What the Deployment and the Services of an environment depend on. */
export interface EnvironmentShape {
  /** Name of the environment: `staging`. */
  readonly environment: string;
  readonly settings: EnvironmentSettings;
  readonly exposure: ExposureSettings;
  /** The platform, whose promotion path has the port of the environment. */
  readonly platform: Pick<Platform, "promotionPath" | "rolloutTimeoutSeconds">;
}

/** Port of the app's container. */
export const appPort = 8000;
/** Port at which the app of today tells its metrics. An app that was built before has none, so no probe asks it. */
export const metricsPort = 9100;
/** Name of that port in the pod, by which Prometheus finds it. */
export const metricsPortName = "metrics";
/**
 * What the kubelet asks. Every version of the app answers it on its port, so a changed bundle never takes a released
 * image out. Today's app keeps threads free for it. An older one may take 8 seconds when 120 clients are waiting: it is
 * busy then, and neither to be killed nor to be taken out of its Service.
 */
const probe = { httpGet: { path: "/healthz", port: "http" } };
const probeTimeoutSeconds = 10;
/**
 * Seconds that a pod may take to end: the app takes requests for 5 more after it is told to, while its Service forgets
 * it, and has 20 for those that it then still works on (`DRAIN_SECONDS` and `FINISH_SECONDS` in images/app/server.py).
 */
const gracePeriodSeconds = 30;
/**
 * Mebibytes of temporary files: the request of each connection (`CONNECTIONS_BAR` in images/app/listener.py), and one
 * copy of its picture for each thread that answers (`WAITING_BAR` in images/app/model.py, and 8 more), of 8 MiB each
 * (`MAX_UPLOAD` in images/app/server.py). So no upload makes the kubelet evict the pod, and none fills the node's disk.
 */
const temporaryMebibytes = (500 + 64 + 8) * 8;
/**
 * Argo CD judges a release by its pods. A Service of type LoadBalancer would count as Progressing for as long as the
 * cluster gives it no address, and some clusters never do.
 */
const serviceAnnotations = { "argocd.argoproj.io/ignore-healthcheck": "true" };

/** URL of an environment inside the cluster. */
export function inClusterUrl(environment: string, exposedPort: number): string {
  const app = environmentApp(environment);
  return `http://${app}.${app}.svc.cluster.local:${exposedPort}`;
}

/** Only where some are kept, so that the setting changes no environment that does not have it. */
const answersKept = ({ answersKept: count }: EnvironmentSettings) =>
  count > 0 ? [{ name: "ANSWERS_KEPT", value: String(count) }] : [];

/** Spreads the pods of a release over the nodes, as far as there is room. Only where there are several. */
const spread = ({ replicas }: EnvironmentSettings, labels: Record<string, string>) =>
  replicas > 1
    ? {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "kubernetes.io/hostname",
            whenUnsatisfiable: "ScheduleAnyway",
            labelSelector: { matchLabels: labels },
            // The pods of the release before do not count.
            matchLabelKeys: ["pod-template-hash"],
          },
        ],
      }
    : {};

/** The bundle with the Deployment and the Services of one environment. */
export function environmentBundle(
  { environment, settings, exposure, platform }: EnvironmentShape,
  baseImage: string,
): Bundle {
  const app = environmentApp(environment);
  const labels = { app };
  return {
    imageName: appImageName,
    baseImage,
    deployment: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: app, labels },
      spec: {
        replicas: settings.replicas,
        revisionHistoryLimit: 3,
        progressDeadlineSeconds: platform.rolloutTimeoutSeconds,
        selector: { matchLabels: labels },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: gracePeriodSeconds,
            ...spread(settings, labels),
            securityContext: restrictedPod,
            containers: [
              {
                name: "app",
                image: appImageName,
                env: [{ name: "ENVIRONMENT", value: environment }, ...answersKept(settings)],
                ports: [
                  { name: "http", containerPort: appPort },
                  { name: metricsPortName, containerPort: metricsPort },
                ],
                startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 60 },
                readinessProbe: { ...probe, periodSeconds: 2, timeoutSeconds: probeTimeoutSeconds },
                livenessProbe: { ...probe, periodSeconds: 10, timeoutSeconds: probeTimeoutSeconds },
                resources: { requests: { cpu: "100m", memory: settings.memory }, limits: { memory: settings.memory } },
                securityContext: restrictedContainer,
                volumeMounts: [temporaryMount],
              },
            ],
            volumes: [{ ...temporaryVolume, emptyDir: { sizeLimit: `${temporaryMebibytes}Mi` } }],
          },
        },
      },
    },
    service: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: app, labels, annotations: serviceAnnotations },
      spec: {
        selector: labels,
        ...exposedServiceSpec(exposure, {
          name: environment,
          port: platform.promotionPath[environment].port,
          targetPort: "http",
        }),
      },
    },
    // Headless, so that its name leads to each pod, and to nobody outside the cluster.
    metricsService: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: `${app}-metrics`, labels },
      spec: {
        selector: labels,
        clusterIP: "None",
        ports: [{ name: "metrics", protocol: "TCP", port: metricsPort, targetPort: metricsPortName }],
      },
    },
  };
}
