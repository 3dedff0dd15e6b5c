import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as yaml from "js-yaml";
import { parseSettings, type Settings } from "../config";

const root = join(__dirname, "..");
const fixture = (name: string) => join(__dirname, "fixtures", name);
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

/** The `config` of a shipped stack file, by full key. */
function stackFile(stack: string): Record<string, unknown> {
  const file = yaml.load(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8")) as {
    config: Record<string, unknown>;
  };
  return file.config;
}

/** The layouts that this project shows: the whole pipeline in one stack, on kind and k3d too; one an environment. */
export const referenceStacks = ["staging", "durable", "kind", "k3d", "platform", "canary", "production"];
/** Names of all stack files, a team's own ones too. */
export const shippedStacks = readdirSync(root).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.slice(1) ?? []);

/** A shipped stack as a test can run it: digests where the catalogue has none, release manifests from fixtures. */
export function runnableStack(stack: string): Record<string, unknown> {
  const config = stackFile(stack);
  if ("gourmetgram:platform" in config) return config;
  return {
    ...config,
    "gourmetgram:images": {
      ...(config["gourmetgram:images"] as object),
      overrides: {
        mlflow: { digest: digest("1") },
        argoWorkflowController: { digest: digest("2") },
        argoServer: { digest: digest("3") },
        contour: { digest: digest("4") },
        envoy: { digest: digest("5") },
        prometheus: { digest: digest("6") },
        postgres: { digest: digest("7") },
        versitygw: { digest: digest("8") },
      },
    },
    ...("gourmetgram:gateway" in config && { "gourmetgram:gateway": { manifests: [fixture("contour.yaml")] } }),
    "gourmetgram:argoWorkflows": { manifests: fixture("argo-workflows.yaml") },
    "gourmetgram:argoCd": { manifests: fixture("argo-cd.yaml"), crds: [] },
  };
}

/** The shipped stacks of the platform and of canary, with canary on the cluster `edge`. */
export function stacksOfTwoClusters(): { platform: Record<string, unknown>; canary: Record<string, unknown> } {
  const platform = runnableStack("platform");
  const { canary, ...others } = platform["gourmetgram:remoteEnvironments"] as Record<string, object>;
  const elsewhere = {
    stack: "platform",
    cluster: { context: "gourmetgram-local" },
    apiServer: "https://192.0.2.20:6443",
  };
  return {
    platform: {
      ...platform,
      "gourmetgram:remoteEnvironments": {
        ...others,
        canary: { ...canary, cluster: "edge", url: "http://192.0.2.20:8080" },
      },
    },
    canary: {
      ...runnableStack("canary"),
      "gourmetgram:cluster": { context: "edge" },
      "gourmetgram:platform": elsewhere,
    },
  };
}

/** Checked settings of the shipped staging stack, without its gateway and Prometheus, with some sections replaced. */
export function settingsWith(sections: Record<string, unknown> = {}): Settings {
  const { gateway: _, monitoring: __, ...others } = withoutProject(runnableStack("staging"));
  return parseSettings({ ...others, ...sections });
}

/** The same as `parseSettings` takes it: keys without the project. */
export function withoutProject(config: Record<string, unknown>): Record<string, any> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("gourmetgram:", ""), value]));
}
