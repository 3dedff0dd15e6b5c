/** The views, by the first part of the address after `#/`. */
export const viewNames = ["pipeline", "models", "history"] as const;
export type ViewName = (typeof viewNames)[number];

export interface Route {
  readonly view: ViewName;
  /** What the view shows in detail, such as a version; null for none. */
  readonly detail: string | null;
  readonly options: Readonly<Record<string, string>>;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The route of the page's address after `#`; the pipeline for an address that names no view. */
export function parseRoute(hash: string): Route {
  const [path, query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [name, detail] = path.split("/", 2);
  const view = viewNames.find((known) => known === name) ?? "pipeline";
  return { view, detail: detail ? decode(detail) : null, options: Object.fromEntries(new URLSearchParams(query)) };
}

/** The page of a tool from whose placeholder a person came: `argoWorkflows` or `argoCd`; null for none. */
export function placeholderOf({ options: { from } }: Route): "argoWorkflows" | "argoCd" | null {
  return from === "argoWorkflows" || from === "argoCd" ? from : null;
}

/** The address of a route: `#/models/1.0.7?against=1.0.6`. Options that are empty are left out. */
export function routeAddress(view: ViewName, detail: string | null = null, options: Route["options"] = {}): string {
  const query = new URLSearchParams(Object.entries(options).filter(([, value]) => value !== "")).toString();
  return `#/${view}${detail === null ? "" : `/${encodeURIComponent(detail)}`}${query && `?${query}`}`;
}
