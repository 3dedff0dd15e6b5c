import { routeAddress } from "../state/route";
import { hueOf } from "../state/version";

/** The classes that give an element the colour of a version. */
export function hueClass(version: string | null): string {
  const hue = hueOf(version);
  return hue === null ? "hue-none" : `hue-${hue}`;
}

interface VersionProps {
  /** null for the base image, which is no model. */
  readonly version: string | null;
}

/** A version in its colour, for where a link would be inside a button. */
export const VersionTag = ({ version }: VersionProps) => (
  <span class={`chip ${hueClass(version)}`}>{version ?? "base image"}</span>
);

/** A version in its colour, as a link to the model. */
export function VersionChip({ version }: VersionProps) {
  if (hueOf(version) === null) return <VersionTag version={version} />;
  return (
    <a class={`chip ${hueClass(version)}`} href={routeAddress("models", version)}>
      {version}
    </a>
  );
}
