/**
 * The kinds of value that a setting may have. Each states once what it expects: the error messages, the table of
 * settings and the schema for editors use the same words and the same bounds.
 */
import { Cron } from "croner";
import { z } from "zod";

type Problem = z.core.$ZodRawIssue;

/** A mapping with these keys and no others. */
export function section<Shape extends z.core.$ZodShape>(meaning: string, shape: Shape) {
  const keys = Object.keys(shape);
  const required = keys.filter((key) => !z.safeParse(shape[key], undefined).success);
  const valueError = expected(required.length > 0 ? `a mapping with ${required.join(", ")}` : "a mapping");
  const error = (problem: Problem) =>
    problem.code === "unrecognized_keys" ? `unknown key: write ${oneOf(keys)}, or remove it` : valueError(problem);
  return z.strictObject(shape, { error }).meta({ description: meaning });
}

/** A mapping from some of these names to values of one kind. */
export function byName<Value extends z.ZodType>(meaning: string, names: readonly string[], value: Value) {
  const name = z
    .string()
    .refine((key) => names.includes(key))
    .meta({ enum: names });
  return mapping(meaning, name, `a mapping of ${names.join(", ")}`, `unknown name: write ${oneOf(names)}`, value);
}

const ownNameForm = "[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?";
const ownNameRule = "write up to 30 lower-case letters, digits and dashes, beginning with a letter";

// `gourmetgram-<name>` is a namespace. With the tag of the bundle, it is also the name of a Job.
// `<name>` is an alias in MLflow and the beginning of image tags. On the local cluster, it is the name of the way from
// this machine to the environment, beside those to the cluster's API, registry and mirror.
const reservedNames = [
  "platform",
  "gateway",
  "mlflow",
  "board",
  "development",
  "latest",
  "gate",
  "api",
  "registry",
  "mirror",
];
const environmentForm = `(?!(?:${reservedNames.join("|")}|v\\d+)$)${ownNameForm}`;

/**
 * A mapping from names of environments to values of one kind.
 * @param others names that are also allowed as keys
 */
export function byEnvironment<Value extends z.ZodType>(meaning: string, value: Value, others: readonly string[] = []) {
  const name = z.string().regex(new RegExp(`^(?:${[...others, environmentForm].join("|")})$`));
  return mapping(
    meaning,
    name,
    "a mapping of environments, as in staging, canary, production",
    `invalid name of an environment: ${ownNameRule}; ${reservedNames.join(", ")} and names like v1 are reserved`,
    value,
  );
}

/** A mapping from names of receivers to values of one kind. */
export function byReceiver<Value extends z.ZodType>(meaning: string, value: Value) {
  // A key of a ConfigMap, and part of the name of a volume.
  return byOwnName(meaning, "receiver", "ops", value);
}

/** A mapping from names of windows to values of one kind. */
export function byWindow<Value extends z.ZodType>(meaning: string, value: Value) {
  return byOwnName(meaning, "window", "exams", value);
}

/** A mapping from names that the stack chooses to values of one kind. @param what what has such a name, as in window */
function byOwnName<Value extends z.ZodType>(meaning: string, what: string, example: string, value: Value) {
  const name = z.string().regex(new RegExp(`^${ownNameForm}$`));
  const nameError = `invalid name of a ${what}: ${ownNameRule}`;
  return mapping(meaning, name, `a mapping of ${what}s, as in ${example}`, nameError, value);
}

/** A text for people. */
export const oneLine = (meaning: string) =>
  text(meaning, "one line of at most 100 characters without braces", /^[^\p{C}{}]{0,100}$/u);

