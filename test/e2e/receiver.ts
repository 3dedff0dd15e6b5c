import { createHmac } from "node:crypto";
import { restrictedContainer, restrictedPod } from "../../components/shared/security";
import { workflowNamespace } from "../../components/shared/workflow-names";
import { connect } from "../../stacks/stack-cluster";
import { parameters, waitFor } from "./faults";

const name = "e2e-receiver";
const namespace = "gourmetgram-platform";
const port = 8080;
const core = `/api/v1/namespaces/${namespace}`;
const secrets = `/api/v1/namespaces/${workflowNamespace}/secrets`;
const key = "signed in the end-to-end tests";

/** Takes each POST, and answers a GET with all that came. */
const server = `
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
came = []
class Handler(BaseHTTPRequestHandler):
    def answer(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        came.append({"headers": {key.lower(): value for key, value in self.headers.items()}, "body": body.decode()})
        self.answer(b"")
    def do_GET(self):
        self.answer(json.dumps(came).encode())
HTTPServer(("", ${port}), Handler).serve_forever()`;

/** A message that the receiver got. */
export interface Message {
  readonly id: string;
  readonly trigger: string;
  readonly environment: string | null;
  readonly version: string | null;
  readonly sentence: string;
  /** Whether its signature is that of its time and its body. */
  readonly isGenuine: boolean;
}

/**
 * Runs `use` beside a receiver in the cluster: a pod of the image of the steps, and the Secret that names it.
 * @param use gets the name of the Secret, and what reads the messages that came, in their order
 */
export async function withReceiver(
  use: (secret: string, messages: () => Promise<Message[]>) => Promise<void>,
): Promise<void> {
  const cluster = connect();
  const { "tools-image": image } = await parameters();
  const labels = { app: name };
  const create = (path: string, body: object) => cluster.api(path, { method: "POST", body });
  try {
    await create(`${core}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels },
      spec: {
        automountServiceAccountToken: false,
        securityContext: restrictedPod,
        containers: [
          {
            name: "receiver",
            image,
            command: ["python3", "-c", server],
            securityContext: restrictedContainer,
            resources: { limits: { memory: "64Mi" } },
            readinessProbe: { httpGet: { path: "/", port }, periodSeconds: 1 },
          },
        ],
      },
    });
    await create(`${core}/services`, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector: labels, ports: [{ port }] },
    });
    await create(secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: workflowNamespace },
      stringData: { url: `http://${name}.${namespace}.svc.cluster.local:${port}/`, "signing-key": key },
    });
    const read = () => cluster.service(namespace, name, port, "/");
    await waitFor("a receiver that answers", async () => (await read()).status === 200);
    await use(name, async () =>
      (JSON.parse((await read()).text) as { headers: Record<string, string>; body: string }[]).map(
        ({ headers, body }) => ({
          ...(JSON.parse(body) as Omit<Message, "isGenuine">),
          isGenuine: headers["x-gourmetgram-signature"] === signatureOf(headers["x-gourmetgram-timestamp"], body),
        }),
      ),
    );
  } finally {
    for (const path of [`${core}/pods/${name}`, `${core}/services/${name}`, `${secrets}/${name}`])
      await cluster.api(path, { method: "DELETE" }).catch(() => undefined);
  }
}

const signatureOf = (timestamp: string, body: string): string =>
  `sha256=${createHmac("sha256", key).update(`${timestamp}.${body}`).digest("hex")}`;
