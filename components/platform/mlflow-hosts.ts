/**
 * MLflow's own form of its published hosts. It compares the `Host` header with `--allowed-hosts`, and the `Origin` of a
 * request that changes something with `--cors-allowed-origins`, also if the page is its own. Neither list has a
 * wildcard for names of hosts.
 */

/** A port-forward arrives as localhost, at any port. MLflow accepts these origins by itself. */
const localhost = ["localhost", "127.0.0.1", "[::1]"];
/** In MLflow's patterns, a bracket begins a set of characters. */
const anyPort = (host: string) => `${host.replace("[", "[[]")}:*`;

/** Values of `--allowed-hosts`. */
export function allowedHosts(published: readonly string[]): string[] {
  const local = localhost.flatMap((host) => [host, anyPort(host)]);
  return [...new Set([...local, ...published])];
}

/** Values of `--cors-allowed-origins`: the same hosts; with https too, since TLS may end before MLflow. */
export function allowedOrigins(published: readonly string[]): string[] {
  return published.flatMap((host) => [`http://${host}`, `https://${host}`]);
}