/** The name of a Secret. Whoever writes its contents there by mistake does not find them in a log. */
export function secretName(meaning: string) {
  const what = 'the name of a Secret, as in "ops-webhook"';
  const error = (problem: Problem) =>
    typeof problem.input === "string" ? `write ${what}; the value is not shown` : expected(what)(problem);
  const form = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`);
  return described(z.string({ error }).regex(form, { error }), meaning, what);
}

// Checks of the analysis of canary, which a metric of a stack's own stands beside.
const checkNames = ["success", "p95", "confidence", "classes", "restarts"];

/** A mapping from names of a stack's own metrics to values of one kind. */
export function byMetric<Value extends z.ZodType>(meaning: string, value: Value) {
  const name = z.string().regex(new RegExp(`^(?!(?:${checkNames.join("|")})$)${ownNameForm}$`));
  return mapping(
    meaning,
    name,
    "a mapping of metrics by their names, as in memory",
    `invalid name of a metric: ${ownNameRule}; ${checkNames.join(", ")} are checks already`,
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
  keyError: string,
  value: Value,
) {
  const valueError = expected(what);
  const error = (problem: Problem) => (problem.code === "invalid_key" ? keyError : valueError(problem));
  return z.record(name as z.ZodString, value, { error }).meta({ description: meaning });
}

/** A mapping with any keys. */
export const openMapping = (meaning: string) =>
  z.record(z.string(), z.unknown(), { error: expected("a mapping of settings") }).meta({ description: meaning });

/** A list without duplicates. */
export function list<Item extends z.ZodType>(meaning: string, item: Item) {
  return z
    .array(item, { error: expected("a list") })
    .superRefine((items, context) => {
      for (const [index, entry] of items.entries()) {
        const message = `${entry} is already in the list: remove it`;
        if (items.indexOf(entry) < index) context.addIssue({ code: "custom", path: [index], message });
      }
    })
    .meta({ description: meaning, uniqueItems: true });
}

/**
 * A key that may be left out and has no default in the schema.
 * @param fallback what applies then, for the table of settings
 */
export const optional = <Kind extends z.ZodType>(kind: Kind, fallback: string) => kind.optional().meta({ fallback });

export const flag = (meaning: string) =>
  described(z.boolean({ error: expected("true or false") }), meaning, "true or false");

export function choice<const Values extends readonly string[]>(meaning: string, values: Values) {
  const what = oneOf(values);
  return described(z.enum(values, { error: expected(what) }), meaning, what);
}

/** One of a few numbers. */
export function oneNumberOf<const Values extends readonly number[]>(meaning: string, values: Values, unit: string) {
  const what = oneOf(values.map(String));
  return described(z.literal(values, { error: expected(what) }), `${meaning}: ${what} ${unit}`, what);
}

/** A whole number from `least` to `most`. */
export const whole = (meaning: string, least: number, most: number, unit?: string) =>
  between(z.int, "a whole number", meaning, least, most, unit);

/** Whole percentages in ascending order, none of them 0 or 100, and not more of them than `most`. */
export function percentages(meaning: string, most: number) {
  const what = `a list of up to ${most} whole percentages from 1 to 99, each larger than the one before`;
  const isAscending = (list: number[]) => list.every((value, index) => index === 0 || value > list[index - 1]);
  const steps = z.array(whole("one of them", 1, 99, "%"), { error: expected(what) });
  const error = `write ${what}`;
  return described(
    steps.max(most, { error, abort: true }).refine((list) => list.length > 0 && isAscending(list), { error }),
    meaning,
    what,
  );
}

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
  return described(
    kind({ error }).min(least, { error }).max(most, { error }),
    `${meaning}, ${least} to ${most} ${unit}`.trimEnd(),
    what,
  );
}

/**
 * A string that matches a pattern.
 * @param what what to write, for error messages
 * @param isValid a further check, which editors do not make
 */
export function text(meaning: string, what: string, form: RegExp, isValid: (value: string) => boolean = () => true) {
  const error = expected(what);
  const kind = z.string({ error }).regex(form, { error, abort: true }).refine(isValid, { error, abort: true });
  return described(kind, meaning, what);
}

/** An amount of memory or storage in Mi or Gi. */
export function quantity(meaning: string, least: string, most: string) {
  const inRange = (value: string) => mebibytes(value) >= mebibytes(least) && mebibytes(value) <= mebibytes(most);
  return text(
    `${meaning}, ${least} to ${most}`,
    `a whole number with its unit, Mi or Gi, from ${least} to ${most}`,
    /^[1-9][0-9]*(Mi|Gi)$/,
    inRange,
  );
}

/** An amount as the stack file writes it, in Mi. */
export const mebibytes = (amount: string) => parseInt(amount, 10) * (amount.endsWith("Gi") ? 1024 : 1);

// Kubernetes accepts no loopback, link-local or multicast address for a Service.
const notReserved = /^(?!0\.|127\.|169\.254\.|22[4-9]\.|2[3-5]\d\.)/;
/** An IPv4 address that a Service may have. */
export function address(meaning: string) {
  const what = 'an IPv4 address that other machines can reach, as in "192.0.2.10"';
  const error = expected(what);
  return described(z.ipv4({ error, abort: true }).regex(notReserved, { error }), meaning, what);
}

const ipv4 = z.regexes.ipv4.source.slice(1, -1);
const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
// Browsers read a last label of digits as the end of an IPv4 address.
const hostName = new RegExp(`^(?=.{1,253}$)(?:${ipv4}|(?:${label}\\.)*(?!\\d+$)${label})$`);
const ipv6 = z.regexes.ipv6.source.slice(1, -1);
const browserHost = `(?:${hostName.source.slice(1, -1)}|\\[${ipv6}\\])`;
/** A host in lower case, since MLflow compares it with the host that a browser sends. */
export const host = (meaning: string) =>
  text(
    meaning,
    "a host name in lower case, an IPv4 address or an IPv6 address in brackets, without http:// and port",
    new RegExp(`^${browserHost}$`),
  );

/** An address of this machine, or a wildcard. */
export const listenAddress = (meaning: string) =>
  text(meaning, "an address of the machine, 0.0.0.0 or ::", new RegExp(`^(?:${ipv4}|${ipv6})$`));

const portNumber = "(?::[1-9]\\d{0,4})";
/** A host as a browser names it in its requests: the port stands there unless it is the scheme's own. */
export const hostAndPort = (meaning: string) =>
  text(
    meaning,
    "a host name in lower case, an IPv4 address or an IPv6 address in brackets, with a port that is not 80 or 443, " +
      'as in "food.example.org:8443"',
    new RegExp(`^(?!.*:(?:80|443)$)${browserHost}${portNumber}?$`),
  );

const registryHost = `${label}(?:\\.${label})*(?::[1-9]\\d{0,4})?`;
const registryPath = "(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)";
/** A registry, optionally with a path in it. */
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

/** The URL or path of a file. */
export const source = (meaning: string) =>
  text(meaning, "a URL with http:// or https://, or a path", /^(https?:\/\/\S+|(?![a-z0-9+.-]+:).+)$/);

/** Argo CD's name of a cluster, which becomes part of the name of a Secret. */
export const clusterName = (meaning: string) =>
  text(
    meaning,
    "up to 40 lower-case letters, digits and dashes, beginning with a letter, other than in-cluster",
    /^(?!in-cluster$)[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
  );

/** The URL of a remote API server. At `kubernetes.default`, Argo CD would reach the one of its own cluster. */
export const serverUrl = (meaning: string) =>
  text(
    meaning,
    'a URL with https:// and without a path, which the platform can reach, as in "https://192.0.2.20:6443"',
    new RegExp(`^https://(?!kubernetes\\.default)${hostName.source.slice(1, -1)}${portNumber}?$`),
  );
