/** A Kubernetes resource of the program, as a rule sees it. */
export interface Resource {
  /** Name in the program: always known, unlike the object's own name. */
  readonly name: string;
  /** The object that it declares. */
  readonly object: KubernetesObject;
}

export interface KubernetesObject {
  readonly kind: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an object is open by nature
  readonly [field: string]: any;
}

/** How messages call a resource: `Deployment registry-deployment`. */
export function titleOf({ name, object }: Resource): string {
  return `${object.kind} ${name}`;
}
