import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseJson } from "../../lib/json";
import { isRecord } from "../../lib/record";
import type { OidcProvider } from "../api";

/** What the board's server is told by environment variables. */
export interface BoardSettings {
  /** Port that it listens on, 1 to 65535. */
  readonly port: number;
  /** Addresses of the environments and of other pages, by name. */
  readonly links: Readonly<Record<string, string>>;
  /** Names under which it may be asked, at any port, beside addresses and localhost. */
  readonly hosts: readonly string[];
  /** Where people sign in beside with a token; null for nowhere. */
  readonly oidc: OidcProvider | null;
  /** Folder of the built page. */
  readonly page: string;
}

/**
 * Reads `PORT`, `LINKS` (JSON, an http or https URL by name), `HOSTS` (a JSON list), `OIDC` (JSON, or null) and
 * `BOARD_PAGE`.
 * @throws one error that lists every mistake
 */
export function readSettings(variables: NodeJS.ProcessEnv): BoardSettings {
  const { PORT = "", LINKS = "", HOSTS = "", OIDC = "", BOARD_PAGE = "" } = variables;
  const links = parseJson(LINKS);
  const hosts = parseJson(HOSTS);
  const oidc = parseJson(OIDC);
  const mistakes = [
    ...(isPort(PORT) ? [] : [`PORT "${PORT}" is not a port: write a whole number from 1 to 65535`]),
    ...(isLinks(links) ? [] : ['LINKS must be JSON with a URL by name, as in {"mlflow":"http://localhost:8000"}']),
    ...(isTexts(hosts) ? [] : ['HOSTS must be a JSON list of hosts, as in ["food.example.org"]']),
    ...(oidc === null || isProvider(oidc)
      ? []
      : ["OIDC must be null, or JSON with an https issuer, a clientId and a list of scopes"]),
    ...(existsSync(join(BOARD_PAGE, "index.html"))
      ? []
      : [`BOARD_PAGE "${BOARD_PAGE}" is not the folder of the built page: it has no index.html`]),
  ];
  if (mistakes.length > 0) throw new Error(`The board's settings are wrong:\n${mistakes.join("\n")}`);
  return {
    port: Number(PORT),
    links: links as Record<string, string>,
    hosts: hosts as string[],
    oidc: oidc as OidcProvider | null,
    page: BOARD_PAGE,
  };
}

const isPort = (text: string) => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535;

const isLinks = (value: unknown): boolean => isRecord(value) && Object.values(value).every(isWebAddress);

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === "string");

const isProvider = (value: unknown): boolean =>
  isRecord(value) &&
  isWebAddress(value.issuer) &&
  new URL(value.issuer as string).protocol === "https:" &&
  typeof value.clientId === "string" &&
  isTexts(value.scopes);

function isWebAddress(value: unknown): boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  return ["http:", "https:"].includes(new URL(value).protocol);
}