/** The URL of a Service, as other clusters reach it. */
export const serviceUrl = (meaning: string) =>
  text(
    meaning,
    'a URL with http:// and a port, and without a path, as in "http://192.0.2.20:80"',
    new RegExp(`^http://${hostName.source.slice(1, -1)}${portNumber}$`),
  );

/** The issuer of an OIDC provider, as its tokens name it. */
export const issuerUrl = (meaning: string) =>
  text(
    meaning,
    'a URL with https:// and without query, as in "https://login.example.org/realms/lab"',
    new RegExp(`^https://${hostName.source.slice(1, -1)}${portNumber}?(?:/[\\w.~-]+)*/?$`),
  );

/** The URL of a Prometheus, which a proxy may serve below a path. */
export const prometheusUrl = (meaning: string) =>
  text(
    meaning,
    'a URL with http:// or https:// and without a / at its end, as in "http://prometheus.example.org:9090"',
    new RegExp(`^https?://${hostName.source.slice(1, -1)}${portNumber}?(?:/[\\w.~-]+)*$`),
  );

/** The URL of an S3-compatible store. */
export const s3Endpoint = (meaning: string) =>
  text(
    meaning,
    'a URL with http:// or https:// and without a path, as in "https://objects.example.org"',
    new RegExp(`^https?://${hostName.source.slice(1, -1)}${portNumber}?$`),
  );

