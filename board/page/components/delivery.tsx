import { counted } from "../../../lib/counted";
import type { DeliveryView } from "../../api";
import { getJson } from "../api/requests";
import { useLoaded } from "../hooks/use-loaded";
import { deliveryRows, turnedAwayShare } from "../state/delivery";
import { durationOrDash } from "../state/time";
import { Failed, Loading } from "./states";

const Tile = ({ value, label, more }: { value: string; label: string; more: string }) => (
  <div class="tile">
    <dt>{label}</dt>
    <dd>
      <span class="tile-value figures">{value}</span>
      <span class="hint">{more}</span>
    </dd>
  </div>
);

function leadTimeWords({ leadTime: { count, p90 }, unknownLeadTimes: unknown }: DeliveryView): string {
  const lost = `unknown of ${counted(unknown, "version")} that MLflow no longer has`;
  if (count === 0) return unknown > 0 ? lost : "no new version has come all the way";
  return `median of ${count}; nine in ten within ${durationOrDash(p90)}${unknown > 0 ? `; ${lost}` : ""}`;
}

function Figures({ view }: { readonly view: DeliveryView }) {
  const { leadTime, judged, turnedAway, by } = view;
  const gates = Object.entries(by).map(([gate, count]) => `${gate} ${count}`);
  return (
    <>
      <dl class="tiles">
        <Tile label="Lead time" value={durationOrDash(leadTime.median)} more={leadTimeWords(view)} />
        <Tile label="Judged" value={String(judged)} more="versions that staging tested" />
        <Tile
          label="Turned away"
          value={turnedAwayShare(view)}
          more={[counted(turnedAway, "version"), ...gates].join(", ")}
        />
      </dl>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Environment</th>
            <th scope="col" class="number">
              Releases
            </th>
            <th scope="col" class="number">
              Failed
            </th>
            <th scope="col" class="number wide">
              Share
            </th>
            <th scope="col" class="number">
              Restored in
            </th>
          </tr>
        </thead>
        <tbody>
          {deliveryRows(view).map(({ name, deployments, failures, failureRate, restoreMedian }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number figures">{deployments}</td>
              <td class="number figures">{failures}</td>
              <td class="number figures wide">{failureRate}</td>
              <td class="number figures">{durationOrDash(restoreMedian)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** The delivery figures of the last 30 days. @param change asks for them again when it differs */
export function Delivery({ change }: { readonly change: string }) {
  const { value, error } = useLoaded(change, (signal) => getJson<DeliveryView>("/api/delivery", signal));
  return (
    <section class="panel" aria-labelledby="delivery-title">
      <header class="panel-head">
        <h2 id="delivery-title">Delivery, last 30 days</h2>
      </header>
      {error && <Failed what="the figures" why={error} />}
      {!value && !error && <Loading what="the figures" />}
      {value && <Figures view={value} />}
    </section>
  );
}
