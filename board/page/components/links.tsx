import { pageTitles } from "../../../lib/page-titles";
import type { PipelineView } from "../../api";
import { safeLink } from "../state/links";
import { Icon } from "./icon";

/** The pages of the tools behind the pipeline. Those of the environments are on their cards. */
export function Links({ view }: { readonly view: PipelineView }) {
  const environments = new Set(view.environments.map(({ name }) => name));
  const links = Object.entries(view.links).flatMap(([name, address]) => {
    const href = safeLink(address);
    return href && !environments.has(name) ? [{ name, href }] : [];
  });
  return (
    <footer class="bar-bottom">
      {links.map(({ name, href }) => (
        <a key={name} class="out" href={href} target="_blank" rel="noreferrer">
          {pageTitles[name] ?? name} <Icon name="open" />
        </a>
      ))}
      <span class="hint">Times are in UTC.</span>
    </footer>
  );
}
