/** Pulumi's own output without secrets. A line of it has no structure, so the lines before it count. */
import { holdsSecret, namesSecret } from "../../policy/secrets";
import { redact, secret } from "./redact";

const sign = "^(\\s*(?:[-+~]+\\s*)*)";
/** `+  name : "TOKEN"`, and `"name": "TOKEN",` with `--json` */
const nameLine = new RegExp(`${sign}["']?name["']?\\s*:\\s*(.*)$`);
const valueLine = new RegExp(`${sign}(["']?value["']?\\s*:\\s*)(.*?)(,?)$`);
/** `[1]: "--password"` */
const itemLine = new RegExp(`${sign}(\\[\\d+\\]\\s*:\\s*)(.*)$`);
const keyOrBracket = new RegExp(`${sign}(["']?[\\w./-]+["']?\\s*:(\\s|$)|\\[\\d+\\]|[\\]}])`);
const keyBegins = /-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----/;
const keyEnds = /-----END [A-Z ]*PRIVATE KEY( BLOCK)?-----/;

/**
 * Hides, line by line, what looks like a secret in what Pulumi prints. A `value` counts with the `name` in the line
 * before it. If Pulumi prints none, as for a variable of which the value alone has changed, the value is hidden too.
 * @returns a function that is given each line in turn, and returns it without secrets
 */
export function outputRedactor(): (line: string) => string {
  let names: string[] = [];
  let flag: string | undefined;
  /** What the next lines belong to, which are hidden: a value of several lines, or a private key. */
  let within: "value" | "key" | undefined;

  const withoutSecrets = (line: string): string => {
    const [, before = "", key = "", value = "", comma = ""] = valueLine.exec(line) ?? [];
    if (key) {
      const known = names;
      names = [];
      if (isStructure(value)) return redact(line);
      const isHidden = known.length === 0 || known.some((name) => holdsSecret(name, unquoted(value)));
      if (!isHidden) return redact(line);
      within = isWhole(value) ? undefined : "value";
      return `${before}${key}${secret}${comma}`;
    }
    names = textsIn(nameLine.exec(line)?.[2] ?? "");
    const [, indent = "", index = "", item = ""] = itemLine.exec(line) ?? [];
    const isFlagged = flag !== undefined && index !== "" && !unquoted(item).startsWith("-");
    flag = textsIn(item).find((text) => text.startsWith("-") && !text.includes("=") && namesSecret(text));
    return isFlagged ? `${indent}${index}${secret}` : redact(line);
  };

  return (line) => {
    if (within === "key") {
      if (keyEnds.test(line)) within = undefined;
      return secret;
    }
    if (within === "value" && !keyOrBracket.test(line)) return secret;
    within = undefined;
    const shown = withoutSecrets(line);
    if (keyBegins.test(line) && !keyEnds.test(line)) within = "key";
    return shown;
  };
}

/** The texts of a line: one, or with `=>` the one before and the one after. */
const textsIn = (part: string): string[] => [...part.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text);

const unquoted = (value: string): string => textsIn(value)[0] ?? value;

const isStructure = (value: string): boolean => /^[[{]|^(true|false|null|\d+)$/.test(value);

/** Whether a value ends in its line. */
const isWhole = (value: string): boolean => /^[^"\s]+$|"\s*$/.test(value) && value !== '"';
