const withUpperCase = (names: readonly string[]) => names.flatMap((name) => [name, name.toUpperCase()]);
/** The variables that name a proxy. */
export const proxyAddresses: readonly string[] = withUpperCase([
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "grpc_proxy",
]);
/** All variables of a proxy, as Go, npm, pip and apt read them. Some programs read them in one case only. */
export const proxyVariables: readonly string[] = [...proxyAddresses, ...withUpperCase(["no_proxy"])];

type Variables = Readonly<Record<string, string | undefined>>;

const loopback = ["localhost", "127.0.0.1", "::1"];

/**
 * What to set so that no program of this machine asks a proxy for its own ports: gRPC does, as Pulumi's programs speak
 * it. Empty without a proxy.
 */
export function loopbackWithoutProxy(variables: Variables): Record<string, string> {
  if (!proxyAddresses.some((name) => variables[name])) return {};
  const listed = [variables.no_proxy, variables.NO_PROXY].flatMap((value) => value?.split(",") ?? []);
  const all = [...new Set([...listed.map((host) => host.trim()).filter(Boolean), ...loopback])].join(",");
  return { no_proxy: all, NO_PROXY: all };
}

/** The variables without those of a proxy, for what runs in a network that has none. */
export function withoutProxy(variables: Variables): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !proxyVariables.includes(name)));
}
