import { describe, expect, it } from "vitest";
import { ConfigurationError, parseSettings } from "../../config";
import { runnableStack, withoutProject } from "../stacks";

const pinned = { mlflow: { digest: `sha256:${"1".repeat(64)}` }, argoWorkflowController: { digest: `sha256:${"2".repeat(64)}` }, argoServer: { digest: `sha256:${"3".repeat(64)}` } };
const nodePorts = { staging: 30081, canary: 30080, production: 30000, mlflow: 30800, argoWorkflows: 30746, argoCd: 30082 };
const without = (...names: string[]) => Object.fromEntries(Object.entries(nodePorts).filter(([name]) => !names.includes(name)));
const upstream = "registry, mlflow, argoWorkflowController, argoExec, argoServer, argoCd, redis";

/** What the staging stack's configuration has instead, and the one mistake in it. */
const mistakes: [string, Record<string, unknown>, string][] = [
  ["no cluster", { cluster: undefined }, "cluster: missing: write a mapping"],
  ["no context", { cluster: {} }, "cluster.context: missing: write a text"],
  ["an empty context", { cluster: { context: "" } }, "cluster.context: name a context of the kubeconfig, as `kubectl config get-contexts` lists them"],
  ["an unknown section", { registri: {} }, "registri: unknown key: remove it, or mend its spelling"],
  ["an unknown key", { registry: { size: "20Gi" } }, "registry.size: unknown key: remove it, or mend its spelling"],
  ["an unknown key deep inside", { pipeline: { load: { p95: 1 } } }, "pipeline.load.p95: unknown key: remove it, or mend its spelling"],
  ["memory without unit", { environments: { staging: { port: 8081, memory: "256" } } }, 'environments.staging.memory: write a whole number with its unit, Mi or Gi, as in "256Mi"'],
  ["memory as a number", { environments: { staging: { port: 8081, memory: 256 } } }, 'environments.staging.memory: write a whole number with its unit, Mi or Gi, as in "256Mi"'],
  ["memory in megabytes", { environments: { staging: { port: 8081, memory: "256MB" } } }, 'environments.staging.memory: write a whole number with its unit, Mi or Gi, as in "256Mi"'],
  ["no memory at all", { environments: { staging: { port: 8081, memory: "0Mi" } } }, 'environments.staging.memory: write a whole number with its unit, Mi or Gi, as in "256Mi"'],
  ["storage without unit", { modelRegistry: { storage: "20" } }, 'modelRegistry.storage: write a whole number with its unit, Mi or Gi, as in "256Mi"'],
  ["no environments", { environments: {} }, "environments: name at least one environment"],
  ["an environment without port", { environments: { staging: {} } }, "environments.staging.port: missing: write a number"],
  ["a port that is text", { environments: { staging: { port: "8081" } } }, 'environments.staging.port: write a number, not "8081"'],
  ["a port out of range", { environments: { staging: { port: 70000 } } }, "environments.staging.port: write a port from 1 to 65535"],
  ["an environment in capitals", { environments: { Staging: { port: 8081 } } }, "environments.Staging: write lower-case letters, digits and dashes, 30 at most"],
  ["an environment in MLflow's namespace", { environments: { platform: { port: 8081 } } }, "environments.platform: MLflow has this name: write another one"],
  ["no replica", { environments: { staging: { port: 8081, replicas: 0 } } }, "environments.staging.replicas: write 1 to 20"],
  ["two environments on one port", { environments: { staging: { port: 8080 }, canary: { port: 8080, promotesFrom: "staging" } } }, "environments.canary.port: port 8080 is taken by staging: give canary another one"],
  ["two first environments", { environments: { staging: { port: 8081 }, canary: { port: 8080 } } }, "environments: canary, staging have no promotesFrom: leave it out of the one environment where candidates are tested, and write it in the others"],
  ["no first environment", { environments: { staging: { port: 8081, promotesFrom: "canary" }, canary: { port: 8080, promotesFrom: "staging" } } }, "environments: every environment has promotesFrom: leave it out of the one environment where candidates are tested, and write it in the others"],
  ["promotion from nowhere", { environments: { staging: { port: 8081 }, canary: { port: 8080, promotesFrom: "stagging" } } }, "environments.canary.promotesFrom: unknown environment: write one of staging"],
  ["promotion that forks", { environments: { staging: { port: 8081 }, canary: { port: 8080, promotesFrom: "staging" }, production: { port: 80, promotesFrom: "staging" } } }, "environments.production.promotesFrom: staging promotes to canary already: write another one"],
  ["promotion in a circle", { environments: { staging: { port: 8081 }, canary: { port: 8080, promotesFrom: "canary" } } }, "environments.canary.promotesFrom: no promotion leads from staging to canary: write another one"],
  ["an environment that no workflow knows", { environments: { staging: { port: 8081 }, shadow: { port: 8083, promotesFrom: "staging" } } }, "environments.shadow: the workflows know staging, canary from staging, and production from canary, and no other: write one of these"],
  ["a way past canary", { environments: { staging: { port: 8081 }, production: { port: 80, promotesFrom: "staging" } } }, "environments.production: the workflows know staging, canary from staging, and production from canary, and no other: write one of these"],
  ["a load balancer without a host", { exposure: { type: "LoadBalancer" } }, "exposure.host: missing: write the host name or address that people open; MLflow answers to no other"],
  ["node ports without a host", { exposure: { type: "NodePort", nodePorts } }, "exposure.host: missing: write the host name or address that people open; MLflow answers to no other"],
  ["an environment and a UI on one port", { environments: { staging: { port: 2746 } } }, "exposure.ports.argoWorkflows: port 2746 is taken by staging: give argoWorkflows another one"],
  ["two UIs on one port", { exposure: { type: "LoadBalancer", host: "food.example.org", ports: { mlflow: 8082 } } }, "exposure.ports.argoCd: port 8082 is taken by mlflow: give argoCd another one"],
  ["no exposure", { exposure: undefined }, "exposure: missing: write a mapping"],
  ["an unknown exposure", { exposure: { type: "Ingress" } }, 'exposure.type: write one of LoadBalancer, NodePort, externalIPs, not "Ingress"'],
  ["a host with a scheme", { exposure: { type: "LoadBalancer", host: "http://food.example.org" } }, "exposure.host: write a host name or an IPv4 address, without http:// and port"],
  ["an address that isn't one", { exposure: { type: "externalIPs", addresses: ["10.0.0.256"] } }, 'exposure.addresses.0: write an IPv4 address, as in "192.0.2.10"'],
  ["externalIPs without addresses", { exposure: { type: "externalIPs" } }, "exposure.addresses: externalIPs needs at least one node address"],
  ["addresses of a load balancer", { exposure: { type: "LoadBalancer", host: "food.example.org", addresses: ["192.0.2.1"] } }, "exposure.addresses: addresses go with externalIPs only: leave them out, or write type: externalIPs"],
  ["node ports of a load balancer", { exposure: { type: "LoadBalancer", host: "food.example.org", nodePorts } }, "exposure.nodePorts: nodePorts go with NodePort only: leave them out, or write type: NodePort"],
  ["a node port too few", { exposure: { type: "NodePort", host: "food.example.org", nodePorts: without("argoCd") } }, "exposure.nodePorts.argoCd: missing: write a node port from 30000 to 32767"],
  ["a node port too low", { exposure: { type: "NodePort", host: "food.example.org", nodePorts: { ...nodePorts, canary: 8080 } } }, "exposure.nodePorts.canary: write a node port from 30000 to 32767"],
  ["a node port for nobody", { exposure: { type: "NodePort", host: "food.example.org", nodePorts: { ...nodePorts, shadow: 30001 } } }, "exposure.nodePorts.shadow: unknown: write one of staging, canary, production, mlflow, argoWorkflows, argoCd"],
  ["one node port for two", { exposure: { type: "NodePort", host: "food.example.org", nodePorts: { ...nodePorts, canary: 30081 } } }, "exposure.nodePorts.canary: node port 30081 is taken by staging: give canary another one"],
  ["nodes without a fixed ClusterIP", { registry: { configureNodes: true } }, "registry.clusterIp: missing: configureNodes needs a fixed one, since nodes don't resolve cluster names"],
  ["a truth value in quotes", { images: { build: "true", overrides: pinned } }, 'images.build: write true or false, not "true"'],
  ["an unknown image", { images: { build: true, overrides: { ...pinned, nginx: {} } } }, `images.overrides.nginx: unknown image: write one of app, train, tools, ${upstream}`],
  ["a malformed digest", { images: { build: true, overrides: { ...pinned, redis: { digest: "sha256:abc" } } } }, 'images.overrides.redis.digest: write "sha256:" and 64 hex digits'],
  ["a mirror with a scheme", { images: { build: true, mirror: "https://mirror.example.org", overrides: pinned } }, 'images.mirror: write a registry host, as in "mirror.example.org:5000"'],
  ["an image that nobody pinned", { images: { build: true, overrides: { ...pinned, mlflow: {} } } }, "images.overrides.mlflow.digest: missing: write the one that `npm run images -- pin` prints"],
  ["an unknown way into Argo", { argoWorkflows: { authMode: "sso" } }, 'argoWorkflows.authMode: write one of client, server, not "sso"'],
  ["CRDs that aren't a list", { argoCd: { crds: "crds.yaml" } }, 'argoCd.crds: write a list, not "crds.yaml"'],
  ["an accuracy in per cent", { pipeline: { accuracyBar: 80 } }, "pipeline.accuracyBar: write a share from 0 to 1"],
  ["half an epoch", { pipeline: { epochs: 1.5 } }, "pipeline.epochs: write a whole number, not 1.5"],
  ["a longer wait than a step has", { pipeline: { rolloutTimeoutSeconds: 601 } }, "pipeline.rolloutTimeoutSeconds: write 10 to 600"],
  ["a soak of more than a week", { pipeline: { minimumSoakMinutes: 10081 } }, "pipeline.minimumSoakMinutes: write 0 to 10080"],
  ["a shorter wait than a start takes", { pipeline: { rolloutTimeoutSeconds: 9 } }, "pipeline.rolloutTimeoutSeconds: write 10 to 600"],
  ["too few requests for a percentile", { pipeline: { load: { requests: 19 } } }, "pipeline.load.requests: write 20 to 100000"],
  ["more requests at once than in all", { pipeline: { load: { requests: 20, concurrency: 21 } } }, "pipeline.load.concurrency: more at once than the 20 requests in all: write 20 or less"],
  ["six cron fields", { pipeline: { cron: { schedule: "0 0 2 * * *" } } }, 'pipeline.cron.schedule: write the five fields of cron, as in "0 2 * * *"'],
  ["an hour that isn't one", { pipeline: { cron: { schedule: "0 24 * * *" } } }, 'pipeline.cron.schedule: write the five fields of cron, as in "0 2 * * *"'],
  ["a time zone that isn't one", { pipeline: { cron: { timezone: "Europe/Springfield" } } }, 'pipeline.cron.timezone: write an IANA time zone, as in "Europe/Berlin"'],
];

