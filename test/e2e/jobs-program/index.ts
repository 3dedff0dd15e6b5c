/** The Jobs that an update waits for, as the real program declares them. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { createPublishJob } from "../../../components/environments/publish-job";
import { GeneratedSecret } from "../../../components/platform/generated-secret";
import { clusterProvider } from "../../../components/shared/cluster-provider";

const kubeconfig = new pulumi.Config().require("kubeconfig");
const provider = clusterProvider("cluster", { kubeconfig, context: "test" });
const image = `example.test/tools@sha256:${"a".repeat(64)}`;

const { name: namespace } = new k8s.core.v1.Namespace("demo", { metadata: { name: "demo" } }, { provider }).metadata;
const bundle = new k8s.core.v1.ConfigMap("bundle", { metadata: { name: "bundle", namespace } }, { provider });
createPublishJob("publish", { app: "app", bundle, tag: "1", image }, { provider });
new GeneratedSecret(
  "key",
  { namespace, secret: "key", user: ["user", "root"], passwordKey: "password", image },
  { providers: { kubernetes: provider } },
);
