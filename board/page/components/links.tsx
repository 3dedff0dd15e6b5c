import { pageTitles } from "../../../lib/page-titles";
import type { PipelineView } from "../../api";
import { safeLink } from "../state/links";
import { OutLink } from "./out-link";

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
        <OutLink key={name} href={href}>
          {pageTitles[name] ?? name}
        </OutLink>
      ))}
      <span class="hint">Times are in UTC.</span>
    </footer>
  );
}
