import { type Resource, titleOf } from "../resource";

/** Every workflow ends by itself, acts under an account of its own, and goes some time after its end. */
export function workflowTemplates(resource: Resource): string[] {
  const { kind, metadata, spec } = resource.object;
  if (kind !== "WorkflowTemplate") return [];
  const title = titleOf(resource);
  const { secondsAfterCompletion, secondsAfterSuccess, secondsAfterFailure } = spec.ttlStrategy ?? {};
  const others = ((spec.templates ?? []) as Acting[]).filter(
    ({ serviceAccountName }) => ![undefined, metadata.name].includes(serviceAccountName),
  );
  return [
    ...(spec.activeDeadlineSeconds > 0 ? [] : [`${title} has no deadline: write activeDeadlineSeconds`]),
    ...(spec.serviceAccountName === metadata.name
      ? []
      : [`${title} acts under ${account(spec)}: write serviceAccountName: ${metadata.name}, an account of its own`]),
    ...others.map(
      (template) =>
        `${title}, template ${template.name}, acts under ${account(template)}: leave serviceAccountName out of the template`,
    ),
    ...(secondsAfterCompletion || (secondsAfterSuccess && secondsAfterFailure)
      ? []
      : [`${title} never goes: write secondsAfterSuccess and secondsAfterFailure under ttlStrategy`]),
  ];
}

interface Acting {
  readonly name?: string;
  readonly serviceAccountName?: string;
}

function account({ serviceAccountName }: Acting): string {
  return serviceAccountName ? `the account ${serviceAccountName}` : "the namespace's default account";
}
