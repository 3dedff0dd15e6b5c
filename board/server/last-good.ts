/** A value that is read again and again. Where it cannot be read, it stays as it was. */
export class LastGood<Value> {
  constructor(private value: Value) {}

  /**
   * Reads the value anew.
   * @param problems takes why it could not be read
   */
  async read(ask: () => Promise<Value>, problems: string[]): Promise<Value> {
    try {
      this.value = await ask();
    } catch (error) {
      problems.push((error as Error).message);
    }
    return this.value;
  }
}
