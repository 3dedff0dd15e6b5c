import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

/** What stands where something is still to come. */
export const Loading = ({ what }: { readonly what: string }) => (
  <p class="state state-loading" role="status">
    <span class="skeleton" aria-hidden="true" />
    <span>Loading {what} …</span>
  </p>
);

/** What stands where there is nothing yet, with what to do about it. */
export const Empty = ({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) => (
  <div class="state state-empty">
    <Icon name="spark" />
    <p class="state-title">{title}</p>
    {children}
  </div>
);

/** What stands where something could not be read. */
export const Failed = ({ what, why }: { readonly what: string; readonly why: string }) => (
  <div class="notice tone-bad" role="alert">
    <Icon name="warning" />
    <p>
      <strong>Could not read {what}.</strong> {why}
    </p>
  </div>
);
