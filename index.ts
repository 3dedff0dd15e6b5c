import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { boardSources } from "./board/sources";
import { Environment } from "./components/environments/environment";
import { environmentApp, inClusterUrl } from "./components/environments/environment-bundle";
import { placementErrors, referToPlatform } from "./components/environments/platform";
import { TrafficSplit } from "./components/environments/traffic-split";
import { DataDrift } from "./components/pipeline/data-drift";
import { Notifications } from "./components/pipeline/notifications";
import { PipelineImages } from "./components/pipeline/pipeline-images";
import { PromotionPipeline } from "./components/pipeline/promotion-pipeline";
import { Schedules } from "./components/pipeline/schedules";
import { ArgoCd } from "./components/platform/argo-cd";
import { ArgoWorkflows } from "./components/platform/argo-workflows";
import { Board, environmentLinks } from "./components/platform/board";
import { DestroyGuard } from "./components/platform/destroy-guard";
import { Gateway } from "./components/platform/gateway";
import { hasVolume } from "./components/platform/mlflow-stores";
import { ModelRegistry, trackingUri } from "./components/platform/model-registry";
import { Monitoring, prometheusUrl } from "./components/platform/monitoring";
import { Registry } from "./components/platform/registry";
import { loadManifests, type Manifest } from "./components/platform/release-manifests";
import { VolumeWatch } from "./components/platform/volume-watch";
import { clusterProvider } from "./components/shared/cluster-provider";
import { ownedVolumes } from "./components/shared/volumes";
import { ConfigurationError, loadSettings, type Settings } from "./config";
import { splitEnvironments } from "./config/promotion-path";
import { contentKey } from "./image-builder/content-key";
import { builtImageKeys, neededImages, registryAddress } from "./images/catalogue";

const workflowFolder = join(__dirname, "workflows");
const monitoringFolder = join(__dirname, "monitoring");

type OnCluster = Required<Pick<pulumi.ComponentResourceOptions, "providers">>;

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

/** A stack that holds only environments. Another stack holds the platform. */
async function environmentsOnly(
  { environments, exposure }: Settings,
  { stack, cluster, apiServer }: NonNullable<Settings["platform"]>,
  onCluster: OnCluster,
) {
  const remote =
    cluster && apiServer ? { provider: clusterProvider("platform-cluster", cluster), apiServer } : undefined;
  const platform = { ...(await referToPlatform(stack)), remote };
  const names = Object.keys(environments);
  const errors = placementErrors(platform.promotionPath, {
    stack: pulumi.getStack(),
    platformStack: stack,
    environments: names,
    isRemote: remote !== undefined,
  });
  if (errors.length > 0) throw new ConfigurationError(errors);
  const created = names.map(
    (name) => new Environment(name, { environment: name, settings: environments[name], exposure, platform }, onCluster),
  );
  return {
    urls: byName(names, created, ({ url }) => url),
    namespaces: byName(names, created, ({ namespace }) => namespace),
  };
}

