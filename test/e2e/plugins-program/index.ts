/** A stack of small parts of every kind that the plugins treat in a way of its own. */
import * as command from "@pulumi/command";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { clusterProvider } from "../../../components/shared/cluster-provider";

const config = new pulumi.Config();
const provider = clusterProvider("cluster", {
  kubeconfig: config.require("kubeconfig"),
  context: config.get("context") ?? "test",
});
const opts = { provider };

const namespace = new k8s.core.v1.Namespace(
  "demo",
  { metadata: { name: "demo" } },
  { ...opts, protect: config.getBoolean("protect") },
);
const inDemo = (name: string) => ({ name, namespace: namespace.metadata.name });

new k8s.core.v1.ConfigMap(
  "settings",
  { metadata: inDemo("settings"), data: { "app.yaml": `color: ${config.get("color") ?? "green"}\nsize: 1\n` } },
  { ...opts, deleteBeforeReplace: true },
);
new k8s.core.v1.ConfigMap("named", { metadata: { namespace: namespace.metadata.name }, data: { a: "1" } }, opts);
const credentials = new k8s.core.v1.Secret(
  "credentials",
  { metadata: inDemo("credentials"), stringData: { password: config.requireSecret("password") } },
  opts,
);

new k8s.apps.v1.Deployment(
  "app",
  {
    metadata: { ...inDemo("app"), annotations: { "pulumi.com/skipAwait": config.get("skipAwait") ?? "true" } },
    spec: {
      selector: { matchLabels: { app: "app" } },
      template: {
        metadata: { labels: { app: "app" } },
        spec: {
          containers: [
            {
              name: "app",
              image: "example.test/app:1",
              resources: { limits: { memory: config.get("memory") ?? "256Mi" } },
            },
          ],
        },
      },
    },
  },
  opts,
);

const definition = new k8s.apiextensions.v1.CustomResourceDefinition(
  "dishes",
  {
    metadata: { name: "dishes.example.test" },
    spec: {
      group: "example.test",
      scope: "Namespaced",
      names: { plural: "dishes", singular: "dish", kind: "Dish" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: { spec: { type: "object", properties: { salt: { type: "integer" } } } },
            },
          },
        },
      ],
    },
  },
  opts,
);
new k8s.apiextensions.CustomResource(
  "soup",
  { apiVersion: "example.test/v1", kind: "Dish", metadata: inDemo("soup"), spec: { salt: 1 } },
  { ...opts, dependsOn: definition },
);

new k8s.yaml.ConfigGroup(
  "group",
  {
    objs: [{ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "cook", namespace: "demo" } }],
  },
  { providers: { kubernetes: provider }, dependsOn: namespace },
);

const greeting = new command.local.Command("greeting", {
  create: `echo "hello $WHO" && echo aside >&2`,
  update: `echo "again $WHO, after: $PULUMI_COMMAND_STDOUT"`,
  delete: "true",
  environment: { WHO: config.get("who") ?? "world" },
  triggers: [config.get("trigger") ?? "1"],
});

export const uid = namespace.metadata.uid;
export const hello = greeting.stdout;
export const password = credentials.data.password;
