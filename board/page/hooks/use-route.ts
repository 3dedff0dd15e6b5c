import { useEffect, useState } from "preact/hooks";
import { parseRoute, type Route } from "../state/route";

/** The route of the page's address, which changes as a person follows a link or goes back. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
