import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { OidcProvider } from "../api";

/** A file of the page, with its headers. */
export interface StaticFile {
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Buffer;
  /** The same as gzip packs it; undefined where the build has not packed it. */
  readonly compressed?: Buffer;
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/**
 * Headers of every answer. What a page of the board may load and do is only its own.
 * @param oidc the provider at which people sign in, which the page may ask too
 */
export const securityHeaders = (oidc: OidcProvider | null) => ({
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    ["connect-src 'self'", ...(oidc ? [new URL(oidc.issuer).origin] : [])].join(" "),
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
});

/** Every file of a folder, by the path under which it is asked for; the page itself under `/`. Read once. */
export function readPage(folder: string): ReadonlyMap<string, StaticFile> {
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  const files = names
    .filter((name) => !name.endsWith(".gz"))
    .map((name): [string, StaticFile] => [
      name === "index.html" ? "/" : `/${name}`,
      {
        headers: {
          "content-type": types[extname(name)] ?? "application/octet-stream",
          // The names of what the build puts into assets/ change with the content.
          "cache-control": name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
        },
        content: readFileSync(join(folder, name)),
        ...(names.includes(`${name}.gz`) && { compressed: readFileSync(join(folder, `${name}.gz`)) }),
      },
    ]);
  return new Map(files);
}

/** What is sent of a file. @param accepted the request's `accept-encoding` */
export function sentOf({ headers, content, compressed }: StaticFile, accepted = ""): StaticFile {
  if (!compressed) return { headers, content };
  const varying = { ...headers, vary: "accept-encoding" };
  // A client that refuses gzip writes `gzip;q=0`.
  if (!/(^|[\s,])gzip\s*(,|$|;(?!\s*q=0(\.0+)?\s*(,|$)))/.test(accepted)) return { headers: varying, content };
  return { headers: { ...varying, "content-encoding": "gzip" }, content: compressed };
}
