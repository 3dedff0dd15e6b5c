import { useState } from "preact/hooks";
import type { PipelineView } from "../../api";
import { usePast } from "../hooks/use-past";
import { recordChange } from "../state/history";
import { instant } from "../state/time";
import { lanesOf, periods } from "../state/timeline";
import { Failed, Loading } from "./states";
import { Timeline } from "./timeline";

/** The timeline of the last hours or days, until the picture that the page shows. */
export function PastTimeline({ view }: { readonly view: PipelineView }) {
  const [length, setLength] = useState(periods[1].length);
  const to = instant(view.at);
  // To the hour, so that each picture of the pipeline does not ask for the past anew.
  const { value, error } = usePast(Math.floor((to - length) / 3_600_000) * 3_600_000, recordChange(view));
  const period = { from: to - length, to };
  const names = view.environments.map(({ name }) => name);
  const lanes = lanesOf(names, value?.records ?? [], value?.before ?? null, period);
  return (
    <section class="panel" aria-labelledby="timeline-title">
      <header class="panel-head">
        <h2 id="timeline-title">Versions over time</h2>
        <fieldset class="choice">
          <legend class="visually-hidden">Period</legend>
          {periods.map((period) => (
            <label key={period.length}>
              <input
                type="radio"
                name="period"
                checked={length === period.length}
                onChange={() => setLength(period.length)}
              />
              <span>{period.label}</span>
            </label>
          ))}
        </fieldset>
      </header>
      {error && <Failed what="the record" why={error} />}
      {!value && !error && <Loading what="the record" />}
      {value && <Timeline lanes={lanes} period={period} />}
      {value && lanes.every(({ spans }) => spans.length === 0) && (
        <p class="hint">Nothing was released in this time.</p>
      )}
    </section>
  );
}
