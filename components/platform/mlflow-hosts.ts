/**
 * The names by which MLflow may be asked. MLflow compares the `Host` header with `--allowed-hosts`, port included, so
 * that no page of a stranger reaches it by DNS rebinding. It compares the `Origin` of a request that changes something
 * with `--cors-allowed-origins`, also if the page is its own. Neither list has a wildcard for names of hosts.
 */
import type { ExposureSettings } from "../../config";
import { exposedHosts, openedPort } from "../shared/exposure";
import { mlflowNamespace, mlflowPort } from "../shared/mlflow-address";
import { serviceNames } from "../shared/service-names";

/** A port-forward arrives as localhost, at any port. MLflow accepts these origins by itself. */
const localhost = ["localhost", "127.0.0.1", "[::1]"];
/** In MLflow's patterns, a bracket begins a set of characters. */
const anyPort = (host: string) => `${host.replace("[", "[[]")}:*`;

/**
 * Every `host` and `host:port` under which the stack publishes MLflow, and its Service's names.
 * @param hosts further ones, such as that of an ingress: `modelRegistry.hosts`
 */
function publishedHosts(exposure: ExposureSettings, hosts: readonly string[]): string[] {
  const exposedPort = openedPort(exposure, { name: "mlflow", port: exposure.ports.mlflow });
  const withAndWithout = (port: number) => (host: string) => [host, `${host}:${port}`];
  return [
    ...new Set([
      ...serviceNames("mlflow", mlflowNamespace).flatMap(withAndWithout(mlflowPort)),
      ...exposedHosts(exposure).flatMap(withAndWithout(exposedPort)),
      ...hosts,
    ]),
  ];
}

/** Values of `--allowed-hosts`. */
export function allowedHosts(exposure: ExposureSettings, hosts: readonly string[]): string[] {
  const local = localhost.flatMap((host) => [host, anyPort(host)]);
  return [...new Set([...local, ...publishedHosts(exposure, hosts)])];
}

/** Values of `--allowed-hosts` for Prometheus, which asks each pod at its address. The kubelet puts that in. */
export const podHosts = [`$(POD_IP):${mlflowPort}`, `[[]$(POD_IP)]:${mlflowPort}`];

/** Values of `--cors-allowed-origins`: the same hosts; with https too, since TLS may end before MLflow. */
export function allowedOrigins(exposure: ExposureSettings, hosts: readonly string[]): string[] {
  return publishedHosts(exposure, hosts).flatMap((host) => [`http://${host}`, `https://${host}`]);
}