// Argo Workflows accepts neither names nor 7 for Sunday; croner accepts both.
const cronForm = /^[\d*,/-]+( [\d*,/-]+){4}$/;
const sundayAsSeven = / (?:\S*[,-])?7\S*$/;
// croner takes a step without a beginning for one after `*`; nothing else reads it.
const stepOfNothing = /(?:^|[ ,])\//;
/** Cron's five fields in numbers. */
export function schedule(meaning: string) {
  const fields = "minute, hour, day of the month, month, day of the week from 0 to 6";
  const what = `cron's five fields in numbers (${fields}), as in "0 2 * * *"`;
  return text(meaning, what, cronForm, isSchedule).refine(hasNextRun, {
    error: ({ input }) => `never comes: write a day that the month has, not ${found(input)}`,
  });
}

/** When a window begins: a schedule that croner, for the board, and cronsim, for the pipeline, read alike. */
export const windowSchedule = (meaning: string) =>
  schedule(meaning)
    .refine(hasOneKindOfDay, {
      error: ({ input }) => `write a day of the month or a weekday, and * for the other, not ${found(input)}`,
    })
    .refine((value) => !stepOfOne.test(value), {
      error: ({ input }) => `write a step only after * or a range, as in 5-59/15, not ${found(input)}`,
    });

// Of a day of the month and a weekday, croner asks for either, and cronsim for both where one begins with `*`.
function hasOneKindOfDay(value: string): boolean {
  const [, , dayOfMonth, , weekday] = value.split(" ");
  return dayOfMonth === "*" || weekday === "*";
}

// cronsim takes `5-5/2` for `5/2`, and counts a weekday's `1/2` up to 7, which is Sunday again.
const stepOfOne = /(?:^|[ ,])(?:\d+|(\d+)-\1)\//;

/** The name of a time zone. */
export const timeZone = (meaning: string) =>
  text(meaning, 'an IANA time zone, as in "Europe/Berlin"', /^[A-Z][\w+-]*(\/[A-Z][\w+-]*)*$/, isTimeZone);

/** With `sloppyRanges`, croner accepts `5/15` as Argo Workflows does. */
const parseSchedule = (value: string) => new Cron(value, { sloppyRanges: true });

function isSchedule(value: string): boolean {
  if (sundayAsSeven.test(value) || stepOfNothing.test(value)) return false;
  try {
    parseSchedule(value);
    return true;
  } catch {
    return false;
  }
}

/** Whether a schedule has any run: the 30th of February has none. */
const hasNextRun = (value: string) => parseSchedule(value).nextRun() !== null;

/** Whether a time zone has exactly this name. Case matters, since Argo Workflows looks it up as the name of a file. */
function isTimeZone(value: string): boolean {
  try {
    const known = new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone;
    return known === value || known.toLowerCase() !== value.toLowerCase();
  } catch {
    return false;
  }
}

/** Adds the words for people. Editors show `errorMessage` if the value is invalid. */
function described<Kind extends z.ZodType>(kind: Kind, meaning: string, what: string): Kind {
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

/** The value in the file, in a few words. A long text is not shown, since it may be a pasted kubeconfig. */
function found(input: unknown): string {
  if (Array.isArray(input)) return "a list";
  // No setting is a secret, and only Pulumi decrypts values: the commands read the file too.
  if (typeof input === "object") return "secure" in input! ? "an encrypted value" : "a mapping";
  if (typeof input === "string" && (input.length > 80 || input.includes("\n")))
    return `a text of ${input.length} characters`;
  return JSON.stringify(input);
}
