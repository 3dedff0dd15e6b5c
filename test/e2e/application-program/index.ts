/** An Application without a release, as the real program declares it. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { clusterProvider } from "../../../components/shared/cluster-provider";
import { declaredApplication } from "./declared-application";

const config = new pulumi.Config();
const provider = clusterProvider("cluster", { kubeconfig: config.require("kubeconfig"), context: "test" });
new k8s.apiextensions.CustomResource("application", declaredApplication(config.get("bundle") ?? "one"), { provider });
