import { useState } from "preact/hooks";
import type { PipelineView, ServedView } from "../../api";
import { getJson } from "../api/requests";
import { useLoaded } from "../hooks/use-loaded";
import { usePast } from "../hooks/use-past";
import { instant, shortTime } from "../state/time";
import { lanesOf } from "../state/timeline";
import { Failed, Loading } from "./states";
import { Timeline } from "./timeline";
import { VersionChip } from "./version-chip";

/** Minutes that the slider has, at most; it asks the server once it rests on one. */
const steps = 1_000;

const pause = (signal: AbortSignal, milliseconds: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });

interface SliderProps {
  readonly from: number;
  readonly to: number;
  readonly environments: readonly string[];
}

function Slider({ from, to, environments }: SliderProps) {
  const [step, setStep] = useState(steps);
  const time = from + ((to - from) * step) / steps;
  const at = new Date(time).toISOString();
  const past = usePast(from, "");
  const served = useLoaded(at, async (signal) => {
    await pause(signal, 120);
    return getJson<ServedView>(`/api/served?at=${encodeURIComponent(at)}`, signal);
  });
  const period = { from, to };
  return (
    <>
      {past.error && <Failed what="the record" why={past.error} />}
      {!past.value && !past.error && <Loading what="the record" />}
      {past.value && (
        <Timeline
          lanes={lanesOf(environments, past.value.records, past.value.before, period)}
          period={period}
          mark={time}
        />
      )}
      <label class="slider">
        <span class="visually-hidden">Time</span>
        <input
          type="range"
          min={0}
          max={steps}
          value={step}
          aria-valuetext={shortTime(at)}
          onInput={(event) => setStep(Number(event.currentTarget.value))}
        />
      </label>
      {past.value && !past.value.isWhole && (
        <p class="hint">
          The bars show the newest {past.value.records.length} records. The slider reaches further back.
        </p>
      )}
      <div class="served" aria-live="polite">
        <p>
          At <strong class="figures">{shortTime(at)}</strong> ran:
        </p>
        <dl>
          {served.value?.environments.map(({ name, version }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <VersionChip version={version} />
              </dd>
            </div>
          ))}
        </dl>
      </div>
      {served.error && <Failed what="what ran then" why={served.error} />}
    </>
  );
}

/** A slider over the whole record: what ran at any time of it. */
export function PastSlider({ view }: { readonly view: PipelineView }) {
  const [to] = useState(() => instant(view.at));
  const now = useLoaded("now", (signal) =>
    getJson<ServedView>(`/api/served?at=${encodeURIComponent(view.at)}`, signal),
  );
  const from = now.value?.from;
  return (
    <section class="panel" aria-labelledby="past-title">
      <header class="panel-head">
        <h2 id="past-title">What ran when</h2>
      </header>
      {now.error && <Failed what="the record" why={now.error} />}
      {!now.value && !now.error && <Loading what="the record" />}
      {now.value && !from && <p class="hint">Nothing has been released yet.</p>}
      {from && <Slider from={instant(from)} to={to} environments={view.environments.map(({ name }) => name)} />}
    </section>
  );
}
