// Forwards connections between the machine and the cluster's network namespace. It runs twice. Inside the namespace it
// connects Unix sockets to addresses of the cluster. Outside it connects ports of the machine to those sockets. A Unix
// socket is a file, so it crosses network namespaces, and the cluster needs no interface that leads out of it.
//
// Usage: node forwarder.mjs '[{"listen": {"host": "127.0.0.1", "port": 8081}, "connect": {"path": "/run/a.sock"}}]'
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";

for (const route of JSON.parse(process.argv[2])) {
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    const outgoing = connect({ ...route.connect, allowHalfOpen: true });
    incoming.pipe(outgoing).pipe(incoming);
    const close = () => {
      incoming.destroy();
      outgoing.destroy();
    };
    for (const socket of [incoming, outgoing]) socket.setNoDelay?.(true).on("error", close);
    // A connection stays half-open while one side still sends. If one side closes, the other closes too.
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
