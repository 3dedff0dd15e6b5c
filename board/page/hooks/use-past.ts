import type { HistoryPage, RecordView, ServedView } from "../../api";
import { getJson } from "../api/requests";
import { mergeRecords } from "../state/history";
import { instant } from "../state/time";
import { type Loaded, useLoaded } from "./use-loaded";

export interface Past {
  readonly records: readonly RecordView[];
  /** What served when the period began, or when the oldest of the records did, if there are too many of them. */
  readonly before: ServedView;
  /** Whether the records reach back to the beginning of the period. */
  readonly isWhole: boolean;
}

/** Pages of records that a timeline asks for at most: a thousand records are more than it can show. */
const mostPages = 10;

async function recordsSince(from: number, signal: AbortSignal): Promise<Pick<Past, "records" | "isWhole">> {
  let records: readonly RecordView[] = [];
  for (let page = 0; page < mostPages; page++) {
    const oldest = records.at(-1)?.startedAt;
    if (oldest && instant(oldest) < from) return { records, isWhole: true };
    const query = oldest ? `?before=${encodeURIComponent(oldest)}` : "";
    const answer = await getJson<HistoryPage>(`/api/history${query}`, signal);
    records = mergeRecords(records, answer.records);
    if (!answer.hasOlder) return { records, isWhole: true };
  }
  return { records, isWhole: false };
}

/** The past from a time on. @param from in milliseconds since 1970 @param change asks again when it differs */
export function usePast(from: number, change: string): Loaded<Past> {
  return useLoaded(`${from} ${change}`, async (signal) => {
    const { records, isWhole } = await recordsSince(from, signal);
    const begin = isWhole ? new Date(from).toISOString() : records.at(-1)!.startedAt;
    const before = await getJson<ServedView>(`/api/served?at=${encodeURIComponent(begin)}`, signal);
    return { records, before, isWhole };
  });
}
