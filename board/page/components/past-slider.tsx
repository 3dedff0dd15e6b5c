import { useState } from "preact/hooks";
import type { PipelineView, ServedView } from "../../api";
import { getJson } from "../api/requests";
import { useLoaded } from "../hooks/use-loaded";
import { usePast } from "../hooks/use-past";
import { recordChange } from "../state/history";
import { instant, shortTime } from "../state/time";
import { lanesOf, sliderSteps, stepOfTime, timeAtStep } from "../state/timeline";
import { Failed, Loading } from "./states";
import { Timeline } from "./timeline";
import { VersionChip } from "./version-chip";

const pause = (signal: AbortSignal, milliseconds: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });

interface SliderProps {
  readonly from: number;
  readonly view: PipelineView;
}

function Slider({ from, view }: SliderProps) {
  // null for now, which goes on while the page is open.
  const [chosen, setChosen] = useState<number | null>(null);
  const change = recordChange(view);
  const period = { from, to: instant(view.at) };
  const time = chosen ?? period.to;
  const at = new Date(time).toISOString();
  const past = usePast(from, change);
  // What runs now is asked for again when it may differ, and not whenever time has passed.
  const served = useLoaded(`${chosen ?? "now"} ${change}`, async (signal) => {
    await pause(signal, 120);
    return getJson<ServedView>(`/api/served?at=${encodeURIComponent(at)}`, signal);
  });
  const environments = view.environments.map(({ name }) => name);
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
          max={sliderSteps}
          value={stepOfTime(chosen, period)}
          aria-valuetext={shortTime(at)}
          onInput={(event) => setChosen(timeAtStep(Number(event.currentTarget.value), period))}
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

/** A slider over the whole record, until now: what ran at any time of it. */
export function PastSlider({ view }: { readonly view: PipelineView }) {
  const now = useLoaded(recordChange(view), (signal) =>
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
      {from && <Slider from={instant(from)} view={view} />}
    </section>
  );
}
