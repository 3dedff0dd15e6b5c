import { createHash } from "node:crypto";
import type { types } from "@pulumi/kubernetes";
import * as yaml from "js-yaml";

/** What an environment runs, apart from the model that the pipeline releases to it. */
export interface Bundle {
  readonly deployment: types.input.apps.v1.Deployment;
  /** What people reach. */
  readonly service: types.input.core.v1.Service;
  /** What a Prometheus of the cluster reaches. */
  readonly metricsService: types.input.core.v1.Service;
  /** Name of the image in the Deployment. A release replaces it. */
  readonly imageName: string;
  /** `repository@digest` of the image that runs until the first release. */
  readonly baseImage: string;
}

/** The bundle's files by name, as kustomize reads them. */
export function renderBundle(bundle: Bundle): Record<string, string> {
  const [newName, digest] = bundle.baseImage.split("@");
  return {
    "deployment.yaml": dump(bundle.deployment),
    "service.yaml": dump(bundle.service),
    "metrics-service.yaml": dump(bundle.metricsService),
    "kustomization.yaml": dump({
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: ["deployment.yaml", "service.yaml", "metrics-service.yaml"],
      images: [{ name: bundle.imageName, newName, digest }],
    }),
  };
}

/** Tag of a bundle in the registry: the first twelve hex digits of the SHA-256 of its content. */
export function bundleTag(files: Record<string, string>): string {
  const content = Object.keys(files)
    .sort()
    .map((name) => `${name}\0${files[name]}\0`)
    .join("");
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

function dump(object: unknown): string {
  return yaml.dump(object, { sortKeys: true, lineWidth: -1, noRefs: true });
}
