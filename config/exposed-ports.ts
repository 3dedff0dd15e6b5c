import type { Settings } from "./index";

/** Ports of what people open, by name: the environments of the promotion path, the pages, the gateway, the board. */
export function exposedPorts(settings: Settings): Record<string, number> {
  const environmentPorts = Object.entries(settings.promotionPath).map(([name, { port }]) => [name, port]);
  return { ...Object.fromEntries(environmentPorts), ...pagePorts(settings) };
}

/** The same without the environments. */
export function pagePorts({ exposure, gateway, board }: Settings): Record<string, number> {
  return {
    ...exposure.ports,
    ...(gateway && { gateway: gateway.port }),
    ...(board.install && { board: board.port }),
  };
}
