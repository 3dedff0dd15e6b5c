/** An answer other than 200, with a sentence for a person. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    sentence: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(sentence);
    this.name = "Refusal";
  }
}
