import * as command from "@pulumi/command";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ExposureSettings, Settings } from "../../config";
import { type Images, imageReference } from "../../images/catalogue";
import { commandEnv, deletionScript } from "../shared/command-env";
import { exposedServiceSpec, exposedUrl } from "../shared/exposure";
import { restrictedContainer, restrictedNamespaceLabels } from "../shared/security";
import { workflowNamespace } from "../shared/workflow-names";
import { adoptManifests, find, installManifests, type Manifest } from "./release-manifests";

export interface ArgoWorkflowsArgs {
  readonly settings: Settings["argoWorkflows"];
  readonly cluster: Settings["cluster"];
  readonly exposure: ExposureSettings;
  readonly images: Images;
  /** The release's namespace-install manifest; not used if `settings.install` is false. */
  readonly manifests: Manifest[];
  /** Address of the board, to which its page leads; undefined in a stack without one. */
  readonly board?: string;
}

const serverPort = 2746;
/** Name of the link to the board, by which `local/toolchain/patches/index.html` finds it. */
const boardLink = "Board";
const boardAnnotation = "gourmetgram.io/board";

/**
 * Argo Workflows, installed for the namespace `argo` only. Its controller and server have no permissions in any other
 * namespace. The pipeline's workflows run in it.
 */
export class ArgoWorkflows extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  /** Address that a person opens. */
  readonly url: string;

  constructor(name: string, args: ArgoWorkflowsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:ArgoWorkflows", name, {}, opts);
    const { settings, exposure } = args;
    const exposed = { name: "argoWorkflows", port: exposure.ports.argoWorkflows, targetPort: serverPort };
    this.url = exposedUrl(exposure, exposed);

    if (settings.install) {
      const namespace = new k8s.core.v1.Namespace(
        `${name}-namespace`,
        { metadata: { name: workflowNamespace, labels: restrictedNamespaceLabels } },
        { parent: this },
      );
      const release = installManifests(`${name}-release`, adaptRelease(args), this, [namespace]);
      new k8s.core.v1.Service(
        `${name}-exposed-service`,
        {
          metadata: {
            name: "argo-server-exposed",
            namespace: namespace.metadata.name,
            annotations: { "pulumi.com/skipAwait": "true" },
          },
          spec: { selector: { app: "argo-server" }, ...exposedServiceSpec(exposure, exposed) },
        },
        { parent: this },
      );
      // Only the controller stops the pods of Workflows, so the Workflows are stopped before it is deleted.
      const drain = new command.local.Command(
        `${name}-drain`,
        { delete: deletionScript("stacks/drain-workflows.ts"), environment: commandEnv(args.cluster) },
        { parent: this, dependsOn: release },
      );
      this.namespace = drain.id.apply(() => namespace.metadata.name);
    } else {
      this.namespace = pulumi.output(workflowNamespace);
    }
    this.registerOutputs({ namespace: this.namespace, url: this.url });
  }
}

/** The release with this stack's images, in one namespace, with a controller that requeues within a second. */
function adaptRelease(args: Pick<ArgoWorkflowsArgs, "manifests" | "images" | "settings" | "board">): Manifest[] {
  const executor = imageReference(args.images.argoExec);
  const objects = adoptManifests(args.manifests, workflowNamespace, (released) => {
    if (released.includes("workflow-controller")) return imageReference(args.images.argoWorkflowController);
    if (released.includes("argocli")) return imageReference(args.images.argoServer);
    return undefined;
  });

  const controller = find(objects, "Deployment", "workflow-controller").spec.template.spec.containers[0];
  controller.args = [...(controller.args ?? []), `--executor-image=${executor}`];
  // By default, the controller requeues a Workflow only after ten seconds: most of the time of a short pipeline run.
  controller.env = [...(controller.env ?? []), { name: "DEFAULT_REQUEUE_TIME", value: "1s" }];

  const configuration = find(objects, "ConfigMap", "workflow-controller-configmap");
  configuration.data = {
    ...configuration.data,
    // A Workflow must use a template of this program unchanged. So nobody who may create Workflows can add a step, or
    // use a ServiceAccount with more permissions.
    workflowRestrictions: JSON.stringify({ templateReferencing: "Strict" }),
    ...(args.board && { links: JSON.stringify([{ name: boardLink, scope: "workflow", url: args.board }]) }),
    executor: JSON.stringify({
      imagePullPolicy: "IfNotPresent",
      resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "256Mi" } },
      securityContext: { ...restrictedContainer, runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    }),
  };

  const pod = find(objects, "Deployment", "argo-server").spec.template;
  // The server reads the link when it starts.
  if (args.board)
    pod.metadata = { ...pod.metadata, annotations: { ...pod.metadata?.annotations, [boardAnnotation]: args.board } };
  const server = pod.spec.containers[0];
  server.args = [...server.args, `--auth-mode=${args.settings.authMode}`, "--secure=false"];
  server.readinessProbe = {
    ...server.readinessProbe,
    httpGet: { ...server.readinessProbe.httpGet, scheme: "HTTP" },
    initialDelaySeconds: 1,
    periodSeconds: 5,
  };
  return objects;
}
