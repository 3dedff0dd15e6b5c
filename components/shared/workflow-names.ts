/** Names that the program, the commands and the steps (`workflows/lib/constants.py`) share. */

/** Namespace of every workflow. */
export const workflowNamespace = "argo";
/** Namespace of Argo CD and of the Applications. */
export const argoCdNamespace = "argocd";
/** Namespace of the gateway, at which users come in, and of its routes. */
export const gatewayNamespace = "gourmetgram-gateway";
/** Namespace of Prometheus. */
export const monitoringNamespace = "monitoring";
/** Name of Prometheus' Deployment, Service and ServiceAccount. */
export const prometheusName = "prometheus";
/** Namespace of the board. */
export const boardNamespace = "board";
/** Name of the board's Deployment, Service and ServiceAccount. */
export const boardName = "board";
/** Name of the route that splits users between production and canary. */
export const trafficRoute = "gourmetgram";
/** Header of each request to the app that no person sends. */
export const probeHeader = "X-Probe";
/** Where the app predicts, as a regular expression. What else it answers says nothing of its model. */
export const predictionPaths = "/predict|/test";
/** Annotation of that route: which share of the users meets which version (`workflows/lib/traffic.py`). */
export const trafficSplitAnnotation = "gourmetgram.io/traffic-split";
/** Path of the Applications in the Kubernetes API. */
export const applicationsPath = `/apis/argoproj.io/v1alpha1/namespaces/${argoCdNamespace}/applications`;
/** Type of the component that declares one environment, as Pulumi's state has it. */
export const environmentType = "gourmetgram:release:Environment";
/** Type of the component that pushes the built images, as Pulumi's state has it. */
export const pipelineImagesType = "gourmetgram:platform:PipelineImages";
/** Type of the component with the registry and its volume, as Pulumi's state has it. */
export const registryType = "gourmetgram:platform:Registry";
/** Experiment in MLflow that contains the record of releases. */
export const releasesExperiment = "gourmetgram-releases";
/** Tag of a model version in MLflow: when its image and its files were collected. */
export const collectedTag = "retention.collected";
/** ConfigMap beside the workflows: the stack's settings, for the steps. */
export const pipelineParametersName = "pipeline-parameters";
/** ConfigMap beside the workflows: people write to it to stop all promotions. Pulumi states only that it exists. */
export const freezeName = "promotion-freeze";
/** Workflow template that tells the receivers of notifications. */
export const promoteTemplate = "promote-model";
export const notifyTemplate = "notify";
/** ConfigMap beside the workflows with what the receivers have not got yet. Pulumi states only that it exists. */
export const notificationsName = "notifications";
/** Workflow template that compares what people send with what the model learnt from. */
export const dataDriftTemplate = "watch-data-drift";
/** ConfigMap beside the workflows with what was seen of that lately. Pulumi states only that it exists. */
export const dataDriftName = "data-drift";
/** The keys that the pipeline signs with (`workflows/lib/signing_keys.py`). */
export const signingKeyNames = ["training", "build", "gates", "release"] as const;
export type SigningKey = (typeof signingKeyNames)[number];
/** ConfigMap beside the workflows with their public keys, and name of the Job that makes them. */
export const signingKeysName = "signing-keys";
/** Secret beside the workflows with a private key. */
export const signingKeySecret = (key: SigningKey): string => `signing-key-${key}`;
/** Path of the requests for approval in the Kubernetes API (`workflows/approval-crd.yaml`). */
export const approvalsPath = `/apis/gourmetgram.io/v1/namespaces/${workflowNamespace}/approvals`;
/** Label that every Workflow of one pipeline run carries: the name of its first one. */
export const pipelineRunLabel = "gourmetgram.io/pipeline-run";
/** Label of a Workflow that the pipeline started: the name of the one that did. */
export const parentLabel = "gourmetgram.io/parent";
/** Label of a Workflow that a schedule started, which Argo gives it: the name of the schedule. */
export const cronLabel = "workflows.argoproj.io/cron-workflow";
/** Label of a Workflow that runs under the lock on staging: the name of the one that holds it. */
export const lockHolderLabel = "gourmetgram.io/lock-holder";
/** Label of an Application: the stack that holds its environment. */
export const stackLabel = "gourmetgram.io/stack";
/** Annotation of an Application: what its environment last came to serve (`workflows/lib/last_release.py`). */
export const lastReleaseAnnotation = "gourmetgram.io/last-release";
/** Annotation of an Application: the base image that its bundle names (`workflows/steps/collect.py` keeps it). */
export const baseImageAnnotation = "gourmetgram.io/base-image";
/** Annotation of an object that holds what nobody can declare again: what is lost if the object is deleted. */
export const holdsAnnotation = "gourmetgram.io/holds";
/** Annotation with the name of who submitted a Workflow: the API server refuses any other than the sender's. */
export const submittedBy = "gourmetgram.io/submitted-by";
/** Name under which the pipeline writes its fields of an Application. */
export const pipelineFieldManager = "promotion-pipeline";
/** Name of the app's image in a bundle, which a release replaces. */
export const appImageName = "gourmetgram-app";
/** Namespace, app label, Service and Application of an environment. */
export const environmentApp = (environment: string): string => `gourmetgram-${environment}`;
/** Service of an environment that the gateway leads users to. */
export const gatewayService = (environment: string): string => `${environmentApp(environment)}-gateway`;
/** Port of that Service. No setting changes it, so users notice nothing of another port of the environment. */
export const gatewayServicePort = 8000;
/** The environment that a namespace belongs to. */
export const environmentOf = (namespace: string): string => namespace.replace(/^gourmetgram-/, "");
