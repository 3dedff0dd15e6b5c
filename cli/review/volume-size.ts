/** Volumes that a stack file gives another size than they can take: pure functions over a preview. */
import { ownedVolumes } from "../../components/shared/volumes";
import { mebibytes } from "../../config/fields";
import { isRecord } from "../../lib/record";
import type { Change, Events } from "./events";
import { kindOf, subject } from "./items";

/** What the API server says if the volume's storage class is not made for larger ones. */
const cannotGrow = /only dynamically provisioned pvc can be resized|must support resize/;

/**
 * What is wrong with the sizes of volumes, and what to write, in a sentence each. Kubernetes takes a smaller size only
 * where the volume never got the larger one, so nothing is wrong in a preview that came to its end.
 */
export function volumeSizeErrors({ changes, errors, complete }: Pick<Events, "changes" | "errors" | "complete">) {
  const isRefused = errors.some((text) => cannotGrow.test(text));
  return changes.flatMap((change) => {
    const sizes = sizesOf(change);
    if (!sizes || (complete && change.operation !== "replace")) return [];
    const { before, after } = sizes;
    const differs = `The volume ${nameOf(change)} is ${before}, and ${settingOf(change)} says ${after}`;
    if (mebibytes(after) < mebibytes(before))
      return [`${differs}: a volume cannot shrink. Write ${before} or larger there.`];
    if (mebibytes(after) > mebibytes(before) && isRefused)
      return [
        `${differs}: its storage class cannot make it larger. Write ${before} there. ` +
          "To have a larger one, restore a backup into a new stack.",
      ];
    return [];
  });
}

/** The size that a claim asks for, before and after; undefined for any other object. */
function sizesOf(change: Change): { before: string; after: string } | undefined {
  if (kindOf(change) !== "PersistentVolumeClaim") return undefined;
  const [before, after] = [requestOf(change.before), requestOf(change.after)];
  return before !== undefined && after !== undefined ? { before, after } : undefined;
}

/** As the settings write it: another program may have written another unit, which is not compared. */
function requestOf({ spec }: Change["before"]): string | undefined {
  const { resources } = isRecord(spec) ? spec : {};
  const { requests } = isRecord(resources) ? resources : {};
  const size = isRecord(requests) ? requests.storage : undefined;
  return typeof size === "string" && /^\d+(Mi|Gi)$/.test(size) ? size : undefined;
}

const nameOf = (change: Change): string => subject(change).replace(/^PersistentVolumeClaim /, "");

/** The setting of the stack file with the size of the volume. */
function settingOf(change: Change): string {
  const volume = Object.values(ownedVolumes).find(({ namespace, claim }) => `${namespace}/${claim}` === nameOf(change));
  return volume?.setting ?? "the stack file";
}
