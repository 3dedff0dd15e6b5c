import { useEffect, useRef, useState } from "preact/hooks";
import { openLog } from "../api/stream";

/** Lines of a log that the page keeps: the newest ones. */
const mostLines = 2_000;

interface LogProps {
  readonly workflow: string;
  readonly step: string;
  readonly name: string;
}

/** The log of a step, line by line as it comes. */
export function Log({ workflow, step, name }: LogProps) {
  const [lines, setLines] = useState<readonly string[]>([]);
  const [ending, setEnding] = useState<string | null>(null);
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const url = `/api/logs/${encodeURIComponent(workflow)}/${encodeURIComponent(step)}`;
    return openLog(url, (line) => setLines((before) => [...before.slice(1 - mostLines), line]), setEnding);
  }, [workflow, step]);
  // Each new line scrolls to the end.
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, ending]);
  const last = ending === null ? "…" : ending || "(end of the log)";
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be within reach of the keyboard
    <section ref={box} class="log" tabIndex={0} aria-label={`Log of ${name}`}>
      <pre>{lines.join("\n")}</pre>
      <p>{last}</p>
    </section>
  );
}
