import { useState } from "preact/hooks";
import type { HistoryPage, PipelineView, RecordView } from "../../api";
import { getJson } from "../api/requests";
import { Delivery } from "../components/delivery";
import { PastSlider } from "../components/past-slider";
import { RecordDialog } from "../components/record-dialog";
import { RecordTable } from "../components/record-table";
import { Empty, Failed, Loading } from "../components/states";
import { usePages } from "../hooks/use-pages";
import { actionsOf, mergeRecords, withAction } from "../state/history";
import { type Route, routeAddress } from "../state/route";

const loadRecords = (environment: string) => async (last: RecordView | undefined) => {
  const query = new URLSearchParams({ ...(environment && { environment }), ...(last && { before: last.startedAt }) });
  const { records, hasOlder } = await getJson<HistoryPage>(`/api/history?${query}`);
  return { rows: records, hasOlder };
};

interface FilterProps {
  readonly label: string;
  readonly value: string;
  readonly values: readonly string[];
  readonly choose: (value: string) => void;
}

const Filter = ({ label, value, values, choose }: FilterProps) => (
  <label class="filter">
    <span>{label}</span>
    <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">all</option>
      {values.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  </label>
);

interface RecordsProps {
  readonly route: Route;
  readonly view: PipelineView | null;
  readonly show: (record: RecordView) => void;
}

/** Differs when a run has ended or an environment serves another version, which is when the record grows. */
const changeOf = (view: PipelineView | null): string =>
  [
    ...(view?.runs ?? []).map(({ name, finishedAt }) => `${name} ${finishedAt}`),
    ...(view?.environments ?? []).map(({ version }) => version),
    view?.freeze?.since,
  ].join();

function Records({ route, view, show }: RecordsProps) {
  const { environment = "", action = "" } = route.options;
  const change = changeOf(view);
  const load = loadRecords(environment);
  const { rows, hasOlder, error, loadOlder } = usePages({ key: environment, change, load, merge: mergeRecords });
  const choose = (name: string) => (value: string) => {
    location.hash = routeAddress("history", null, { environment, action, [name]: value });
  };
  const names = view?.environments.map(({ name }) => name) ?? [];
  const shown = withAction(rows ?? [], action);
  return (
    <section class="panel panel-table" aria-labelledby="records-title">
      <header class="panel-head">
        <h2 id="records-title">Record</h2>
        <Filter label="Environment" value={environment} values={names} choose={choose("environment")} />
        <Filter label="Action" value={action} values={actionsOf(rows ?? [])} choose={choose("action")} />
      </header>
      {error && <Failed what="the record" why={error} />}
      {!rows && !error && <Loading what="the record" />}
      {rows && shown.length === 0 && !hasOlder && <Empty title="Nothing on record" />}
      {rows && (shown.length > 0 || hasOlder) && <RecordTable records={shown} show={show} nearEnd={loadOlder} />}
    </section>
  );
}

/** What was released, when, by whom, and what ran at any time. */
export function History({ route, view }: { readonly route: Route; readonly view: PipelineView | null }) {
  const [record, setRecord] = useState<RecordView | null>(null);
  return (
    <>
      <h1>History</h1>
      {view ? <PastSlider view={view} /> : <Loading what="the record" />}
      <Records route={route} view={view} show={setRecord} />
      <Delivery />
      {record && <RecordDialog record={record} close={() => setRecord(null)} />}
    </>
  );
}
