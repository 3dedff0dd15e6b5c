/** A Kubernetes resource of the program, as a rule receives it. */
export interface Resource {
  /** Name in the program. It is always known, unlike the name of the object. */
  readonly name: string;
  /** The object that it declares. */
  readonly object: KubernetesObject;
}

export interface KubernetesObject {
  readonly kind: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an object is open by nature
  readonly [field: string]: any;
}

/** Name of a resource in messages: `Deployment registry-deployment`. */
export function titleOf({ name, object }: Resource): string {
  return `${object.kind} ${name}`;
}
