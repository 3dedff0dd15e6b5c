/**
 * What a piece of code protects, the exact text that does it, what stands in its place when it is taken out, and the
 * test that then turns red: `test_deploy.py::test_name[case]`, or `structure.test.ts: full name`. What stands in
 * its place must leave a script that runs: `pass` for a statement, `False` for a condition, an error that never comes
 * for one that is caught.
 */
export type Protection = readonly [what: string, text: string, without: string, test: string];

/** Protections by file below `workflows/`. */
export type Protections = Readonly<Record<string, readonly Protection[]>>;

/**
 * The content of a file without a protection.
 * @throws Error when its text is not there exactly once: then the table no longer says what protects.
 */
export function takeOut(file: string, content: string, [what, text, without]: Protection): string {
  const pieces = content.split(text);
  if (pieces.length !== 2)
    throw new Error(`${file}, "${what}": its text is there ${pieces.length - 1} times, give one that is there once.`);
  return pieces.join(without);
}
