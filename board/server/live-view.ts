/** Time between two pictures at least, and at most while a page is open, in ms. */
const usualPace = { shortest: 500, longest: 60_000 };

/**
 * The newest picture of the pipeline, as bytes, for all pages the same one. It is made while somebody looks: as soon as
 * something has changed, but not more often than every half second.
 */
export class LiveView {
  private readonly lookers = new Set<(view: Buffer) => void>();
  private view: Buffer | undefined;
  private isStale = true;
  private isReading = false;
  private readAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly read: (now: Date) => Promise<Buffer>,
    private readonly pace = usualPace,
  ) {}

  /** Something may have changed. */
  readonly markChanged = (): void => {
    this.isStale = true;
    this.plan();
  };

  /** Shows the picture now, and each time that there is a new one. @returns what ends it */
  look(show: (view: Buffer) => void): () => void {
    this.lookers.add(show);
    if (this.view && !this.isStale) show(this.view);
    this.plan();
    return () => {
      this.lookers.delete(show);
      if (this.lookers.size === 0) clearTimeout(this.timer);
    };
  }

  stop(): void {
    this.lookers.clear();
    clearTimeout(this.timer);
  }

  /** Plans the next picture, if somebody looks. */
  private plan(): void {
    clearTimeout(this.timer);
    if (this.isReading || this.lookers.size === 0) return;
    const due = this.readAt + (this.isStale ? this.pace.shortest : this.pace.longest);
    this.timer = setTimeout(() => void this.renew(), Math.max(0, due - performance.now()));
  }

  private async renew(): Promise<void> {
    this.isReading = true;
    this.isStale = false;
    this.readAt = performance.now();
    try {
      this.view = await this.read(new Date());
      for (const show of this.lookers) show(this.view);
    } catch (error) {
      console.error(error);
    } finally {
      this.isReading = false;
      this.plan();
    }
  }
}
