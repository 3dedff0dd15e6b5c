/**
 * The kinds of value that a setting may have. Each says once what it expects: the message of a mistake, the table
 * of settings and the schema for editors come from the same words and the same bounds.
 */
import { z } from "zod";

type Problem = z.core.$ZodRawIssue;

/** A mapping of these keys and no others. */
export function section<Shape extends z.core.$ZodShape>(meaning: string, shape: Shape) {
  const keys = Object.keys(shape);
  const required = keys.filter((key) => !z.safeParse(shape[key], undefined).success);
  const misshapen = expected(required.length > 0 ? `a mapping with ${required.join(", ")}` : "a mapping");
  const error = (problem: Problem) =>
    problem.code === "unrecognized_keys" ? `unknown key: write ${oneOf(keys)}, or remove it` : misshapen(problem);
  return z.strictObject(shape, { error }).meta({ description: meaning });
}

/** A mapping from some of these names, all to the same kind of value. */
export function byName<Value extends z.ZodType>(meaning: string, names: readonly string[], value: Value) {
  const name = z
    .string()
    .refine((given) => names.includes(given))
    .meta({ enum: names });
  return mapping(meaning, name, `a mapping of ${names.join(", ")}`, `unknown name: write ${oneOf(names)}`, value);
}

// `gourmetgram-<name>` is a namespace, and a Job with the bundle's tag behind it; <name> is an alias in MLflow and begins tags.
const taken = ["platform", "mlflow", "development", "latest", "gate"];
const environmentForm = `(?!(?:${taken.join("|")}|v\\d+)$)[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?`;

/** A mapping from environments, which the stack names, all to the same kind of value. @param more other names that may stand there */
export function byEnvironment<Value extends z.ZodType>(meaning: string, value: Value, more: readonly string[] = []) {
  const name = z.string().regex(new RegExp(`^(?:${[...more, environmentForm].join("|")})$`));
  const rule = `write up to 30 small letters, digits and dashes, a letter first; ${taken.join(", ")} and v1 are taken`;
  return mapping(
    meaning,
    name,
    "a mapping of environments, as in staging, canary, production",
    `no name for an environment: ${rule}`,
    value,
  );
}

/** The name of an environment. */
export const environmentName = (meaning: string) =>
  text(meaning, "the name of an environment", new RegExp(`^${environmentForm}$`));

/** The name of a stack of this project. */
export const stackName = (meaning: string) =>
  text(meaning, "the name of a stack, as in Pulumi.<name>.yaml", /^[\w.-]{1,100}$/);

function mapping<Value extends z.ZodType>(
  meaning: string,
  name: z.ZodType<string, string>,
  what: string,
  misnamed: string,
  value: Value,
) {
  const misshapen = expected(what);
  const error = (problem: Problem) => (problem.code === "invalid_key" ? misnamed : misshapen(problem));
  return z.record(name as z.ZodString, value, { error }).meta({ description: meaning });
}

/** A mapping whose keys others define. */
export const openMapping = (meaning: string) =>
  z.record(z.string(), z.unknown(), { error: expected("a mapping of settings") }).meta({ description: meaning });

/** A list without repetitions. */
export function list<Item extends z.ZodType>(meaning: string, item: Item) {
  return z
    .array(item, { error: expected("a list") })
    .superRefine((items, context) => {
      for (const [index, given] of items.entries())
        if (items.indexOf(given) < index)
          context.addIssue({ code: "custom", path: [index], message: `${given} stands there already: remove it` });
    })
    .meta({ description: meaning, uniqueItems: true });
}

/** A key that may be left out and has no default of its own. @param fallback what holds then, for people */
export const optional = <Kind extends z.ZodType>(kind: Kind, fallback: string) => kind.optional().meta({ fallback });

export const flag = (meaning: string) =>
  told(z.boolean({ error: expected("true or false") }), meaning, "true or false");

export function choice<const Values extends readonly string[]>(meaning: string, values: Values) {
  const what = oneOf(values);
  return told(z.enum(values, { error: expected(what) }), meaning, what);
}

/** A whole number from `least` to `most`. */
export const whole = (meaning: string, least: number, most: number, unit?: string) =>
  between(z.int, "a whole number", meaning, least, most, unit);

/** Any number from `least` to `most`. */
export const decimal = (meaning: string, least: number, most: number, unit?: string) =>
  between(z.number, "a number", meaning, least, most, unit);

function between(
  kind: (params: { error: (problem: Problem) => string }) => z.ZodNumber,
  noun: string,
  meaning: string,
  least: number,
  most: number,
  unit = "",
) {
  const what = `${noun} from ${least} to ${most}`;
  const error = expected(what);
  return told(
    kind({ error }).min(least, { error }).max(most, { error }),
    `${meaning}, ${least} to ${most} ${unit}`.trimEnd(),
    what,
  );
}

/**
 * A text of one form.
 * @param what what to write, for the message of a mistake
 * @param holds what else must be true of it; editors don't see this
 */
export function text(meaning: string, what: string, form: RegExp, holds: (given: string) => boolean = () => true) {
  const error = expected(what);
  return told(z.string({ error }).regex(form, { error, abort: true }).refine(holds, { error }), meaning, what);
}

/** An amount of memory or storage in Mi or Gi. */
export function quantity(meaning: string, least: string, most: string) {
  const inRange = (given: string) => mebibytes(given) >= mebibytes(least) && mebibytes(given) <= mebibytes(most);
  return text(
    `${meaning}, ${least} to ${most}`,
    `a whole number with its unit, Mi or Gi, from ${least} to ${most}`,
    /^[1-9][0-9]*(Mi|Gi)$/,
    inRange,
  );
}

