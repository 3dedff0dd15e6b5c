import type { Tone } from "../state/tone";
import { Icon, type IconName } from "./icon";

const icons: Readonly<Record<Tone, IconName>> = {
  good: "check",
  bad: "cross",
  warn: "warning",
  busy: "dots",
  quiet: "dash",
};

/** A word with a sign whose shape and colour say the same. */
export const Sign = ({ tone, word }: { readonly tone: Tone; readonly word: string }) => (
  <span class={`sign tone-${tone}`}>
    <Icon name={icons[tone]} />
    <span class="sign-word">{word}</span>
  </span>
);
