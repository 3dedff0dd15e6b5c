import type { RecordView } from "../../api";

/** The records as one list, newest first, each once. */
export function mergeRecords(loaded: readonly RecordView[], more: readonly RecordView[]): readonly RecordView[] {
  const key = ({ startedAt, environment, action }: RecordView) => `${startedAt} ${environment} ${action}`;
  const byKey = new Map([...loaded, ...more].map((record) => [key(record), record]));
  return [...byKey.values()].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}
