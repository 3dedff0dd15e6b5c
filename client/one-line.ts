/**
 * A text of a person's that fits on one line, without the spaces around it.
 * @param what what it is, as in "the reason"
 * @param example a command with such a text
 * @throws for anything else
 */
export function oneLine(text: string, what: string, example: string): string {
  const line = text.trim();
  if (!/^[^\p{C}{}]{1,200}$/u.test(line))
    throw new Error(`write ${what}, in one line of at most 200 characters without braces, as in: ${example}`);
  return line;
}
