/** Kubernetes objects that no cluster ever sees: the pack is shown them as components of the same types. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

class KubernetesObject extends pulumi.ComponentResource {
  constructor(type: string, name: string, object: pulumi.Inputs) {
    super(`kubernetes:${type}`, name, {
      apiVersion: type.split(":")[0],
      kind: type.split(":")[1],
      metadata: { name },
      ...object,
    });
    this.registerOutputs();
  }
}

new KubernetesObject("core/v1:Namespace", "kitchen", {
  metadata: { name: "kitchen", labels: { "pod-security.kubernetes.io/enforce": config.require("standard") } },
});
new KubernetesObject("core/v1:Secret", "repository", {
  stringData: pulumi.secret({ type: "oci", [config.get("key") ?? "url"]: "secret value" }),
});

// Known only once it is built, as the digests of the program's own images are.
const built = new command.local.Command("build", { create: `printf 'sha256:%064d' 0` });
new KubernetesObject("apps/v1:Deployment", "stove", {
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: "stove",
            image: pulumi.interpolate`stove@${built.stdout}`,
            resources: { limits: { memory: config.get("memory") } },
          },
        ],
      },
    },
  },
});
const app = `app@sha256:${"0".repeat(64)}`;
new KubernetesObject("core/v1:ConfigMap", "staging-bundle", {
  data: {
    "kustomization.yaml": "resources: [deployment.yaml]",
    "deployment.yaml": `kind: Deployment
metadata: {name: app}
spec: {template: {spec: {containers: [{name: app, image: "${app}", resources: {limits: {memory: 512Mi}}}]}}}
`,
  },
});

// What the pack cannot judge.
if (config.getBoolean("unjudged")) {
  new KubernetesObject("helm.sh/v3:Release", "shop", { chart: "shop" });
  new KubernetesObject("yaml:ConfigFile", "files", {});
}
