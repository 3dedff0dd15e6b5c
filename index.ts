import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { ArgoCd } from "./components/argo-cd";
import { ArgoWorkflows } from "./components/argo-workflows";
import { Environment, environmentApp, inClusterUrl } from "./components/environment";
import { ModelRegistry, trackingUri } from "./components/model-registry";
import { PipelineImages } from "./components/pipeline-images";
import { PromotionPipeline } from "./components/promotion-pipeline";
import { Registry } from "./components/registry";
import { loadManifests } from "./components/release-manifests";
import { loadSettings } from "./config";
import { contentKey } from "./images/build/content-key";
import { ownImageKeys, registryAddress } from "./images/catalogue";

/**
 *   train-model ─► MLflow ─► build-container-image ─► registry
 *                                     │
 *                                     ▼
 *   staging ─► three gates ─► canary ─► (a person) ─► production
 */
export = async () => {
  const settings = loadSettings();
  const { cluster, exposure, images, pipeline } = settings;
  const catalogue = images.catalogue;
  const names = Object.keys(settings.environments);
  // What all environments share is kept as long as one of them is.
  const protect = names.some((name) => settings.environments[name].protect);

  const provider = new k8s.Provider("cluster", {
    context: cluster.context,
    kubeconfig: cluster.kubeconfig,
    // The cluster stays the same one when its kubeconfig moves.
    clusterIdentifier: cluster.context,
    enableConfigMapMutable: true,
    enableSecretMutable: true,
  });
  const onCluster = { providers: { kubernetes: provider } };

  const registry = new Registry("registry", { settings: settings.registry, images: catalogue, protect }, onCluster);
  const own = new PipelineImages(
    "images",
    {
      images: catalogue,
      build: images.build,
      cluster,
      contentKey: await contentKey([...ownImageKeys, "build"].map((folder) => join(__dirname, "images", folder)), []),
    },
    { dependsOn: registry },
  );
  const modelRegistry = new ModelRegistry("mlflow", { settings: settings.modelRegistry, exposure, images: catalogue, protect }, onCluster);

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
      manifests: (await Promise.all(argoCdManifests.map(loadManifests))).flat(),
      targetNamespaces: names.map(environmentApp),
      sourceRepository: `oci://${registryAddress}/bundles/*`,
      protect,
    },
    onCluster,
  );

  const promotion = new PromotionPipeline(
    "pipeline",
    {
      settings: pipeline,
      images: own.references,
      environmentUrls: Object.fromEntries(names.map((name) => [name, inClusterUrl(name, settings.environments[name].port)])),
      trackingUri,
      namespace: argoWorkflows.namespace,
      folder: join(__dirname, "workflows"),
    },
    { ...onCluster, dependsOn: modelRegistry },
  );
  // The first environment is where candidates are tested; to the others models are promoted.
  const environments = names.map(
    (name, index) =>
      new Environment(
        name,
        {
          environment: name,
          settings: settings.environments[name],
          exposure,
          baseImage: own.references.app,
          toolsImage: own.references.tools,
          project: argoCd.project,
          rolloutTimeoutSeconds: pipeline.rolloutTimeoutSeconds,
          releasers: index === 0 ? ["deploy-container-image", "revert-staging"] : ["promote-model", "restore-releases"],
          observers: index === 0 ? ["build-container-image", "test-staging", "promote-model"] : [],
        },
        { ...onCluster, dependsOn: [argoCd, registry] },
      ),
  );

  return {
    urls: {
      ...Object.fromEntries(environments.map(({ url }, index) => [names[index], url])),
      mlflow: modelRegistry.url,
      argoWorkflows: argoWorkflows.url,
      argoCd: argoCd.url,
    },
    namespaces: {
      ...Object.fromEntries(environments.map(({ namespace }, index) => [names[index], namespace])),
      mlflow: modelRegistry.namespace,
      argoWorkflows: argoWorkflows.namespace,
      argoCd: argoCd.namespace,
    },
    templates: promotion.templates,
  };
};
