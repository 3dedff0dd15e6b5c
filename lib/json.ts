/** A JSON value; undefined if the text is none: it was cut off, or a person wrote something else there. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
