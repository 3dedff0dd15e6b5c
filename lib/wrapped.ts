/**
 * A text in lines that fit, broken between words.
 * @param columns the most characters of a line; a longer word gets a line of its own
 * @param first what precedes the first line
 * @param rest what precedes the others
 */
export function wrapped(text: string, columns: number, first = "", rest = first): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.match(/ *[^ ]+/g) ?? []) {
    const start = lines.length === 0 ? first : rest;
    if (line && start.length + line.length + word.length > columns) {
      lines.push(start + line);
      line = word.trimStart();
    } else line += word;
  }
  return [...lines, (lines.length === 0 ? first : rest) + line];
}
