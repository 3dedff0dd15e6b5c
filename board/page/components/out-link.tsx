import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

interface OutLinkProps {
  /** Where it leads; null for nowhere. */
  readonly href: string | null;
  readonly children: ComponentChildren;
  /** What stands there without a link; default nothing. */
  readonly otherwise?: ComponentChildren;
}

/** A link to another page, which opens beside this one. */
export const OutLink = ({ href, children, otherwise = null }: OutLinkProps) =>
  href === null ? (
    otherwise
  ) : (
    <a class="out" href={href} target="_blank" rel="noreferrer">
      {children} <Icon name="open" />
    </a>
  );
