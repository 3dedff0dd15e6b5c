import { routeAddress } from "../state/route";
import { hueOf } from "../state/version";

/** The classes that give an element the colour of a version. */
export function hueClass(version: string | null): string {
  const hue = hueOf(version);
  return hue === null ? "hue-none" : `hue-${hue}`;
}

/** A version in its colour, as a link to the model; the base image, which is no model, without a link. */
export function VersionChip({ version }: { readonly version: string | null }) {
  if (hueOf(version) === null) return <span class="chip hue-none">{version ?? "base image"}</span>;
  return (
    <a class={`chip ${hueClass(version)}`} href={routeAddress("models", version)}>
      {version}
    </a>
  );
}
