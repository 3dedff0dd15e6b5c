import type { HistoryPage, RecordView, ServedView } from "../../api";
import { getJson } from "../api/requests";
import { mergeRecords } from "../state/history";
import { instant } from "../state/time";
import { type Loaded, useLoaded } from "./use-loaded";

export interface Past {
  readonly records: readonly RecordView[];
  /** What served when the period began. */
  readonly before: ServedView;
}

/** Pages of records that a timeline asks for at most: a thousand records are more than it can show. */
const mostPages = 10;

async function recordsSince(from: number, signal: AbortSignal): Promise<readonly RecordView[]> {
  let records: readonly RecordView[] = [];
  for (let page = 0; page < mostPages; page++) {
    const oldest = records.at(-1)?.startedAt;
    if (oldest && instant(oldest) < from) break;
    const query = oldest ? `?before=${encodeURIComponent(oldest)}` : "";
    const answer = await getJson<HistoryPage>(`/api/history${query}`, signal);
    records = mergeRecords(records, answer.records);
    if (!answer.hasOlder) break;
  }
  return records;
}

/** The past from a time on. @param from in milliseconds since 1970 @param change asks again when it differs */
export function usePast(from: number, change: string): Loaded<Past> {
  return useLoaded(`${from} ${change}`, async (signal) => {
    const at = encodeURIComponent(new Date(from).toISOString());
    const [records, before] = await Promise.all([
      recordsSince(from, signal),
      getJson<ServedView>(`/api/served?at=${at}`, signal),
    ]);
    return { records, before };
  });
}
