/**
 * What an update would lose. It is read off Pulumi's own preview of the update, so it covers every reason for which
 * Pulumi deletes or replaces something: another cluster, another plugin, a renamed component, a field that cannot
 * change in place.
 */
import { holdsAnnotation } from "../components/shared/workflow-names";
import { isRecord, type Properties } from "../lib/record";

/** One step of a preview, as far as it matters here. */
export interface PlannedStep {
  /** `kubernetes:core/v1:PersistentVolumeClaim` */
  readonly type: string;
  /** `create`, `update`, `replace` or `delete`. */
  readonly operation: string;
  /** Declared properties; empty before a creation and after a deletion. */
  readonly before: Properties;
  readonly after: Properties;
}

/** What is lost with an object of a kind. No update brings it back. */
const lossesByKind: Record<string, string> = {
  PersistentVolumeClaim: "its data is lost",
  PersistentVolume: "its data is lost",
  Namespace: "everything in it is deleted too",
  CustomResourceDefinition: "every object of its kind is deleted too",
  Application: "the release in it is lost",
};

/**
 * What is lost if the step is carried out, as in `its data is lost`; undefined if nothing is. Objects of other kinds
 * say themselves what they hold, by an annotation: {@link holdsAnnotation}.
 */
export function lossOf({ type, operation, before, after }: PlannedStep): string | undefined {
  if (operation !== "replace" && operation !== "delete") return undefined;
  const held = heldBy(before) ?? heldBy(after);
  return lossesByKind[kindOfType(type)] ?? (held && `${held} is lost`);
}

/** Last part of a type: `Namespace`. */
export const kindOfType = (type: string): string => type.split(":").at(-1)!;

function heldBy({ metadata }: Properties): string | undefined {
  const annotations = isRecord(metadata) && isRecord(metadata.annotations) ? metadata.annotations : {};
  const held = annotations[holdsAnnotation];
  return typeof held === "string" ? held : undefined;
}
