import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { documents, stackSchema } from "../../cli/docs";

const root = join(__dirname, "..", "..");
const read = (...path: string[]) => readFileSync(join(root, ...path), "utf8");

describe("a document that is generated from the settings", () => {
  it.each(Object.entries(documents()))("%s is up to date", (path, text) => {
    expect(read(path) === text, `${path} is not what config/schema.ts says: run npm run docs`).toBe(true);
  });
});

describe("the schema for editors", () => {
  // `errorMessage` is a keyword of editors. The pattern beside the format `ipv4` says the same.
  const ajv = new Ajv({ allErrors: true, keywords: ["errorMessage"], formats: { ipv4: true } });
  const accepts = ajv.compile(stackSchema());
  const staging = load(read("Pulumi.staging.yaml")) as { config: Record<string, unknown> };

  it("accepts the shipped stack file, which names it", () => {
    accepts(staging);
    expect(accepts.errors).toBeNull();
    expect(read("Pulumi.staging.yaml").split("\n")[0]).toBe("# yaml-language-server: $schema=docs/stack.schema.json");
  });

  it("accepts what Pulumi keeps beside the settings", () => {
    accepts({
      secretsprovider: "passphrase",
      encryptedkey: "AQICAHg=",
      encryptionsalt: "v1:8Qm2Fg6mVwA=:v1:kP3bLJ9s",
      environment: ["shared/lab"],
      config: { ...staging.config, "kubernetes:context": "kind-lab", "aws:secretKey": { secure: "AAABAKeLTyRUvkNo" } },
    });
    expect(accepts.errors).toBeNull();
  });

  it("rejects every invalid stack file, unless settings must be compared or a name must be looked up", () => {
    const files = readdirSync(join(root, "test", "invalid-stacks")).filter((file) => file.endsWith(".yaml"));
    expect(files.filter((file) => isAccepted(read("test", "invalid-stacks", file)))).toEqual(
      [
        "addresses-of-a-load-balancer",
        "approval-people",
        "canary-analysis-bars",
        "canary-steps-descending",
        "canary-steps-none",
        "copies-without-answers",
        "copies-without-gateway",
        "cron-never",
        "data-drift-elsewhere",
        "data-drift-without-answers",
        "environment-from-itself",
        "environment-held-twice",
        "environment-left-out",
        "environment-past-canary",
        "environment-source-misspelt",
        "environment-without-source",
        "environments-from-elsewhere",
        "environments-from-one",
        "environments-in-a-circle",
        "environments-none",
        "external-ips-without-addresses",
        "gateway-not-pinned",
        "gateway-of-another-kind",
        "gateway-with-one-environment",
        "host-missing",
        "image-not-built",
        "image-unpinned",
        "image-with-tag-alone",
        "listen-elsewhere",
        "listen-of-environments",
        "load-more-at-once-than-in-all",
        "load-more-than-the-gate-has-time-for",
        "load-too-few-sent",
        "model-registry-replicas-on-a-volume",
        "model-registry-stores-installed",
        "model-registry-stores-missing",
        "model-registry-uri-and-port",
        "monitoring-installed-with-url",
        "monitoring-not-pinned",
        "monitoring-of-your-own-without-url",
        "node-ports-of-a-load-balancer",
        "node-ports-too-few",
        "notifications-never-come",
        "notifications-too-many",
        "platform-api-server-without-cluster",
        "platform-cluster-beside-two",
        "platform-cluster-the-same",
        "platform-cluster-without-api-server",
        "port-missing",
        "port-taken-by-a-page",
        "port-taken-by-the-board",
        "port-taken-by-the-local-cluster",
        "port-taken-twice",
        "ports-mapped-of-a-load-balancer",
        "registry-nodes-without-address",
        "remote-cluster-half-named",
        "remote-cluster-of-two",
        "remote-environments-mismatched",
        "staging-in-another-stack",
        "time-zone-unknown",
        "window-environments",
        "window-schedules",
      ].map((name) => `${name}.yaml`),
    );
  });

  function isAccepted(text: string): boolean {
    try {
      return accepts(load(text));
    } catch {
      return false;
    }
  }
});
