import { type Resource, titleOf } from "../resource";

/** Every WorkflowTemplate has a deadline, its own ServiceAccount, and a time to live. */
export function workflowTemplates(resource: Resource): string[] {
  const { kind, metadata, spec } = resource.object;
  if (kind !== "WorkflowTemplate") return [];
  const title = titleOf(resource);
  const { secondsAfterCompletion, secondsAfterSuccess, secondsAfterFailure } = spec.ttlStrategy ?? {};
  const others = ((spec.templates ?? []) as TemplateAccount[]).filter(
    ({ serviceAccountName }) => ![undefined, metadata.name].includes(serviceAccountName),
  );
  return [
    ...(spec.activeDeadlineSeconds > 0 ? [] : [`${title} has no deadline: write activeDeadlineSeconds`]),
    ...(spec.serviceAccountName === metadata.name
      ? []
      : [`${title} uses ${account(spec)}: write serviceAccountName: ${metadata.name}, its own account`]),
    ...others.map(
      (template) =>
        `${title}, template ${template.name}, uses ${account(template)}: remove serviceAccountName from the template`,
    ),
    ...(secondsAfterCompletion || (secondsAfterSuccess && secondsAfterFailure)
      ? []
      : [`${title} is never deleted: write secondsAfterSuccess and secondsAfterFailure under ttlStrategy`]),
  ];
}

interface TemplateAccount {
  readonly name?: string;
  readonly serviceAccountName?: string;
}

function account({ serviceAccountName }: TemplateAccount): string {
  return serviceAccountName ? `the account ${serviceAccountName}` : "the namespace's default account";
}