function complaint(sections: Record<string, unknown>): unknown {
  try {
    return parseSettings({ ...withoutProject(runnableStack("staging")), ...sections });
  } catch (error) {
    return error;
  }
}

describe("a configuration with one mistake", () => {
  it.each(mistakes)("%s", (_title, sections, message) => {
    const error = complaint(sections) as ConfigurationError;
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toBe(`The stack's configuration has a mistake:\n  gourmetgram:${message}`);
  });
});

describe("a configuration with several mistakes", () => {
  it("lists every one of them at once, contradictions between other sections as well", () => {
    const error = complaint({
      cluster: {},
      registry: { configureNodes: true },
      pipeline: { epochs: 0, cron: { schedule: "daily" } },
      environments: { staging: { port: 80 }, production: { port: 80, promotesFrom: "staging" } },
    });
    expect((error as Error).message).toBe(
      [
        "The stack's configuration has 6 mistakes:",
        "  gourmetgram:cluster.context: missing: write a text",
        "  gourmetgram:environments.production.port: port 80 is taken by staging: give production another one",
        "  gourmetgram:environments.production: the workflows know staging, canary from staging, and production from canary, and no other: write one of these",
        '  gourmetgram:pipeline.cron.schedule: write the five fields of cron, as in "0 2 * * *"',
        "  gourmetgram:pipeline.epochs: write 1 to 100",
        "  gourmetgram:registry.clusterIp: missing: configureNodes needs a fixed one, since nodes don't resolve cluster names",
      ].join("\n"),
    );
  });

  it("asks for the digest of every own image that isn't built", () => {
    expect((complaint({ images: { overrides: pinned } }) as Error).message).toBe(
      [
        "The stack's configuration has 3 mistakes:",
        ...["app", "tools", "train"].map((key) => `  gourmetgram:images.overrides.${key}.digest: missing: write the one that \`npm run images -- push\` printed, or images.build: true`),
      ].join("\n"),
    );
  });
});
