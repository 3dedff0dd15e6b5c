/** The engine's events of one `pulumi preview --json`, less everything secret. */
import { isRecord, type Properties } from "./compare";
import { redact, secret } from "./redact";

/** What becomes of a resource. A replacement is a new object in the place of the old one. */
export type Operation = "create" | "update" | "replace" | "delete";

export interface Change {
  readonly urn: string;
  /** `kubernetes:apps/v1:Deployment` */
  readonly type: string;
  /** Name of the component that declares it, as in `canary`, with its type; empty for one that the program declares itself. */
  readonly owner: { readonly type: string; readonly name: string };
  readonly operation: Operation;
  /** Declared properties; empty before a creation and after a deletion. */
  readonly before: Properties;
  readonly after: Properties;
  /** Properties that differ by the provider's word, secret ones too: `spec.ports[0].port`. */
  readonly differing: readonly string[];
  /** Those of them that an object can't change while it lives. */
  readonly replacedFor: readonly string[];
}

export interface Violation {
  readonly level: "mandatory" | "advisory";
  readonly policy: string;
  readonly message: string;
  /** URN; empty where it is about the whole stack. */
  readonly urn: string;
}

export interface Events {
  readonly changes: readonly Change[];
  readonly unchanged: number;
  /** What the cluster was found to have otherwise than it was deployed; only where the preview refreshed. */
  readonly refreshed: readonly string[];
  readonly violations: readonly Violation[];
  /** What a policy could not judge, since it looks at a value that is known only once it is applied. */
  readonly unjudged: readonly Pick<Violation, "policy" | "urn">[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Whether the engine came to its end; without that, what is missing from the changes says nothing. */
  readonly complete: boolean;
}

interface Metadata {
  op: string;
  urn: string;
  type: string;
  old: State | null;
  new: State | null;
  keys?: string[];
  diffs?: string[];
  detailedDiff: Record<string, unknown> | null;
}
interface State {
  custom?: boolean;
  parent: string;
  inputs: Properties;
}
interface Event {
  resourcePreEvent?: { metadata: Metadata };
  resOutputsEvent?: { metadata: Metadata };
  policyEvent?: {
    resourceUrn?: string;
    message: string;
    policyName: string;
    policyPackName: string;
    enforcementLevel: string;
  };
  diagnosticEvent?: { urn?: string; message: string; severity: string; ephemeral?: boolean };
  summaryEvent?: { resourceChanges: Record<string, number> };
}

/** Stands where a value is known only once it is applied. */
export const unknown = "(known once applied)";
const unknownMark = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const [markKey, secretMark] = ["4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"];
/** The engine's last word on a preview that failed for a reason given elsewhere. */
const failed = "preview failed";
const operations = ["create", "update", "replace", "delete"];

/**
 * Reads the lines that `pulumi preview --json` prints with `PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true`: the one
 * document that it prints otherwise leaves the policies' findings out. Other lines are skipped.
 */
export function parseEvents(lines: readonly string[]): Events {
  const events = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Event);
  const steps = events.flatMap(({ resourcePreEvent }) => resourcePreEvent?.metadata ?? []);
  const spoken = (severity: string) =>
    events.flatMap(({ diagnosticEvent }) =>
      diagnosticEvent?.severity === severity && !diagnosticEvent.ephemeral ? sentence(diagnosticEvent) : [],
    );
  const counts = events.find(({ summaryEvent }) => summaryEvent)?.summaryEvent?.resourceChanges;
  const judged = events.flatMap(({ policyEvent }) => (policyEvent ? violationOf(policyEvent) : []));
  const isUnjudged = ({ message }: Violation) => message.startsWith("can't run policy ");
  const violations = judged.filter((each) => !isUnjudged(each));
  // What the CLI itself objects to is no event.
  const said = [
    ...spoken("error"),
    ...lines.filter((line) => line.startsWith("error: ")).map((line) => redact(line.slice("error: ".length))),
  ];
  const errors = said.filter((text) => text !== failed);
  // A mandatory policy fails the preview as well, at its end.
  const refused = violations.some(({ level }) => level === "mandatory");
  return {
    changes: steps.filter((step) => operations.includes(step.op) && (step.new ?? step.old)?.custom).map(changeOf),
    unchanged: counts?.same ?? 0,
    refreshed: refreshedOf(events),
    violations,
    unjudged: judged.filter(isUnjudged),
    errors,
    warnings: spoken("warning"),
    complete: counts !== undefined && errors.length === 0 && (refused || said.length === 0),
  };
}

/** The reading of a resource ends with what it found: no object any more, properties that differ, or neither. */
function refreshedOf(events: readonly Event[]): string[] {
  const reading = new Set<string>();
  const found = new Set<string>();
  for (const { resourcePreEvent, resOutputsEvent } of events) {
    const begun = resourcePreEvent?.metadata;
    if (begun) reading[begun.op === "refresh" ? "add" : "delete"](begun.urn);
    const ended = resOutputsEvent?.metadata;
    if (ended && reading.has(ended.urn) && (!ended.new || differing(ended).length > 0)) found.add(ended.urn);
  }
  return [...found];
}

/** Last part of a URN: the name that the program gives the resource. */
export const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

const differing = ({ detailedDiff, diffs = [] }: Metadata): string[] =>
  Object.keys(detailedDiff ?? {}).length > 0 ? Object.keys(detailedDiff!) : diffs;

function changeOf(step: Metadata): Change {
  const { op, urn, type, old, new: next } = step;
  const [, , types = "", name = ""] = ((next ?? old)?.parent ?? "").split("::");
  const shownInputs = (state: State | null) => visible(state?.inputs ?? {}) as Properties;
  return {
    urn,
    type,
    owner: { type: types.split("$").at(-1)!, name },
    operation: op as Operation,
    before: shownInputs(old),
    after: shownInputs(next),
    differing: differing(step),
    replacedFor: step.keys ?? [],
  };
}

function violationOf({
  resourceUrn = "",
  message,
  policyName,
  policyPackName,
  enforcementLevel,
}: NonNullable<Event["policyEvent"]>): Violation {
  // Its description comes first, on a line of its own; then what is wrong here.
  const [description, ...found] = message.trim().split("\n");
  return {
    level: enforcementLevel === "mandatory" ? "mandatory" : "advisory",
    policy: `${policyPackName}/${policyName}`,
    message: redact(found.join("\n") || description),
    urn: resourceUrn,
  };
}

/** Without the calls that led there, which tell a reviewer nothing. */
function sentence({ urn, message }: { urn?: string; message: string }): string {
  const lines = message
    .trim()
    .split("\n")
    .filter((line) => !/^\s+at .*:\d+:\d+\)?/.test(line));
  return redact(`${urn ? `${nameOf(urn)}: ` : ""}${lines.join("\n")}`);
}

/** The value with what Pulumi marks as secret or unknown put into words. What a Kubernetes Secret holds is secret without a mark. */
function visible(value: unknown): unknown {
  if (value === unknownMark) return unknown;
  if (Array.isArray(value)) return value.map(visible);
  if (!isRecord(value)) return value;
  if (value[markKey] === secretMark) return secret;
  const shown = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, visible(inner)]));
  if (value.kind === "Secret") for (const key of ["data", "stringData"]) if (key in shown) shown[key] = secret;
  return shown;
}
