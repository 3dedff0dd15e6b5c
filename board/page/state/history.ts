import type { PipelineView, RecordView } from "../../api";

/** The records as one list, newest first, each once. */
export function mergeRecords(loaded: readonly RecordView[], more: readonly RecordView[]): readonly RecordView[] {
  const key = ({ startedAt, environment, action }: RecordView) => `${startedAt} ${environment} ${action}`;
  const byKey = new Map([...loaded, ...more].map((record) => [key(record), record]));
  return [...byKey.values()].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/**
 * Differs when the record does: a run has ended, an environment serves another version, or its release is on record
 * now, which is some time after the environment began to serve it; people were asked or have answered, or what they did
 * is on record now.
 */
export const recordChange = (view: PipelineView | null): string =>
  [
    ...(view?.runs ?? []).map(({ name, finishedAt }) => `${name} ${finishedAt}`),
    ...(view?.environments ?? []).map(({ version, since }) => `${version} ${since}`),
    view?.freeze?.since,
    ...(view?.approvals ?? []).map(({ name, phase, responses }) => `${name} ${phase} ${responses.length}`),
    view?.recordAt,
  ].join();
