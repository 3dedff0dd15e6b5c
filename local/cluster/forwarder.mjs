// Carries connections between the machine and the cluster's network namespace. It runs twice: inside the namespace
// from Unix sockets to addresses of the cluster, outside from ports of 127.0.0.1 to those sockets, since a Unix socket
// is a file and so crosses network namespaces. That way the cluster needs no interface that leads out of it.
//
// Usage: node forwarder.mjs '[{"listen": {"host": "127.0.0.1", "port": 8081}, "connect": {"path": "/run/a.sock"}}]'
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";

for (const route of JSON.parse(process.argv[2])) {
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    const outgoing = connect({ ...route.connect, allowHalfOpen: true });
    incoming.pipe(outgoing).pipe(incoming);
    const close = () => (incoming.destroy(), outgoing.destroy());
    for (const socket of [incoming, outgoing]) socket.setNoDelay?.(true).on("error", close);
    // Half-open is for as long as one side still speaks; when both are done, or one is gone, so is the other.
    outgoing.on("close", close);
    incoming.on("close", close);
  });
  server.on("error", (error) => {
    console.error(`Cannot listen on ${JSON.stringify(route.listen)}: ${error.message}`);
    process.exit(1);
  });
  if (route.listen.path) rmSync(route.listen.path, { force: true });
  server.listen(route.listen);
}
process.on("SIGTERM", () => process.exit(0));
