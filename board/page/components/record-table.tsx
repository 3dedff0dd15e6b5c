import { duration } from "../../../lib/duration";
import type { RecordView } from "../../api";
import { instant, secondsBetween } from "../state/time";
import { outcomeTone } from "../state/tone";
import { Person } from "./person";
import { Sign } from "./sign";
import { Time } from "./time";
import { VersionChip } from "./version-chip";
import { WindowedTable } from "./windowed-table";

const head = (
  <>
    <th scope="col">When</th>
    <th scope="col">What</th>
    <th scope="col">Version</th>
    <th scope="col" class="sign-cell">
      <span class="sign-word">Outcome</span>
    </th>
    <th scope="col" class="wide">
      By
    </th>
    <th scope="col" class="wider number">
      Took
    </th>
    <th scope="col" class="wider rest">
      Reason
    </th>
  </>
);

const took = ({ startedAt, endedAt }: RecordView): string =>
  endedAt === null ? "–" : duration(secondsBetween(instant(startedAt), instant(endedAt)));

interface CellsProps {
  readonly record: RecordView;
  readonly show: (record: RecordView) => void;
}

const Cells = ({ record, show }: CellsProps) => (
  <>
    <td>
      <Time at={record.startedAt} />
    </td>
    <th scope="row">
      <button type="button" class="row-button" onClick={() => show(record)}>
        <span>{record.action} </span>
        {record.environment !== "-" && <span>{record.environment}</span>}
      </button>
    </th>
    <td>{record.version && <VersionChip version={record.version} />}</td>
    <td class="sign-cell">
      <Sign tone={outcomeTone(record.outcome)} word={record.outcome ?? "running"} />
    </td>
    <td class="wide clip">
      <Person username={record.requestedBy} />
    </td>
    <td class="wider number figures">{took(record)}</td>
    <td class="wider rest clip" title={record.reason}>
      {record.reason}
    </td>
  </>
);

interface RecordTableProps {
  readonly records: readonly RecordView[];
  readonly show: (record: RecordView) => void;
  readonly nearEnd: () => void;
}

/** The record of releases and freezes, newest first. */
export const RecordTable = ({ records, show, nearEnd }: RecordTableProps) => (
  <WindowedTable
    label="List of records"
    head={head}
    columns={7}
    rows={records}
    keyOf={({ startedAt, environment, action }) => `${startedAt} ${environment} ${action}`}
    cells={(record) => <Cells record={record} show={show} />}
    nearEnd={nearEnd}
  />
);
