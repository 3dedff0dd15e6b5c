/** What `npm start` prints of ports that other machines reach: pure functions. */
import type { Settings } from "../config";
import { pageTitles } from "../lib/page-titles";
import type { Ports } from "../local/cluster/forward";
import { isWildcard, loopback, type RecordedListen } from "../local/cluster/listen";

/** Names of the forwards that are open to other machines: the environments, the gateway and, unless excluded, pages. */
export function openNames({ exposure, promotionPath, gateway, board }: Settings): string[] {
  if (!exposure.listen) return [];
  const forUsers = [...Object.keys(promotionPath), ...(gateway ? ["gateway"] : [])];
  const pages = [...Object.keys(exposure.ports), ...(board.install ? ["board"] : [])];
  return exposure.listen.only ? forUsers : [...forUsers, ...pages];
}

/** The URL of each name. */
export interface LocalUrls {
  readonly people: Record<string, string>;
  /** As this machine reaches them. */
  readonly machine: Record<string, string>;
}

/** @param open names that are open to other machines, at the first of these hosts; the others are on 127.0.0.1 */
export function localUrls(
  names: readonly string[],
  ports: Ports,
  open: readonly string[],
  hosts: readonly string[] = [],
): LocalUrls {
  const urlsAt = (hostOf: (name: string) => string) =>
    Object.fromEntries(names.map((name) => [name, `http://${hostOf(name)}:${ports[name]}`]));
  const people = urlsAt((name) => (open.includes(name) ? (hosts[0] ?? loopback) : loopback));
  return { people, machine: urlsAt(() => loopback) };
}

/** What anybody who reaches a page may do there. The environments and the gateway have no login at all. */
const pageNotices = (authMode: Settings["argoWorkflows"]["authMode"]): Record<string, string> => ({
  mlflow: "MLflow has no login: whoever reaches it can change verdicts and records, and so what the environments run.",
  argoWorkflows:
    authMode === "server"
      ? "Argo Workflows has no login: whoever reaches it can start and stop workflows."
      : "Argo Workflows asks for a Kubernetes token.",
  argoCd: "Argo CD has no login: whoever reaches it can read everything there, and change nothing.",
  board: "The board shows the pipeline without a login, and asks for a Kubernetes token before it acts.",
});

/** A warning that says what is open to whom. Empty if nothing is open to other machines. */
export function openNotices(settings: Settings, ports: Ports): string[] {
  const { listen } = settings.exposure;
  if (!listen) return [];
  const at = isWildcard(listen.address) ? "any address of this machine" : listen.address;
  const names = openNames(settings);
  const notices = pageNotices(settings.argoWorkflows.authMode);
  const where = names.map((name) => `${pageTitles[name] ?? name} ${ports[name]}`).join(", ");
  const forPages = names.flatMap((name) => notices[name] ?? []);
  return [
    `! Whoever reaches ${at} can open these ports, over plain HTTP: ${where}.`,
    "  The environments have no login: whoever reaches them can send pictures.",
    ...forPages.map((notice) => `  ${notice}`),
    "  The Kubernetes API, the registry and the mirror stay on 127.0.0.1.",
    ...(listen.only ? [] : ["  For the environments alone add --only environments, or exposure.listen.only."]),
    "  A firewall or a cloud's security group must let these ports through.",
  ];
}

/** Says that ports which were open by a flag are closed. @param before what the last start has opened */
export function closedNotices({ exposure }: Settings, before: RecordedListen | undefined): string[] {
  if (!before?.byFlag || exposure.listen) return [];
  const flag = `--listen ${before.listen.address}`;
  return [
    `! The ports are open on 127.0.0.1 only again, since this start has no ${flag}. To keep it, set exposure.listen.`,
  ];
}
