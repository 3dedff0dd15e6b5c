import { useState } from "preact/hooks";
import { type HistoryPage, type PipelineView, type RecordView, recordActions } from "../../api";
import { getJson } from "../api/requests";
import { Delivery } from "../components/delivery";
import { PastSlider } from "../components/past-slider";
import { RecordDialog } from "../components/record-dialog";
import { RecordTable } from "../components/record-table";
import { Empty, Failed, Loading } from "../components/states";
import { usePages } from "../hooks/use-pages";
import { mergeRecords, recordChange } from "../state/history";
import { type Route, routeAddress } from "../state/route";

type RecordFilter = Readonly<Partial<Record<"environment" | "action" | "version", string>>>;

const loadRecords = (filter: RecordFilter) => async (last: RecordView | undefined) => {
  const given = Object.entries({ ...filter, before: last?.startedAt }).filter(([, value]) => value);
  const query = new URLSearchParams(given as [string, string][]);
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

/** A version that a person types. It counts once they press Enter or leave the field. */
function VersionFilter({ value, choose }: Pick<FilterProps, "value" | "choose">) {
  const [typed, setTyped] = useState(value);
  return (
    <label class="filter">
      <span>Version</span>
      <input
        size={8}
        placeholder="all"
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onChange={() => choose(typed.trim())}
      />
    </label>
  );
}

interface RecordsProps {
  readonly route: Route;
  readonly view: PipelineView | null;
  readonly show: (record: RecordView) => void;
}

function Records({ route, view, show }: RecordsProps) {
  const { environment = "", action = "", version = "" } = route.options;
  const filter = { environment, action, version };
  const pages = { key: routeAddress("history", null, filter), change: recordChange(view), load: loadRecords(filter) };
  const { rows, error, loadOlder } = usePages({ ...pages, merge: mergeRecords });
  const choose = (name: string) => (value: string) => {
    location.hash = routeAddress("history", null, { ...filter, [name]: value });
  };
  const names = view?.environments.map(({ name }) => name) ?? [];
  return (
    <section class="panel panel-table" aria-labelledby="records-title">
      <header class="panel-head">
        <h2 id="records-title">Record</h2>
        <Filter label="Environment" value={environment} values={names} choose={choose("environment")} />
        <Filter label="Action" value={action} values={recordActions} choose={choose("action")} />
        <VersionFilter key={version} value={version} choose={choose("version")} />
      </header>
      {error && <Failed what="the record" why={error} />}
      {!rows && !error && <Loading what="the record" />}
      {rows?.length === 0 && <Empty title="Nothing on record" />}
      {rows && rows.length > 0 && <RecordTable records={rows} show={show} nearEnd={loadOlder} />}
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
      <Delivery change={recordChange(view)} />
      {record && <RecordDialog record={record} close={() => setRecord(null)} />}
    </>
  );
}
