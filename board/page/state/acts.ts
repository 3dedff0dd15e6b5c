import type { Act } from "../../api";
import { numberOf } from "./version";

/** What a dialog has been filled in with. */
export type Draft =
  | { readonly kind: "train"; readonly scenario: string }
  | {
      readonly kind: "promote";
      /** `1.0.X`. */
      readonly version: string;
      readonly source: string;
      readonly target: string;
      readonly isEmergency: boolean;
      readonly text: string;
    }
  /** `version`: the one in staging, `1.0.X` or null. `isBad`: staging must not go back to it. */
  | { readonly kind: "revert"; readonly version: string | null; readonly isBad: boolean; readonly text: string }
  | { readonly kind: "freeze" | "unfreeze"; readonly text: string }
  | { readonly kind: "approve" | "reject"; readonly approval: string; readonly text: string };

export interface ActResult {
  /** null while something is missing. */
  readonly act: Act | null;
  /** What is missing, in one sentence; an empty string for nothing. */
  readonly missing: string;
}

const missing = (sentence: string): ActResult => ({ act: null, missing: sentence });
const complete = (act: Act): ActResult => ({ act, missing: "" });

/** What to send for a draft, or what it lacks. */
export function actOf(draft: Draft): ActResult {
  const text = "text" in draft ? draft.text.trim() : "";
  switch (draft.kind) {
    case "train":
      return complete({ act: "train", scenario: draft.scenario });
    case "promote": {
      const version = numberOf(draft.version);
      if (version === null) return missing("Name the version as in 1.0.7.");
      if (draft.isEmergency && !text) return missing("Say why this goes round the calendar.");
      const { source, target } = draft;
      return complete({ act: "promote", version, source, target, emergency: draft.isEmergency ? text : "" });
    }
    case "revert":
      if (!text) return missing("Say why.");
      return complete({ act: "revert", version: draft.isBad ? numberOf(draft.version) : null, why: text });
    case "freeze":
    case "unfreeze":
      return text ? complete({ act: draft.kind, why: text }) : missing("Say why.");
    case "approve":
    case "reject":
      if (!text) return missing("Say why: it stands in the record.");
      return complete({ act: draft.kind, approval: draft.approval, message: text });
  }
}
