import type { Readable } from "node:stream";

/** Calls `onLine` with each line of a text stream as it comes, and at its end with a last line without newline. */
export function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let unfinished = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (unfinished + chunk).split("\n");
    unfinished = lines.pop()!;
    for (const line of lines) onLine(line);
  });
  stream.on("end", () => {
    if (unfinished) onLine(unfinished);
  });
}
