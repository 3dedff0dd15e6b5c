import { renderBundle } from "../../components/environments/bundle";
import { environmentBundle } from "../../components/environments/environment-bundle";
import type { Resource } from "../../policy/resource";
import { settingsWith } from "../stack-files";

const digest = `sha256:${"a".repeat(64)}`;
export const pinned = `registry.example.org/thing@${digest}`;

/** A resource named `thing`. */
export const resource = (kind: string, fields: object = {}, name = "thing"): Resource => ({
  name,
  object: { kind, metadata: { name }, ...fields },
});

/** A workload named `thing` with this pod. */
export const workload = (kind: string, pod: object): Resource => resource(kind, { spec: { template: { spec: pod } } });

/** The bundle of staging as its component makes it, with this memory limit and this image. */
export function stagingBundle({ memory = "256Mi", image = pinned } = {}): Resource {
  const { environments, exposure, promotionPath } = settingsWith();
  const args = {
    environment: "staging",
    settings: { ...environments.staging, memory },
    exposure,
    platform: { promotionPath, rolloutTimeoutSeconds: 120 },
  };
  return { name: "staging-bundle", object: { kind: "ConfigMap", data: renderBundle(environmentBundle(args, image)) } };
}

/** A WorkflowTemplate named `thing` that keeps to every rule, with some fields replaced. */
export function workflowTemplate(spec: object = {}): Resource {
  return resource("WorkflowTemplate", {
    spec: {
      serviceAccountName: "thing",
      activeDeadlineSeconds: 600,
      ttlStrategy: { secondsAfterSuccess: 1, secondsAfterFailure: 1 },
      templates: [],
      ...spec,
    },
  });
}
