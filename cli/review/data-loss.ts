/** Says what an update would lose, and refuses the update. Each command that shows an update refuses the same. */
import { namesMistakes } from "../../config";
import type { Events } from "./events";
import { impactItem } from "./impact";
import { comparedChanges } from "./items";
import { volumeSizeErrors } from "./volume-size";

/** The flag by which a person allows an update that loses data, as `parseArgs` takes it. */
export const allowOption = "allow-data-loss";
export const allowFlag = `--${allowOption}`;
/** Largest number of losses that are named in one message. */
const maxNamed = 20;

/** What the update loses, a sentence each: `Namespace argocd is deleted: everything in it is deleted too`. */
export function dataLosses({ changes }: Pick<Events, "changes">): string[] {
  const items = comparedChanges(changes).flatMap((change) => impactItem(change) ?? []);
  return items.filter(({ losesData }) => losesData).map(({ text }) => text);
}

/** The losses in one line, for the first line of a report; undefined if there are none. */
export function dataLossLine(events: Pick<Events, "changes">): string | undefined {
  const losses = dataLosses(events);
  if (losses.length === 0) return undefined;
  return (
    `DATA LOSS: ${named(losses, "; ")}. ` +
    `npm start, npm run preview and npm run policy refuse this update without -- ${allowFlag}.`
  );
}

/** Whether `npm start` refuses the update for what its preview shows, whatever else is wrong with it. */
export function isRefused(events: Events, allowDataLoss: boolean): boolean {
  return volumeSizeErrors(events).length > 0 || (!allowDataLoss && dataLosses(events).length > 0);
}

/**
 * Makes sure that an update loses no data.
 * @param events those of the update's preview
 * @throws with what would be lost, or the sizes that a volume cannot take; or with Pulumi's errors, if the preview
 *   stopped before it had seen everything
 */
export function refuseDataLoss(stack: string, events: Events): void {
  const sizes = volumeSizeErrors(events);
  // To allow the loss would not help: the volume stays as large as it is.
  if (sizes.length > 0)
    throw new Error(`This update of ${stack} cannot be made, so nothing was changed:\n  ${named(sizes, "\n  ")}`);
  const losses = dataLosses(events);
  if (losses.length > 0)
    throw new Error(
      `This update of ${stack} loses data, so nothing was changed:\n  ${named(losses, "\n  ")}\n` +
        `Undo the change that causes it: npm run preview shows why. To lose the data, run npm start -- ${allowFlag}.`,
    );
  if (!events.complete)
    throw new Error(
      "Pulumi's preview did not finish, so it is not known whether this update loses data, and nothing was changed:\n" +
        `  ${events.errors.join("\n  ") || "it printed no error"}\n` +
        remedy(events.errors),
    );
}

/** What a person does about a preview that stopped. */
function remedy(errors: readonly string[]): string {
  const fix = "Fix what it names, then run this again.";
  // The update would stop at them too.
  if (errors.some(namesMistakes)) return fix;
  const isByHand = errors.some((error) => error.includes("field conflict"));
  const cure = isByHand ? "Somebody changed that by hand. To take it back, run npm start -- --refresh." : fix;
  return `${cure} To update without the preview, run npm start -- ${allowFlag}.`;
}

function named(losses: readonly string[], separator: string): string {
  const more = losses.length - maxNamed;
  return [...losses.slice(0, maxNamed), ...(more > 0 ? [`and ${more} more`] : [])].join(separator);
}
