import { counted } from "../../../lib/counted";
import type { HistoryPage, ModelView } from "../../api";
import { getJson } from "../api/requests";
import { useLoaded } from "../hooks/use-loaded";
import { routeAddress } from "../state/route";
import { outcomeTone } from "../state/tone";
import { Sign } from "./sign";
import { Failed, Loading } from "./states";
import { Time } from "./time";

/** Newest records that are listed beside a version. */
const listed = 6;

interface ModelRecordsProps {
  readonly model: ModelView;
  /** Asks for the record again when it differs. */
  readonly change: string;
}

/** What was done with a version, and where: the newest of its records, and the way to all of them. */
export function ModelRecords({ model: { version, records }, change }: ModelRecordsProps) {
  const { value, error } = useLoaded(`${version} ${records} ${change}`, (signal) =>
    getJson<HistoryPage>(`/api/history?version=${encodeURIComponent(version)}`, signal),
  );
  return (
    <section class="model-records" aria-labelledby="model-records-title">
      <h3 id="model-records-title">Releases</h3>
      {error && <Failed what="its record" why={error} />}
      {!value && !error && <Loading what="its record" />}
      {value?.records.length === 0 && <p class="hint">It was never deployed.</p>}
      {value && value.records.length > 0 && (
        <>
          <ol class="gate-list">
            {value.records.slice(0, listed).map(({ startedAt, action, environment, outcome, reason }) => (
              <li key={`${startedAt} ${environment} ${action}`}>
                <b>
                  {action} {environment !== "-" && environment}
                </b>
                <Sign tone={outcomeTone(outcome)} word={outcome ?? "running"} />
                <span>
                  <Time at={startedAt} /> {reason}
                </span>
              </li>
            ))}
          </ol>
          <a href={routeAddress("history", null, { version })}>
            {counted(records, "record")} of {version} in the history
          </a>
        </>
      )}
    </section>
  );
}
