import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { boardSources } from "./board/sources";
import { Environment } from "./components/environments/environment";
import { environmentOutputs, environmentsOnly } from "./components/environments/environments-only";
import { TrafficSplit } from "./components/environments/traffic-split";
import { DataDrift } from "./components/pipeline/data-drift";
import { Notifications } from "./components/pipeline/notifications";
import { PipelineImages } from "./components/pipeline/pipeline-images";
import { PromotionPipeline } from "./components/pipeline/promotion-pipeline";
import { Schedules } from "./components/pipeline/schedules";
import { ArgoCd } from "./components/platform/argo-cd";
import { ArgoWorkflows } from "./components/platform/argo-workflows";
import { Board, boardUrl } from "./components/platform/board";
import { DestroyGuard } from "./components/platform/destroy-guard";
import { Gateway } from "./components/platform/gateway";
import { mlflowVolumes } from "./components/platform/mlflow-stores";
import { ModelRegistry } from "./components/platform/model-registry";
import { Monitoring, prometheusUrl } from "./components/platform/monitoring";
import { Registry } from "./components/platform/registry";
import { loadReleases } from "./components/platform/release-manifests";
import { VolumeWatch } from "./components/platform/volume-watch";
import { clusterProvider } from "./components/shared/cluster-provider";
import { ownedVolumes } from "./components/shared/volumes";
import { environmentApp } from "./components/shared/workflow-names";
import { loadSettings, type Settings } from "./config";
import { lastEnvironment, splitEnvironments } from "./config/promotion-path";
import { contentKey } from "./image-builder/content-key";
import { sourceCommit } from "./image-builder/source-commit";
import { builtImageKeys, neededImages } from "./images/catalogue";

const workflows = join(__dirname, "workflows");

/**
 *   train-model ─► MLflow ─► build-container-image ─► registry
 *                                     │
 *                                     ▼
 *   staging ─► three gates ─► canary ─► (a person) ─► production
 */
export = async () => {
  const settings = loadSettings();
  const onCluster = { providers: { kubernetes: clusterProvider("cluster", settings.cluster) } };
  return settings.platform
    ? environmentsOnly(settings, settings.platform, onCluster)
    : wholePlatform(settings, onCluster);
};

