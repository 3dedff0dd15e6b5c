/** The seconds of one `pulumi preview`, by part. The parts add up to the total. */
export interface PreviewSplit {
  readonly total: number;
  /** From starting the program to the first resource that it registers, besides the stack itself. */
  readonly program: number;
  /** While a provider starts or answers at least one call, and the program has started. */
  readonly provider: number;
  /** The rest: the CLI, its state, its comparison, and the program from its first resource on. */
  readonly engine: number;
}

interface Span {
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: { key: string; value: { stringValue?: string } }[];
}
interface Batch {
  resourceSpans: { resource: Pick<Span, "attributes">; scopeSpans: { spans: Span[] }[] }[];
}
/** Seconds since 1970. */
type Interval = readonly [start: number, end: number];

/**
 * Splits a preview by the CLI's own trace.
 * @param trace what `--otel-traces file://` wrote: OpenTelemetry's spans as JSON, a batch a line
 * @throws if the trace shows no program that registers a resource
 */
export function splitPreview(trace: string): PreviewSplit {
  const batches = trace
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => (JSON.parse(line) as Batch).resourceSpans);
  // Plugins trace the same calls from their side.
  const spans = batches
    .filter(({ resource }) => attribute(resource, "service.name") === "pulumi-cli")
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  const named = (name: string) =>
    spans
      .filter((span) => span.name === name)
      .map(interval)
      .sort(([a], [b]) => a - b);

  const [whole] = named("pulumi");
  const [run] = named("pulumirpc.LanguageRuntime/Run");
  const [, first] = named("pulumirpc.ResourceMonitor/RegisterResource");
  if (!whole || !run || !first)
    throw new Error(
      "the preview's trace shows no program that registers a resource: run `npm run preview` and fix what it reports",
    );

  const ofProviders = spans.filter(
    (span) =>
      span.name.startsWith("pulumirpc.ResourceProvider/") ||
      (span.name === "newPlugin" && attribute(span, "kind") === "resource"),
  );
  const total = length(whole);
  const program = first[0] - run[0];
  const provider = covered(
    ofProviders.map(interval).flatMap(
      ([start, end]) =>
        [
          [start, Math.min(end, run[0])],
          [Math.max(start, first[0]), end],
        ] as const,
    ),
  );
  return { total, program, provider, engine: total - program - provider };
}

const attribute = ({ attributes }: Pick<Span, "attributes">, key: string) =>
  attributes?.find((candidate) => candidate.key === key)?.value.stringValue;
const interval = ({ startTimeUnixNano, endTimeUnixNano }: Span): Interval => [
  Number(startTimeUnixNano) / 1e9,
  Number(endTimeUnixNano) / 1e9,
];
const length = ([start, end]: Interval) => end - start;

/** Seconds in at least one of the intervals, since calls overlap. An interval that ends before it starts is skipped. */
function covered(intervals: Interval[]): number {
  let until = -Infinity;
  let seconds = 0;
  for (const [start, end] of [...intervals].sort(([a], [b]) => a - b)) {
    seconds += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return seconds;
}
