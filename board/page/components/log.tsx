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
  const [hasEnded, setEnded] = useState(false);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    setLines([]);
    setEnded(false);
    const url = `/api/logs/${encodeURIComponent(workflow)}/${encodeURIComponent(step)}`;
    return openLog(
      url,
      (line) => setLines((before) => [...before.slice(1 - mostLines), line]),
      () => setEnded(true),
    );
  }, [workflow, step]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new line scrolls
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  const none = hasEnded ? "The step has no log (any more)." : "Waiting for the first line …";
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard has to be able to scroll it
    <pre ref={box} class="log" tabIndex={0} role="region" aria-label={`Log of ${name}`}>
      {lines.length === 0 ? none : lines.join("\n")}
    </pre>
  );
}
