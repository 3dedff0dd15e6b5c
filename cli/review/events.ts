/** The engine's events of one `pulumi preview --json`, without anything secret. */
import { isRecord, type Properties } from "../../lib/record";
import { redact, secret } from "./redact";

/** What an update does to a resource. A replacement is a new object in the place of the old one. */
export type Operation = "create" | "update" | "replace" | "delete";

export interface Change {
  readonly urn: string;
  /** `kubernetes:apps/v1:Deployment` */
  readonly type: string;
  /** The component that declares it, as in `canary`, with its type; both are empty outside of a component. */
  readonly owner: { readonly type: string; readonly name: string };
  readonly operation: Operation;
  /** Declared properties; empty before a creation and after a deletion. */
  readonly before: Properties;
  readonly after: Properties;
  /** Properties that differ as the provider reports it, secret ones too: `spec.ports[0].port`. */
  readonly differing: readonly string[];
  /** Those of them that can't be changed in place. */
  readonly replacedFor: readonly string[];
}

export interface Violation {
  readonly level: "mandatory" | "advisory";
  readonly policy: string;
  readonly message: string;
  /** URN; empty if the violation is about the whole stack. */
  readonly urn: string;
}

export interface Events {
  readonly changes: readonly Change[];
  readonly unchanged: number;
  /** URNs of the objects that differ in the cluster from their last deployment; only of a preview that refreshed. */
  readonly refreshed: readonly string[];
  readonly violations: readonly Violation[];
  /**
   * What a policy could not check, since it reads a value that is known only after the update; or what no policy of the
   * pack can check, with the reason as its message.
   */
  readonly uncheckedByPolicy: readonly (Pick<Violation, "policy" | "urn"> & { readonly reason?: string })[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Whether the engine completed. If it did not, the list of changes may be incomplete. */
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

/** Stands for a value that is known only after the update. */
export const unknown = "(known once applied)";
const unknownMark = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const [markKey, secretMark] = ["4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"];
/** The engine's last error of a preview that failed for another reason, which it names too. */
const failedPreview = "preview failed";
const operations = ["create", "update", "replace", "delete"];

/**
 * Reads the lines that `pulumi preview --json` prints with `PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true`. Without it, the
 * CLI prints one document that lacks the policies' violations. Other lines are skipped.
 */
export function parseEvents(lines: readonly string[]): Events {
  const events = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Event);
  const steps = events.flatMap(({ resourcePreEvent }) => resourcePreEvent?.metadata ?? []);
  const diagnosticsOf = (severity: string) =>
    events.flatMap(({ diagnosticEvent }) =>
      diagnosticEvent?.severity === severity && !diagnosticEvent.ephemeral ? diagnosticText(diagnosticEvent) : [],
    );
  const counts = events.find(({ summaryEvent }) => summaryEvent)?.summaryEvent?.resourceChanges;
  const policyFindings = events.flatMap(({ policyEvent }) => (policyEvent ? violationOf(policyEvent) : []));
  const isUnknown = ({ message }: Violation) => message.startsWith("can't run policy ");
  const isGap = ({ policy }: Violation) => /\/not-checked(-files)?$/.test(policy);
  const violations = policyFindings.filter((finding) => !isUnknown(finding) && !isGap(finding));
  // An error of the CLI itself is not an event.
  const allErrors = [
    ...diagnosticsOf("error"),
    ...lines.filter((line) => line.startsWith("error: ")).map((line) => redact(line.slice("error: ".length))),
  ];
  const errors = allErrors.filter((text) => text !== failedPreview);
  // A violated mandatory policy also fails the preview, at its end.
  const failedByPolicy = violations.some(({ level }) => level === "mandatory");
  return {
    changes: steps.filter((step) => operations.includes(step.op) && (step.new ?? step.old)?.custom).map(changeOf),
    unchanged: counts?.same ?? 0,
    refreshed: refreshedOf(events),
    violations,
    uncheckedByPolicy: [
      ...policyFindings.filter(isUnknown),
      ...policyFindings
        .filter((finding) => isGap(finding) && !isUnknown(finding))
        .map(({ message, ...finding }) => ({ ...finding, reason: message })),
    ],
    errors,
    warnings: diagnosticsOf("warning"),
    complete: counts !== undefined && errors.length === 0 && (failedByPolicy || allErrors.length === 0),
  };
}

/** The refresh of a resource ends with an event: without a new state if the object is gone, or with the differences. */
function refreshedOf(events: readonly Event[]): string[] {
  const refreshing = new Set<string>();
  const differingUrns = new Set<string>();
  for (const { resourcePreEvent, resOutputsEvent } of events) {
    const begun = resourcePreEvent?.metadata;
    if (begun?.op === "refresh") refreshing.add(begun.urn);
    else if (begun) refreshing.delete(begun.urn);
    const ended = resOutputsEvent?.metadata;
    if (!ended || !refreshing.has(ended.urn)) continue;
    if (!ended.new || differing(ended).length > 0) differingUrns.add(ended.urn);
  }
  return [...differingUrns];
}

/** Last part of a URN: the name that the program gives the resource. */
export const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

const differing = ({ detailedDiff, diffs = [] }: Metadata): string[] =>
  Object.keys(detailedDiff ?? {}).length > 0 ? Object.keys(detailedDiff!) : diffs;

function changeOf(step: Metadata): Change {
  const { op, urn, type, old, new: next } = step;
  const [, , types = "", name = ""] = ((next ?? old)?.parent ?? "").split("::");
  const visibleInputs = (state: State | null) => withoutSecrets(state?.inputs ?? {}) as Properties;
  return {
    urn,
    type,
    owner: { type: types.split("$").at(-1)!, name },
    operation: op as Operation,
    before: visibleInputs(old),
    after: visibleInputs(next),
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
  // The first line is the policy's description, the others are what violates it here.
  const [description, ...violations] = message.trim().split("\n");
  return {
    level: enforcementLevel === "mandatory" ? "mandatory" : "advisory",
    policy: `${policyPackName}/${policyName}`,
    message: redact(violations.join("\n") || description),
    urn: resourceUrn,
  };
}

/** The text of a diagnostic, without its stack trace. */
function diagnosticText({ urn, message }: { urn?: string; message: string }): string {
  const lines = message
    .trim()
    .split("\n")
    .filter((line) => !/^\s+at .*:\d+:\d+\)?/.test(line));
  return redact(`${urn ? `${nameOf(urn)}: ` : ""}${lines.join("\n")}`);
}

/**
 * The value with a text in place of everything that Pulumi marks as secret or unknown. The data of a Kubernetes Secret
 * is secret without a mark.
 */
function withoutSecrets(value: unknown): unknown {
  if (value === unknownMark) return unknown;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isRecord(value)) return value;
  if (value[markKey] === secretMark) return secret;
  const holdsData = (key: string) => value.kind === "Secret" && ["data", "stringData"].includes(key);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, holdsData(key) ? secret : withoutSecrets(inner)]),
  );
}
