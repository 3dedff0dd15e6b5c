/**
 * What means a secret: by its name, and by its shape. The policy `credentials` and the redaction of a preview both read
 * it here.
 */

const keysOf = [
  "private",
  "access",
  "api",
  "secret",
  "signing",
  "encryption",
  "cert",
  "tls",
  "ssl",
  "ssh",
  "rsa",
  "client",
  "server",
  "account",
  "master",
  "session",
  "deploy",
  "auth",
  "hmac",
  "jwt",
];
/** Ends of a name, in small letters, with `-` between its words. */
const nameEnds = [
  "(passw(or)?d|passphrase)s?",
  "secret",
  "token",
  "credentials?",
  "key-data",
  "secret-key-base",
  `(${keysOf.join("|")})-?key`,
  // Short words count only as a word of their own: `DB_PASS`, not `compass`.
  "(^|-)(pass|pwd|pw|pat|psk|netrc|dockercfg|dockerconfigjson)",
  "(^|-)id-(rsa|dsa|ecdsa|ed25519)",
  "^(proxy-)?authorization",
  "^(set-)?cookie",
];
const secretName = new RegExp(`(${nameEnds.join("|")})$`);

/**
 * Whether a property, variable, flag or key of this name holds a secret: `AWS_SECRET_ACCESS_KEY`, `adminPassword`,
 * `--token`, `.dockerconfigjson`. Not `secretName`, `tokenReviews` or `TOKEN_FILE`, which name something else.
 */
export function namesSecret(name: string): boolean {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
  return secretName.test(words.replace(/[^a-z0-9]+/g, "-").replace(/-$/, ""));
}

/** What stands for a value that comes from somewhere else: `$(TOKEN)`, `{{inputs.parameters.token}}`, `<token>`. */
const placeholder = /^(\$\(.*\)|\$\{.*\}|\$\w+|\{\{.*\}\}|<.*>|\[secret\].*|\(known once applied\))$/s;
const path = /^\/([\w.@-]{1,40}\/)+[\w.@-]{1,60}$/;

/** Whether a value is no secret, whatever its name: nothing, yes or no, a reference or a path. */
function isHarmless(value: string): boolean {
  const text = value.trim();
  return text === "" || /^(true|false|null)$/i.test(text) || placeholder.test(text) || path.test(text);
}

/** Whether this property holds a secret, by its name. `auth` of a Docker configuration holds `user:password`. */
export function holdsSecret(name: string, value: string): boolean {
  if (name === "auth") return /^[^\s:]+:\S/.test(fromBase64(value));
  return namesSecret(name) && !isHarmless(value);
}

/** A part of a text that is a secret by its shape, and what to write in its place. */
type Shape = readonly [pattern: RegExp, replacement: (secret: string, ...groups: string[]) => string];

const whole = (secret: string) => secret;
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----/;
const tokens = [
  "eyJ[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]*", // a JSON Web Token
  "gh[pousr]_[A-Za-z0-9]{20,}",
  "github_pat_\\w{20,}",
  "glpat-[\\w-]{20,}",
  "(?:AKIA|ASIA)[0-9A-Z]{16}",
  "AIza[\\w-]{35}",
  "xox[abeoprs]-[\\w-]{10,}",
  "[rs]k_(?:live|test)_\\w{16,}",
  "sk-[\\w-]{20,}",
  "npm_[A-Za-z0-9]{36}",
  "pypi-[\\w-]{50,}",
  "dckr_pat_[\\w-]{20,}",
  "pul-[0-9a-f]{40}",
  "hf_[A-Za-z0-9]{30,}",
  "dop_v1_[0-9a-f]{64}",
  "hvs\\.[\\w-]{20,}",
  "AGE-SECRET-KEY-1[0-9A-Z]{50,}",
];
const shapes: Shape[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY( BLOCK)?-----|$)/g, whole],
  // A private key in Base64 begins like a certificate.
  [/\bLS0tLS1CRUdJTi[A-Za-z0-9+/=]+/g, (secret, text) => (privateKey.test(fromBase64(text)) ? secret : text)],
  [new RegExp(`(?<![\\w-])(?:${tokens.join("|")})`, "g"), whole],
  [/\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}/g, whole], // a password's hash, as Argo CD stores it
  [/\b(https?:\/\/)([^\s/?#"'<>]+)@/gi, (secret, _, scheme, user) => withScheme(secret, scheme, user)],
  [
    /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/?#"'<>:]*:[^\s/?#"'<>]*)@/gi,
    (secret, _, scheme, user) => withScheme(secret, scheme, user),
  ],
  [/\b(authorization["']?\s*[:=]\s*["']?)(?:(bearer|basic|token|digest)\s+)?([^\s"',]+)/gi, authorization],
  [/\b([Bb]earer|[Bb]asic)\s+((?=[\w.~+/=-]*[\dA-Z._=])[\w.~+/=-]{8,})/g, authorization],
];

function withScheme(secret: string, scheme: string, user: string): string {
  return user.split(":").every(isHarmless) ? `${scheme}${user}@` : `${scheme}${secret}@`;
}

function authorization(secret: string, all: string, ...groups: (string | undefined)[]): string {
  const value = groups.slice(0, -2).filter(Boolean).at(-1)!;
  // In YAML a key may follow, which is judged by its own name.
  return isHarmless(value) || value.endsWith(":") ? all : `${all.slice(0, all.length - value.length)}${secret}`;
}

/** A text with `secret` in place of each part that is a secret by its shape, whatever its name. */
export function withoutSecretShapes(text: string, secret: string): string {
  return shapes.reduce(
    (redacted, [pattern, replacement]) =>
      redacted.replace(pattern, (...groups: string[]) => replacement(secret, ...groups)),
    text,
  );
}

/** Whether a text contains a secret by its shape: a private key, a token, a URL with a password. */
export function containsSecret(text: string): boolean {
  return withoutSecretShapes(text, "[secret]") !== text;
}

/** A flag that takes a secret: `--password=x`, or `--password` with the next argument. */
const flag = /^(--?[A-Za-z][\w.-]*|[A-Za-z_][\w.]*)(?:=([\s\S]*))?$/;

/** Arguments of a command with `secret` in place of each value that a flag or `NAME=value` names as one. */
export function withoutSecretArguments(args: readonly string[], secret: string): string[] {
  return args.map((argument, index) => {
    const [, name, value] = flag.exec(argument) ?? [];
    if (value !== undefined && namesSecret(name)) return isHarmless(value) ? argument : `${name}=${secret}`;
    const [, before, joined] = flag.exec(args[index - 1] ?? "") ?? [];
    const isValue = before?.startsWith("-") && joined === undefined && !argument.startsWith("-");
    return isValue && namesSecret(before) && !isHarmless(argument) ? secret : argument;
  });
}

function fromBase64(text: string): string {
  return /^[A-Za-z0-9+/=\s]+$/.test(text) ? Buffer.from(text, "base64").toString() : "";
}
