import { useEffect, useState } from "preact/hooks";
import type { PipelineView } from "../../api";
import { openStream } from "../api/stream";
import { afterError, type Connection } from "../state/connection";
import { runEvents } from "../state/runs";
import { instant } from "../state/time";

export interface LivePipeline {
  /** null until the first picture has come. */
  readonly view: PipelineView | null;
  readonly connection: Connection;
  /** Milliseconds by which the server's clock is ahead of the browser's. */
  readonly clockOffset: number;
  /** What happened since the picture before, in a sentence each. */
  readonly events: readonly string[];
}

const now = () => new Date().toISOString();

/** The pipeline as the server sends it, for as long as the page is open. */
export function usePipeline(): LivePipeline {
  const [live, setLive] = useState<LivePipeline>(() => ({
    view: null,
    connection: { kind: "connecting", since: now() },
    clockOffset: 0,
    events: [],
  }));
  useEffect(() => {
    return openStream("/api/pipeline", "pipeline", {
      event(data) {
        const view = JSON.parse(data) as PipelineView;
        setLive((before) => ({
          view,
          connection: before.connection.kind === "live" ? before.connection : { kind: "live", since: now() },
          clockOffset: instant(view.at) - Date.now(),
          events: before.view ? runEvents(before.view.runs, view.runs) : [],
        }));
      },
      lost: () => setLive((before) => ({ ...before, connection: afterError(before.connection, now()), events: [] })),
    });
  }, []);
  return live;
}
