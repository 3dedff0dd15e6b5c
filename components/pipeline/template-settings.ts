import type { PipelineSettings } from "../../config";
import type { Manifest } from "../platform/release-manifests";
import { notifyTemplate, promoteTemplate } from "../shared/workflow-names";
import { withReceivers } from "./notifications";

/**
 * The stack decides between which environments to promote, and who is told. All else is in the workflows' files.
 * @param environments their names, in the order of promotion
 */
export function withSettings(
  manifest: Manifest,
  settings: Pick<PipelineSettings, "approval" | "notifications">,
  environments: string[],
): Manifest {
  if (manifest.metadata.name === notifyTemplate) return withReceivers(manifest, settings.notifications);
  if (manifest.metadata.name !== promoteTemplate) return manifest;
  return withApproval(withPromotions(manifest, environments), settings.approval);
}

/** Each environment promotes to the next one. The default of a promotion by hand is the last of these steps. */
function withPromotions(manifest: Manifest, environments: string[]): Manifest {
  if (environments.length < 2) return manifest;
  const choices: Record<string, string[]> = {
    "source-environment": environments.slice(0, -1),
    "target-environment": environments.slice(1),
  };
  const parameters = manifest.spec.arguments.parameters.map((parameter: { name: string }) => {
    const names = choices[parameter.name];
    return names ? { ...parameter, enum: names, value: names.at(-1) } : parameter;
  });
  return { ...manifest, spec: { ...manifest.spec, arguments: { ...manifest.spec.arguments, parameters } } };
}

/** A promotion to these environments asks people first, and has the time to wait for them. */
function withApproval(manifest: Manifest, approval: PipelineSettings["approval"]): Manifest {
  const targets = Object.keys(approval).sort();
  if (targets.length === 0) return manifest;
  const when = targets.map((name) => `'{{inputs.parameters.target-environment}}' == '${name}'`).join(" || ");
  const longest = 3600 * Math.max(...Object.values(approval).map(({ expiryHours }) => expiryHours));
  const templates: Manifest["spec"][] = manifest.spec.templates;
  return {
    ...manifest,
    spec: {
      ...manifest.spec,
      activeDeadlineSeconds: manifest.spec.activeDeadlineSeconds + longest,
      templates: templates.map((template) => {
        if (template.name === "main") return { ...template, steps: asksFirst(template.steps, when) };
        return template.name === askTemplate ? withTime(template, longest) : template;
      }),
    },
  };
}

const askTemplate = "ask-approval";

const asksFirst = (steps: { name: string }[][], when: string) =>
  steps.map((group) => group.map((step) => (step.name === askTemplate ? { ...step, when } : step)));

/** The template with more time, also for its retries. */
function withTime(template: Manifest["spec"], seconds: number): Manifest["spec"] {
  const activeDeadlineSeconds = template.activeDeadlineSeconds + seconds;
  const { retryStrategy } = template;
  const backoff = { ...retryStrategy.backoff, maxDuration: `${activeDeadlineSeconds}s` };
  return { ...template, activeDeadlineSeconds, retryStrategy: { ...retryStrategy, backoff } };
}