/** The platform, and the environments that this stack holds. */
async function wholePlatform(settings: Settings, onCluster: pulumi.ComponentResourceOptions) {
  const { cluster, exposure, pipeline, promotionPath } = settings;
  const images = settings.images.catalogue;
  const releases = await loadReleases(settings);
  // What all environments share is protected if one of them is.
  const protect = Object.values(settings.environments).some((environment) => environment.protect);

  // What holds images and models.
  const registry = new Registry("registry", { settings: settings.registry, images, protect }, onCluster);
  const builtImages = new PipelineImages(
    "images",
    {
      images,
      keys: neededImages(settings.board.install),
      build: settings.images.build,
      cluster,
      contentKey: await contentKey(
        [
          ...builtImageKeys.map((key) => join(__dirname, "images", key)),
          join(__dirname, "image-builder"),
          ...boardSources,
        ],
        [],
      ),
    },
    { dependsOn: registry },
  );
  const { app, tools } = builtImages.references;
  const modelRegistry = new ModelRegistry(
    "mlflow",
    {
      settings: settings.modelRegistry,
      exposure,
      images,
      toolsImage: tools,
      hasPrometheus: settings.monitoring !== undefined,
      protect,
    },
    onCluster,
  );
  const volumeWatches = ([...mlflowVolumes(settings.modelRegistry), "registry"] as const).map(
    (name) =>
      new VolumeWatch(
        `${name}-volume-watch`,
        { volume: ownedVolumes[name], image: tools, folder: workflows },
        { ...onCluster, dependsOn: [registry, modelRegistry] },
      ),
  );

  // What runs the pipeline, deploys its releases and watches them.
  const boardAddress = settings.board.install ? boardUrl(settings.board, exposure) : undefined;
  const argoWorkflows = new ArgoWorkflows(
    "argo-workflows",
    {
      settings: settings.argoWorkflows,
      cluster,
      exposure,
      images,
      manifests: releases.argoWorkflows,
      board: boardAddress,
    },
    onCluster,
  );
  const argoCd = new ArgoCd(
    "argo-cd",
    {
      settings: settings.argoCd,
      exposure,
      images,
      manifests: releases.argoCd,
      promotionPath,
      protect,
      board: boardAddress,
    },
    onCluster,
  );
  const monitoring =
    settings.monitoring?.install &&
    new Monitoring(
      "monitoring",
      { settings: settings.monitoring, promotionPath, images, folder: join(__dirname, "monitoring") },
      // It is given rights in their namespaces.
      { ...onCluster, dependsOn: [modelRegistry, argoWorkflows, argoCd] },
    );

  // The environments that models are promoted along. The stacks of `remoteEnvironments` read this of the platform.
  const platform = {
    images: { app, tools },
    project: argoCd.project,
    rolloutTimeoutSeconds: pipeline.rolloutTimeoutSeconds,
    promotionPath,
    hasPrometheus: settings.monitoring?.install,
    hasBoard: settings.board.install,
  };
  const environments = Object.entries(settings.environments).map(
    ([name, environment]) =>
      new Environment(
        name,
        { environment: name, settings: environment, exposure, platform },
        { ...onCluster, dependsOn: [argoCd, registry] },
      ),
  );

  // Where users come in, and how they are split between the last two environments.
  const { production, canary } = splitEnvironments(promotionPath);
  const gateway =
    settings.gateway &&
    new Gateway(
      "gateway",
      {
        settings: settings.gateway,
        exposure,
        images,
        manifests: releases.gateway,
        backends: [canary, production].map(({ environment }) => environmentApp(environment)),
      },
      { ...onCluster, dependsOn: environments },
    );
  const split =
    gateway &&
    new TrafficSplit(
      "traffic-split",
      { namespace: gateway.namespace, production, canary },
      { ...onCluster, dependsOn: environments },
    );

  // The pipeline. It leads users to the Services of the split, so it comes after them.
  const promotion = new PromotionPipeline(
    "pipeline",
    {
      settings: pipeline,
      images: builtImages.references,
      promotionPath,
      hasGateway: settings.gateway !== undefined,
      // Of images that the stack states by their digests, it does not know the sources.
      sourceCommit: settings.images.build ? await sourceCommit(join(__dirname, "images", "app")) : "",
      prometheusUrl: prometheusUrl(settings.monitoring),
      namespace: argoWorkflows.namespace,
      folder: workflows,
    },
    { ...onCluster, dependsOn: [modelRegistry, ...(split?.services ?? [])] },
  );

  // What people see and are told.
  const pages = {
    mlflow: modelRegistry.url,
    argoWorkflows: argoWorkflows.url,
    argoCd: argoCd.url,
    ...(gateway && { gateway: gateway.url }),
  };
  const board =
    settings.board.install &&
    new Board(
      "board",
      {
        settings: settings.board,
        exposure,
        image: builtImages.references.board,
        promotionPath,
        pages,
        hasGateway: gateway !== undefined,
      },
      // It is given rights in their namespaces.
      { ...onCluster, dependsOn: [argoWorkflows, argoCd, ...(split ? [split] : [])] },
    );
  const notifications = new Notifications(
    "notifications",
    { receivers: pipeline.notifications },
    { ...onCluster, dependsOn: [argoCd, modelRegistry, promotion] },
  );
  const dataDrift =
    pipeline.dataDrift &&
    new DataDrift(
      "data-drift",
      { environment: lastEnvironment(promotionPath) },
      { ...onCluster, dependsOn: environments },
    );

  const parts = [
    ...[registry, builtImages, modelRegistry, ...volumeWatches, argoWorkflows, argoCd, promotion, ...environments],
    ...[monitoring, gateway, split, board, notifications, dataDrift].filter((part) => pulumi.Resource.isInstance(part)),
  ];
  const schedules = new Schedules(
    "schedules",
    {
      settings: pipeline,
      hasGateway: gateway !== undefined,
      namespace: argoWorkflows.namespace,
      folder: workflows,
      formerParent: promotion,
    },
    { ...onCluster, dependsOn: parts },
  );
  new DestroyGuard("destroy-guard", { cluster }, { dependsOn: [...parts, schedules] });

  const { urls, namespaces } = environmentOutputs(environments);
  return {
    urls: { ...urls, ...pages, ...(board && { board: board.url }) },
    namespaces: {
      ...namespaces,
      mlflow: modelRegistry.namespace,
      argoWorkflows: argoWorkflows.namespace,
      argoCd: argoCd.namespace,
      ...(monitoring && { monitoring: monitoring.namespace }),
      ...(board && { board: board.namespace }),
    },
    templates: promotion.templates,
    platform,
  };
}
