import type { RecordView } from "../../api";

/** The records as one list, newest first, each once. */
export function mergeRecords(loaded: readonly RecordView[], more: readonly RecordView[]): readonly RecordView[] {
  const key = ({ startedAt, environment, action }: RecordView) => `${startedAt} ${environment} ${action}`;
  const byKey = new Map([...loaded, ...more].map((record) => [key(record), record]));
  return [...byKey.values()].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/** The records of an action; all of them for an empty string. */
export const withAction = (records: readonly RecordView[], action: string): readonly RecordView[] =>
  action === "" ? records : records.filter((record) => record.action === action);

/** The actions among the records, sorted. */
export const actionsOf = (records: readonly RecordView[]): readonly string[] =>
  [...new Set(records.map(({ action }) => action))].sort();
