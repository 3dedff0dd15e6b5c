/** What Pulumi records of a stack, as far as the commands read it. */

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
}

/** Whether every stack has such a resource: the stack itself, and its providers. */
const isInEveryStack = ({ type }: StateResource): boolean => type.startsWith("pulumi:");

/** The resources that the program declares outside of any component, less those that every stack has. */
export function topLevel(resources: readonly StateResource[]): StateResource[] {
  const root = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.urn;
  return resources.filter((resource) => resource.parent === root && !isInEveryStack(resource));
}
