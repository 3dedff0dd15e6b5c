import { readFileSync, truncateSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import * as http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelRegistry } from "../../components/platform/model-registry";
import { repositoryRoot } from "../../lib/paths";
import { type MlflowServer, startMlflow } from "../../local/toolchain/mlflow-server";
import { one, record } from "../registrations";
import { settingsWith } from "../stack-files";

/** A stack that publishes MLflow in every way: a host with its port, an ingress, and one at a port of its own. */
const stack = {
  exposure: { type: "LoadBalancer", host: "food.example.org", ports: { mlflow: 5050 } },
  modelRegistry: { hosts: ["models.example.org", "models.example.net:8443"] },
};
/** Changes nothing, but MLflow takes every POST for a change. */
const search = "/ajax-api/2.0/mlflow/experiments/search";
/** What the kubelet writes for `$(POD_IP)`. */
const podAddress = "10.0.0.7";

let folder: string;
let server: MlflowServer;

// The first run on a machine installs MLflow.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gourmetgram-mlflow-"));
  const { args, env } = await containerOf(stack);
  server = await startMlflow(
    folder,
    args.map((arg) => arg.replaceAll("$(POD_IP)", podAddress).replace("=/tmp/", `=${folder}/`)),
    env,
  );
}, 600_000);

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
}, 60_000);

describe("MLflow with the arguments of its Deployment", () => {
  it.each([
    "http://food.example.org",
    "http://food.example.org:5050",
    "https://food.example.org",
    "http://models.example.org",
    "https://models.example.org",
    "https://models.example.net:8443",
    "http://mlflow",
    "http://mlflow:8000",
    "http://mlflow.gourmetgram-platform:8000",
    "http://mlflow.gourmetgram-platform.svc.cluster.local:8000",
    "http://localhost",
    "http://localhost:28000",
    "http://127.0.0.1:8000",
    "http://[::1]:8000",
  ])("answers its page at %s", async (origin) => {
    expect(await post(origin.split("//")[1], origin)).toEqual({ status: 200 });
  });

  it.each(["evil.example.com", "food.example.org.evil.com", "mlflow.evil.com:8000", "192.0.2.1:8000", "10.0.0.1:8000"])(
    "refuses a page that reaches it by DNS rebinding as %s",
    async (host) => {
      const { status, text } = await post(host, `http://${host}`);
      expect([status, text]).toEqual([403, "Invalid Host header - possible DNS rebinding attack detected"]);
    },
  );

  it.each(["https://evil.example.com", "http://food.example.org.evil.com", "http://models.example.org:1", "null"])(
    "refuses what a page of %s sends to the right host",
    async (origin) => {
      expect(await post("food.example.org:5050", origin)).toEqual({
        status: 403,
        text: "Cross-origin request blocked",
      });
    },
  );

  it("answers a step, which has no origin", async () => {
    expect(await post("mlflow.gourmetgram-platform.svc.cluster.local:8000")).toEqual({ status: 200 });
  });

  it("answers the probes at the pod's address", async () => {
    expect(await ask("GET", "/health", { Host: "10.0.0.1:8000" })).toMatchObject({ status: 200 });
  });

  it("tells Prometheus, at the address of its own pod, what the rules and the dashboard ask for", async () => {
    await post("mlflow");
    const { status, text } = await figures();
    expect(status).toBe(200);
    const files = ["rules.yaml", "dashboards/gourmetgram.json"];
    const queries = files.map((file) => readFileSync(join(repositoryRoot, "monitoring", file), "utf8")).join();
    const asked = new Set(queries.match(/\bmlflow_http_\w+/g));
    expect(asked.size).toBeGreaterThan(1);
    for (const metric of asked) expect(text).toMatch(new RegExp(`^${metric}\\{.*status="200".*\\} [1-9]`, "m"));
    expect(await ask("GET", "/metrics", { Host: "10.0.0.8:8000" })).toMatchObject({ status: 403 });
  });

  // The last one: it takes the tables away.
  it("answers without its database with an error, which Prometheus is told of", async () => {
    truncateSync(server.database);
    expect(await post("mlflow")).toMatchObject({ status: 503 });
    expect((await figures()).text).toContain('mlflow_http_request_total{method="POST",status="503"} 1.0');
  });
});

const figures = () => ask("GET", "/metrics", { Host: `${podAddress}:8000` });

/** Arguments and plain variables of the container that the stack's Deployment has. */
async function containerOf(
  sections: Record<string, unknown>,
): Promise<{ args: string[]; env: Record<string, string> }> {
  const { modelRegistry: settings, exposure, images } = settingsWith(sections);
  const { registrations } = await record({}, () => {
    new ModelRegistry("mlflow", {
      settings,
      exposure,
      images: images.catalogue,
      toolsImage: "tools@sha256:0",
      hasPrometheus: true,
    });
  });
  const { args, env } = one(registrations, "mlflow-deployment").inputs.spec.template.spec.containers[0];
  return {
    args,
    env: Object.fromEntries(
      env.flatMap(({ name, value }: { name: string; value?: string }) => (value === undefined ? [] : [[name, value]])),
    ),
  };
}

/** Status of a POST as the page sends it, and the text of what is no success. */
async function post(host: string, origin?: string): Promise<{ status: number; text?: string }> {
  const headers = { Host: host, "Content-Type": "application/json", ...(origin && { Origin: origin }) };
  const { status, text } = await ask("POST", search, headers, '{"max_results": 1}');
  return status === 200 ? { status } : { status, text };
}

/** `fetch` sets the Host itself. */
function ask(method: string, path: string, headers: http.OutgoingHttpHeaders, body?: string) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: server.port, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, text }));
    });
    request.on("error", reject);
    request.end(body);
  });
}
