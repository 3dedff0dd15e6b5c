/** Hides what looks like a secret although Pulumi has not marked it as one. `policy/secrets.ts` lists what does. */
import { isRecord } from "../../lib/record";
import { holdsSecret, namesSecret, withoutSecretArguments, withoutSecretShapes } from "../../policy/secrets";

/** Stands for a secret. */
export const secret = "[secret]";

const quoted = `"(?:[^"\\\\]|\\\\.)*"|'[^']*'`;
const name = `(?<![\\w./-])(["']?)([\\w.-]+)\\1`;
const assignments = [
  // `password=x`, whose value ends at a blank, a quote, a comma or `&`
  new RegExp(`${name}(\\s*=\\s*)(${quoted}|[^\\s"',;&]+)`, "g"),
  // `"secret-key": "x"`, `password: two words`, and not an image with its tag or digest
  new RegExp(`${name}(\\s*:\\s+|:(?!\\d|v\\d|latest\\b))(${quoted}|[^\\n"',;}]+)`, "g"),
];
/** `--password x` */
const flags = new RegExp(`(?<![\\w./-])(--?[A-Za-z][\\w.-]*)(\\s+)(${quoted}|[^\\s"',;-][^\\s"',;]*)`, "g");
/** After the name of a secret and a colon, a policy says what to do about it. */
const remedy = /^(create|refer|write|remove|use) /;

/** A text without the keys, passwords and tokens in it. */
export function redact(text: string): string {
  const withoutAssignments = assignments.reduce(
    (redacted, pattern) =>
      redacted.replace(pattern, (all: string, quote: string, key: string, sign: string, value: string) =>
        isSecretText(key, value) ? `${quote}${key}${quote}${sign}${secret}` : all,
      ),
    withoutSecretShapes(text, secret),
  );
  return withoutAssignments.replace(flags, (all: string, flag: string, blank: string, value: string) =>
    isSecretText(flag, value) ? `${flag}${blank}${secret}` : all,
  );
}

function isSecretText(key: string, value: string): boolean {
  const text = value.replace(/^(["'])(.*)\1$/s, "$2");
  return !text.includes(secret) && !remedy.test(text) && holdsSecret(key, text);
}

/** A value without the secrets in it, by the names of its properties, variables and flags as well. */
export function redactValue(value: unknown, key = ""): unknown {
  if (typeof value === "string") return holdsSecret(key, value) ? secret : redact(value);
  if (Array.isArray(value)) {
    const isWords = value.every((item) => typeof item === "string");
    return isWords
      ? withoutSecretArguments(value, secret).map((item) => redactValue(item, key))
      : value.map((item) => redactValue(item, key));
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      holdsData(value, name) && inner ? secret : redactValue(inner, name === "value" ? nameOf(value) : name),
    ]),
  );
}

/** Whether a property holds the data of a Kubernetes Secret, which is secret whatever its name. */
export const holdsData = (owner: unknown, key: string): boolean =>
  isRecord(owner) && owner.kind === "Secret" && ["data", "stringData"].includes(key);

/** The name of a variable or a header with a `value`; of two, one that means a secret. */
export function nameOf(...owners: unknown[]): string {
  const names = owners.flatMap((owner) => (isRecord(owner) && typeof owner.name === "string" ? owner.name : []));
  return names.find(namesSecret) ?? names[0] ?? "value";
}
