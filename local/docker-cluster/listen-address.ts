/** Address at which Docker takes connections: all of this machine, unless the stack is for this machine alone. */
export const listenAddress = (host: string | undefined): string =>
  host === "127.0.0.1" || host === "localhost" ? "127.0.0.1" : "0.0.0.0";
