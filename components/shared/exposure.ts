import type { types } from "@pulumi/kubernetes";
import type { ExposureSettings } from "../../config";

/** The part of a Service that says how people outside the cluster reach it. */
export interface ExposedService {
  /** Name by which `exposure.nodePorts` knows it: an environment, `mlflow`, `argoWorkflows` or `argoCd`. */
  readonly name: string;
  /** Port that people open, 1 to 65535. */
  readonly port: number;
  /** Port of the container, by name or number. */
  readonly targetPort: string | number;
}

/** Service fields for one exposed service; the selector is the caller's. */
export function exposedServiceSpec(exposure: ExposureSettings, service: ExposedService) {
  const nodePort = exposure.type === "NodePort" ? { nodePort: exposure.nodePorts[service.name] } : {};
  return {
    type: exposure.type === "externalIPs" ? "ClusterIP" : exposure.type,
    ports: [{ name: "http", protocol: "TCP", port: service.port, targetPort: service.targetPort, ...nodePort }],
    ...(exposure.type === "externalIPs" ? { externalIPs: exposure.addresses } : {}),
  } satisfies types.input.core.v1.ServiceSpec;
}

/** Address that a person opens. The settings see to it that there is a host or an address. */
export function exposedUrl(exposure: ExposureSettings, service: Pick<ExposedService, "name" | "port">): string {
  const host = exposure.host ?? exposure.addresses[0];
  const port = exposure.type === "NodePort" ? exposure.nodePorts[service.name] : service.port;
  return port === 80 ? `http://${host}` : `http://${host}:${port}`;
}