async function wholePlatform(settings: Settings, onCluster: OnCluster) {
  const { cluster, exposure, images, pipeline, promotionPath } = settings;
  const catalogue = images.catalogue;
  const names = Object.keys(settings.environments);
  // What all environments share is protected if one of them is.
  const protect = names.some((name) => settings.environments[name].protect);

  const registry = new Registry("registry", { settings: settings.registry, images: catalogue, protect }, onCluster);
  const builtImages = new PipelineImages(
    "images",
    {
      images: catalogue,
      keys: neededImages(settings.board.install),
      build: images.build,
      cluster,
      contentKey: await contentKey(
        [
          ...builtImageKeys.map((folder) => join(__dirname, "images", folder)),
          join(__dirname, "image-builder"),
          ...boardSources,
        ],
        [],
      ),
    },
    { dependsOn: registry },
  );
  const modelRegistry = new ModelRegistry(
    "mlflow",
    {
      settings: settings.modelRegistry,
      exposure,
      images: catalogue,
      toolsImage: builtImages.references.tools,
      protect,
    },
    onCluster,
  );
  const { database, artifacts } = settings.modelRegistry;
  const volumeWatches = [
    ...(hasVolume(settings.modelRegistry)
      ? [{ name: "mlflow", volume: ownedVolumes.mlflow, owner: modelRegistry }]
      : []),
    ...(database?.install ? [{ name: "mlflow-database", volume: ownedVolumes.database, owner: modelRegistry }] : []),
    ...(artifacts?.install ? [{ name: "mlflow-artifacts", volume: ownedVolumes.artifacts, owner: modelRegistry }] : []),
    { name: "registry", volume: ownedVolumes.registry, owner: registry },
  ].map(
    ({ name, volume, owner }) =>
      new VolumeWatch(
        `${name}-volume-watch`,
        { volume, image: builtImages.references.tools, folder: workflowFolder },
        { ...onCluster, dependsOn: owner },
      ),
  );

  const argoWorkflows = new ArgoWorkflows(
    "argo-workflows",
    {
      settings: settings.argoWorkflows,
      cluster,
      exposure,
      images: catalogue,
      manifests: settings.argoWorkflows.install ? await loadManifests(settings.argoWorkflows.manifests) : [],
    },
    onCluster,
  );
  const argoCdManifests = settings.argoCd.install ? [...settings.argoCd.crds, settings.argoCd.manifests] : [];
  const argoCd = new ArgoCd(
    "argo-cd",
    {
      settings: settings.argoCd,
      exposure,
      images: catalogue,
      manifests: await loadAll(argoCdManifests),
      targets: Object.entries(promotionPath).map(([name, { cluster }]) => ({
        namespace: environmentApp(name),
        cluster,
      })),
      sourceRepository: `oci://${registryAddress}/bundles/*`,
      protect,
    },
    onCluster,
  );

  const monitoring = settings.monitoring?.install
    ? new Monitoring(
        "monitoring",
        {
          environments: Object.keys(promotionPath).filter((name) => !promotionPath[name].cluster),
          retentionDays: settings.monitoring.retentionDays,
          images: catalogue,
          folder: monitoringFolder,
        },
        // It is given rights in their namespaces.
        { ...onCluster, dependsOn: [argoWorkflows, argoCd] },
      )
    : undefined;
  const promotion = new PromotionPipeline(
    "pipeline",
    {
      settings: pipeline,
      images: builtImages.references,
      environmentUrls: Object.fromEntries(
        Object.entries(promotionPath).map(([name, { port, url }]) => [name, url ?? inClusterUrl(name, port)]),
      ),
      backends: settings.gateway && splitEnvironments(promotionPath),
      remoteEnvironments: Object.keys(promotionPath).filter((name) => promotionPath[name].cluster),
      prometheusUrl: settings.monitoring && (settings.monitoring.url ?? prometheusUrl),
      trackingUri,
      namespace: argoWorkflows.namespace,
      folder: workflowFolder,
    },
    { ...onCluster, dependsOn: modelRegistry },
  );
  const platform = {
    images: { app: builtImages.references.app, tools: builtImages.references.tools },
    project: argoCd.project,
    rolloutTimeoutSeconds: pipeline.rolloutTimeoutSeconds,
    promotionPath,
    hasPrometheus: settings.monitoring?.install,
    hasBoard: settings.board.install,
  };
  const environments = names.map(
    (name) =>
      new Environment(
        name,
        { environment: name, settings: settings.environments[name], exposure, platform },
        { ...onCluster, dependsOn: [argoCd, registry] },
      ),
  );
  const users =
    settings.gateway && (await userTraffic(settings, settings.gateway, { ...onCluster, dependsOn: environments }));
  const pages = {
    mlflow: modelRegistry.url,
    argoWorkflows: argoWorkflows.url,
    argoCd: argoCd.url,
    ...(users && { gateway: users.gateway.url }),
  };
  const board = settings.board.install
    ? new Board(
        "board",
        {
          settings: settings.board,
          exposure,
          image: builtImages.references.board,
          links: { ...environmentLinks(promotionPath, exposure), ...pages },
          hasGateway: users !== undefined,
        },
        // It is given rights in their namespaces.
        { ...onCluster, dependsOn: [argoWorkflows, argoCd, ...(users ? [users.split] : [])] },
      )
    : undefined;
  const { notifications: receivers } = pipeline;
  const notifications = new Notifications(
    "notifications",
    { receivers },
    { ...onCluster, dependsOn: [argoCd, modelRegistry, promotion] },
  );
  const dataDrift = pipeline.dataDrift
    ? [
        new DataDrift(
          "data-drift",
          { environment: Object.keys(promotionPath).at(-1)! },
          { ...onCluster, dependsOn: environments },
        ),
      ]
    : [];
  const platformParts = [
    ...[registry, builtImages, modelRegistry, ...volumeWatches, argoWorkflows, argoCd, promotion, notifications],
    ...(monitoring ? [monitoring] : []),
    ...(board ? [board] : []),
  ];
  const schedules = new Schedules(
    "schedules",
    {
      cron: pipeline.cron,
      hasGateway: users !== undefined,
      hasReceivers: Object.keys(receivers).length > 0,
      hasDataDrift: dataDrift.length > 0,
      namespace: argoWorkflows.namespace,
      folder: workflowFolder,
      formerParent: promotion,
    },
    {
      ...onCluster,
      dependsOn: [...platformParts, ...dataDrift, ...environments, ...(users ? [users.gateway, users.split] : [])],
    },
  );
  new DestroyGuard("destroy-guard", { cluster }, { dependsOn: [...platformParts, ...environments, schedules] });

  return {
    urls: {
      ...byName(names, environments, ({ url }) => url),
      ...pages,
      ...(board && { board: board.url }),
    },
    namespaces: {
      ...byName(names, environments, ({ namespace }) => namespace),
      mlflow: modelRegistry.namespace,
      argoWorkflows: argoWorkflows.namespace,
      argoCd: argoCd.namespace,
      ...(monitoring && { monitoring: monitoring.namespace }),
      ...(board && { board: board.namespace }),
    },
    templates: promotion.templates,
    // Read by the stacks of `remoteEnvironments`.
    platform,
  };
}

/** Where users come in, and how they are split between the last two environments. */
async function userTraffic(
  { exposure, images, promotionPath }: Settings,
  settings: NonNullable<Settings["gateway"]>,
  options: pulumi.ComponentResourceOptions,
): Promise<{ gateway: Gateway; split: TrafficSplit }> {
  const { production, canary } = splitEnvironments(promotionPath);
  const gateway = new Gateway(
    "gateway",
    {
      settings,
      exposure,
      images: images.catalogue,
      manifests: settings.install ? await loadAll(settings.manifests) : [],
      backends: [canary, production].map(({ environment }) => environmentApp(environment)),
    },
    options,
  );
  const split = new TrafficSplit("traffic-split", { namespace: gateway.namespace, production, canary }, options);
  return { gateway, split };
}

async function loadAll(sources: string[]): Promise<Manifest[]> {
  return (await Promise.all(sources.map(loadManifests))).flat();
}

function byName<Value>(
  names: string[],
  environments: Environment[],
  value: (environment: Environment) => Value,
): Record<string, Value> {
  return Object.fromEntries(environments.map((environment, index) => [names[index], value(environment)]));
}
