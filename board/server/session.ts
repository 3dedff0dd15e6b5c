import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { parseJson } from "../../lib/json";
import { isRecord } from "../../lib/record";

/** Longest time that somebody stays signed in, in seconds. */
const longest = 8 * 3600;
const name = "board-session";
/** Browsers drop a longer cookie. */
const longestCookie = 4000;
const [ivBytes, tagBytes] = [12, 16];

/**
 * The tokens of those who are signed in. The server keeps none: each is in the person's cookie, encrypted with a key
 * that the server makes at its start and never writes down. A restart signs everybody out.
 */
export class Sessions {
  private readonly key = randomBytes(32);

  /**
   * The cookie that keeps a token, for `set-cookie`.
   * @param isSecure whether the page came by https
   * @returns undefined if the token is too long for a cookie
   */
  cookie(token: string, isSecure: boolean, now = Date.now()): string | undefined {
    const text = this.seal(JSON.stringify({ token, until: now + 1000 * longest }));
    return text.length > longestCookie ? undefined : cookieOf(text, longest, isSecure);
  }

  /** The token of a `cookie` header; undefined without one that this server made, or after its time. */
  token(header: string | undefined, now = Date.now()): string | undefined {
    const pair = header?.split(/;\s*/).find((candidate) => candidate.startsWith(`${name}=`));
    const session = pair && parseJson(this.open(pair.slice(name.length + 1)) ?? "");
    if (!isRecord(session) || typeof session.token !== "string" || typeof session.until !== "number") return undefined;
    return now < session.until ? session.token : undefined;
  }

  private seal(text: string): string {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv("aes-256-gcm", this.key, iv);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64url");
  }

  private open(text: string): string | undefined {
    const bytes = Buffer.from(text, "base64url");
    if (bytes.length <= ivBytes + tagBytes) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes });
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    try {
      const opened = decipher.update(bytes.subarray(ivBytes + tagBytes));
      return Buffer.concat([opened, decipher.final()]).toString("utf8");
    } catch {
      return undefined; // made by another server, or changed
    }
  }
}

/** The cookie that signs out, for `set-cookie`. */
export const noCookie = (isSecure: boolean): string => cookieOf("", 0, isSecure);

const cookieOf = (text: string, seconds: number, isSecure: boolean): string =>
  `${name}=${text}; HttpOnly; SameSite=Strict; Path=/api; Max-Age=${seconds}${isSecure ? "; Secure" : ""}`;
