import { routeAddress } from "../state/route";
import { shortTime } from "../state/time";
import { type Lane, type Period, positionOf, type Span, ticksOf } from "../state/timeline";
import { hueOf } from "../state/version";
import { hueClass } from "./version-chip";

/** Widths, in percent of the timeline, below which the label of a span would not fit: on a desk, and on a phone. */
const labelFits = { desk: 5, phone: 16 };

const words = ({ version, from, to }: Span): string => `${version} from ${shortTime(from)} to ${shortTime(to)}`;

function SpanBar({ span }: { readonly span: Span }) {
  const { version, x, width } = span;
  const bar = (
    <>
      <rect class="span" x={`${x}%`} width={`${width}%`} y="3" height="22" rx="4" />
      {width > labelFits.desk && (
        <text
          class={width > labelFits.phone ? "span-label" : "span-label for-desk"}
          x={`${x + width / 2}%`}
          y="18"
          text-anchor="middle"
        >
          {version}
        </text>
      )}
      <title>{words(span)}</title>
    </>
  );
  if (hueOf(version) === null) return <g class="hue-none">{bar}</g>;
  return (
    <a class={hueClass(version)} href={routeAddress("models", version)} tabIndex={-1} aria-label={words(span)}>
      {bar}
    </a>
  );
}

/** A label at an edge stays inside. */
function anchorAt(x: number): "start" | "middle" | "end" {
  if (x < 4) return "start";
  return x > 96 ? "end" : "middle";
}

interface TimelineProps {
  readonly lanes: readonly Lane[];
  readonly period: Period;
  /** A time to mark, in milliseconds since 1970; null for none. */
  readonly mark?: number | null;
}

/** What each environment served over time, with each version in its colour. */
export function Timeline({ lanes, period, mark = null }: TimelineProps) {
  return (
    <div class="timeline">
      <ul class="lanes">
        {lanes.map(({ environment, spans }) => (
          <li key={environment} class="lane">
            <span class="lane-name" title={environment}>
              {environment}
            </span>
            {spans.length === 0 && <span class="visually-hidden">: no record</span>}
            {/* biome-ignore lint/a11y/useSemanticElements: an SVG that groups links has no element of its own */}
            <svg class="lane-spans" width="100%" height="28" role="group" aria-label={`Versions in ${environment}`}>
              <rect class="lane-track" y="3" width="100%" height="22" rx="4" />
              {spans.map((span) => (
                <SpanBar key={span.from} span={span} />
              ))}
              {mark !== null && <rect class="lane-mark" x={`${positionOf(mark, period)}%`} width="2" height="28" />}
            </svg>
          </li>
        ))}
      </ul>
      <svg class="ticks" width="100%" height="20" aria-hidden="true">
        {ticksOf(period).map(({ x, label }) => (
          <g key={x}>
            <rect class="tick" x={`${x}%`} width="1" height="5" />
            <text x={`${x}%`} y="17" text-anchor={anchorAt(x)}>
              {label}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
