import type { types } from "@pulumi/kubernetes";
import type { ExposureSettings } from "../../config";

/** How people outside the cluster reach a Service. */
export interface ExposedService {
  /** Its key in `exposure.nodePorts`: an environment, `mlflow`, `argoWorkflows` or `argoCd`. */
  readonly name: string;
  /** Port that people open, 1 to 65535. */
  readonly port: number;
  /** Port of the container, by name or number. */
  readonly targetPort: string | number;
}

/** Fields of an exposed Service, without its selector. */
export function exposedServiceSpec(exposure: ExposureSettings, service: ExposedService) {
  const nodePort = exposure.type === "NodePort" ? { nodePort: exposure.nodePorts[service.name] } : {};
  return {
    type: exposure.type === "externalIPs" ? "ClusterIP" : exposure.type,
    ports: [{ name: "http", protocol: "TCP", port: service.port, targetPort: service.targetPort, ...nodePort }],
    ...(exposure.type === "externalIPs" ? { externalIPs: exposure.addresses } : {}),
  } satisfies types.input.core.v1.ServiceSpec;
}

/** Port at which people open a Service. */
export function openedPort(exposure: ExposureSettings, { name, port }: Pick<ExposedService, "name" | "port">): number {
  return exposure.type === "NodePort" && !exposure.portsMapped ? exposure.nodePorts[name] : port;
}

/** The names and addresses under which people open an exposed Service, without a port. */
export const exposedHosts = ({ host, addresses, listen }: ExposureSettings): string[] => [
  ...new Set([...(host ? [host] : []), ...addresses, ...(listen?.hosts ?? [])]),
];

/** Address that a person opens. The checks of the settings ensure that there is a host or an address. */
export function exposedUrl(exposure: ExposureSettings, service: Pick<ExposedService, "name" | "port">): string {
  const host = exposure.host ?? exposure.addresses[0];
  const port = openedPort(exposure, service);
  return port === 80 ? `http://${host}` : `http://${host}:${port}`;
}
