/** The texts of answers that stay the same for a while, up to a number of bytes; the oldest go first. */
export class KeptAnswers<Answer extends { readonly text: string }> {
  private readonly answers = new Map<string, Promise<Answer>>();
  private readonly sizes = new Map<string, number>();

  /**
   * @param capacity characters that are kept
   * @param isWorthKeeping whether an answer is given again
   */
  constructor(
    private readonly capacity: number,
    private readonly isWorthKeeping: (answer: Answer) => boolean,
  ) {}

  /** The answer that is kept under a key, or else a new one. Who asks while somebody else does gets the same one. */
  get(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const kept = this.answers.get(key);
    if (kept) return kept;
    const asked = ask();
    this.answers.set(key, asked);
    const settle = (answer?: Answer) => {
      // It may have been forgotten, and asked for again, in the meantime.
      if (this.answers.get(key) !== asked) return;
      if (!answer || !this.isWorthKeeping(answer)) this.answers.delete(key);
      else this.keep(key, answer.text.length);
    };
    asked.then(settle, () => settle());
    return asked;
  }

  /** Asks for everything anew. */
  forget(): void {
    this.answers.clear();
    this.sizes.clear();
  }

  private keep(key: string, size: number): void {
    this.sizes.set(key, size);
    let total = [...this.sizes.values()].reduce((sum, next) => sum + next, 0);
    for (const [oldest, oldestSize] of this.sizes) {
      if (total <= this.capacity) return;
      this.sizes.delete(oldest);
      this.answers.delete(oldest);
      total -= oldestSize;
    }
  }
}
