import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { expect, it } from "vitest";
import { eachLine } from "../../lib/lines";

async function linesOf(...chunks: Buffer[]): Promise<string[]> {
  const lines: string[] = [];
  const stream = Readable.from(chunks, { objectMode: false });
  eachLine(stream, (line) => lines.push(line));
  await finished(stream);
  return lines;
}

it("joins a line that comes in parts, and keeps blank lines", async () => {
  expect(await linesOf(Buffer.from("one\nt"), Buffer.from("wo\n\nthree\n"))).toEqual(["one", "two", "", "three"]);
});

it("ends with a line that no newline ended", async () => {
  expect(await linesOf(Buffer.from("one\ntwo"))).toEqual(["one", "two"]);
});

it("joins a character that comes in parts", async () => {
  const text = Buffer.from("ä\n");
  expect(await linesOf(text.subarray(0, 1), text.subarray(1))).toEqual(["ä"]);
});