const mebibytes = (amount: string) => parseInt(amount, 10) * (amount.endsWith("Gi") ? 1024 : 1);

const ipv4 = z.regexes.ipv4.source.slice(1, -1);
// Kubernetes takes no loopback, link-local or multicast address for a Service.
const unicast = new RegExp(`^(?!0\\.|127\\.|169\\.254\\.|22[4-9]\\.|2[3-5]\\d\\.)${ipv4}$`);
/** An IPv4 address that a Service may have. */
export const address = (meaning: string) =>
  text(meaning, 'an IPv4 address that other machines reach, as in "192.0.2.10"', unicast);

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
// Browsers read a last label of digits as the end of an IPv4 address.
const hostName = new RegExp(`^(?=.{1,253}$)(?:${ipv4}|(?:${label}\\.)*(?!\\d+$)${label})$`);
/** A host, as MLflow compares it with what a browser sends: in lower case. */
export const host = (meaning: string) =>
  text(meaning, "a host name in lower case or an IPv4 address, without http:// and port", hostName);

const registryHost = `${label}(?:\\.${label})*(?::[1-9]\\d{0,4})?`;
const registryPath = "(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)";
/** A registry, and maybe a path in it. */
export const registryPrefix = (meaning: string) =>
  text(
    meaning,
    'a registry host without https://, as in "mirror.example.org:5000"',
    new RegExp(`^${registryHost}${registryPath}*$`),
  );
/** A registry and a repository in it. */
export const repository = (meaning: string) =>
  text(
    meaning,
    'a registry host and a repository without tag, as in "docker.io/library/redis"',
    new RegExp(`^${registryHost}${registryPath}+$`),
  );

/** Where a file is read from. */
export const source = (meaning: string) =>
  text(meaning, "a URL with http:// or https://, or a path", /^(https?:\/\/\S+|(?![a-z0-9+.-]+:).+)$/);

/** The name of a cluster, as it stands in an object's name. */
export const clusterName = (meaning: string) =>
  text(
    meaning,
    "up to 40 small letters, digits and dashes, a letter first, other than in-cluster",
    /^(?!in-cluster$)[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
  );

const portNumber = "(?::[1-9]\\d{0,4})";
/** Where an API server answers; by the name that each cluster has for its own, Argo CD would reach that of the platform. */
export const serverUrl = (meaning: string) =>
  text(
    meaning,
    'a URL with https://, without a path, that leads there from the platform, as in "https://192.0.2.20:6443"',
    new RegExp(`^https://(?!kubernetes\\.default)${hostName.source.slice(1, -1)}${portNumber}?$`),
  );
/** Where a Service answers to other clusters. */
export const serviceUrl = (meaning: string) =>
  text(
    meaning,
    'a URL with http:// and a port, without a path, as in "http://192.0.2.20:80"',
    new RegExp(`^http://${hostName.source.slice(1, -1)}${portNumber}$`),
  );

/** Cron's five fields in numbers. */
export const schedule = (meaning: string) =>
  text(
    meaning,
    'cron\'s five fields in numbers (minute, hour, day of the month, month, day of the week from 0 to 6), as in "0 2 * * *"',
    /^\S+( \S+){4}$/,
    isSchedule,
  );

/** The name of a time zone. */
export const timeZone = (meaning: string) =>
  text(meaning, 'an IANA time zone, as in "Europe/Berlin"', /^[A-Z][\w+-]*(\/[A-Z][\w+-]*)*$/, isTimeZone);

const cronRanges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
];

function isSchedule(given: string): boolean {
  const inRange = (part: string, [least, most]: number[]) => {
    const [, from, to] = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/[1-9]\d*)?$/.exec(part) ?? ["", "-1"];
    return (
      Number(from ?? least) >= least &&
      Number(to ?? from ?? most) <= most &&
      Number(to ?? most) >= Number(from ?? least)
    );
  };
  return given.split(" ").every((field, index) => field.split(",").every((part) => inRange(part, cronRanges[index])));
}

/** Whether a time zone has this name, written like this: Argo Workflows looks it up as the name of a file. */
function isTimeZone(given: string): boolean {
  try {
    const known = new Intl.DateTimeFormat("en", { timeZone: given }).resolvedOptions().timeZone;
    return known === given || known.toLowerCase() !== given.toLowerCase();
  } catch {
    return false;
  }
}

/** With its words for people: editors show `errorMessage` where the value is none of the kind. */
function told<Kind extends z.ZodType>(kind: Kind, meaning: string, what: string): Kind {
  return kind.meta({ description: meaning, errorMessage: `write ${what}` });
}

function oneOf(words: readonly string[]): string {
  return words.length === 1 ? words[0] : `one of ${words.join(", ")}`;
}

function expected(what: string): (problem: Problem) => string {
  return ({ input }) => {
    if (input === undefined) return `missing: write ${what}`;
    return input === null ? `empty: write ${what}` : `write ${what}, not ${found(input)}`;
  };
}

/** What stands in the file, in a few words: a pasted kubeconfig is not shown to everybody. */
function found(input: unknown): string {
  if (Array.isArray(input)) return "a list";
  // Only Pulumi itself decrypts; the commands read the file too, and no setting is a secret.
  if (typeof input === "object") return "secure" in input! ? "an encrypted value" : "a mapping";
  if (typeof input === "string" && (input.length > 80 || input.includes("\n")))
    return `a text of ${input.length} characters`;
  return JSON.stringify(input);
}
