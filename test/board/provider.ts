import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Provider from "oidc-provider";
import { exec } from "../../lib/exec";

/** An OIDC provider at which everybody signs in with any name and password. Anna is of the instructors. */
export interface RunningProvider {
  /** Its issuer: an address of 127.0.0.1. */
  readonly issuer: string;
  /** Its certificate as PEM, for whoever is to trust it. */
  readonly certificate: string;
  /** Lets one client sign people in, and no other one from now on. @param redirect its address */
  readonly register: (redirect: string, client?: ClientOptions) => void;
  readonly stop: () => void;
}

interface ClientOptions {
  /** Default `board`. */
  readonly id?: string;
  /** How long its ID tokens count, in seconds; default an hour. */
  readonly tokenSeconds?: number;
}

/** A certificate for 127.0.0.1 that nobody trusts. */
async function certificate(): Promise<{ key: Buffer; cert: Buffer }> {
  const folder = mkdtempSync(join(tmpdir(), "oidc-provider-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  await exec("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject]);
  const made = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return made;
}

export async function startProvider(): Promise<RunningProvider> {
  const own = await certificate();
  const server = createServer(own).listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const register = (redirect: string, { id = "board", tokenSeconds = 3600 }: ClientOptions = {}) => {
    const provider = new Provider(issuer, {
      clients: [
        { client_id: id, redirect_uris: [redirect], token_endpoint_auth_method: "none", application_type: "web" },
      ],
      clientBasedCORS: () => true,
      pkce: { required: () => true },
      claims: { email: ["email"], groups: ["groups"] },
      // An API server reads the ID token alone.
      conformIdTokenClaims: false,
      ttl: { IdToken: tokenSeconds },
      findAccount: (_context, name) => ({
        accountId: name,
        claims: () => ({
          sub: name,
          email: `${name}@example.org`,
          groups: name === "anna" ? ["instructors"] : ["students"],
        }),
      }),
      cookies: { keys: ["a key of the tests"] },
      jwks: { keys: [generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" })] },
    });
    server.removeAllListeners("request").on("request", provider.callback());
  };
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { issuer, certificate: String(own.cert), register, stop };
}
