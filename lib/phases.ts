import { duration } from "./duration";

/** Where the progress of the phases goes. */
export interface Screen {
  write(text: string): void;
  /** A terminal shows progress in place; anything else gets one line for each beginning and end. */
  isTTY?: boolean;
  columns?: number;
}

/** Shows what a phase is doing right now, in a few words. */
export type Progress = (doing: string) => void;

/**
 * Runs phases, also several at a time. Shows what each does, and how long it took: in place in a terminal, line by line
 * in a pipe or a CI log.
 */
export class Phases {
  private readonly running = new Map<string, { doing: string; since: number }>();
  private timer: NodeJS.Timeout | undefined;
  private drawnLines = 0;
  private readonly begin = Date.now();

  constructor(private readonly screen: Screen = process.stdout) {}

  /**
   * Runs a phase. If it returns a text, its line ends with it.
   * @throws what the phase throws, after its line is marked as failed
   */
  async run<T>(title: string, work: (progress: Progress) => Promise<T>): Promise<T> {
    const since = Date.now();
    this.running.set(title, { doing: "", since });
    if (this.screen.isTTY) this.timer ??= setInterval(() => this.draw(), 200);
    else this.screen.write(`… ${title}\n`);
    try {
      const result = await work((doing) => {
        if (this.running.has(title)) this.running.set(title, { doing, since });
      });
      const ending = typeof result === "string" && result ? `: ${result}` : "";
      this.end(title, `✓ ${title}${ending} (${seconds(Date.now() - since)})`);
      return result;
    } catch (error) {
      this.end(title, `✗ ${title} (${seconds(Date.now() - since)})`);
      throw error;
    }
  }

  /** A line of its own, above the phases that are running. */
  say(line: string): void {
    this.clear();
    this.screen.write(`${line}\n`);
    this.draw();
  }

  /** Time since the phases were made, as text. */
  elapsed(): string {
    return seconds(Date.now() - this.begin);
  }

  private end(title: string, line: string): void {
    this.running.delete(title);
    this.say(line);
    if (this.running.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }

  private draw(): void {
    if (!this.screen.isTTY) return;
    this.clear();
    const width = (this.screen.columns ?? 80) - 1;
    for (const [title, { doing, since }] of this.running) {
      const line = `… ${title} (${seconds(Date.now() - since)})${doing ? ` ${doing}` : ""}`;
      this.screen.write(`${line.slice(0, width)}\n`);
      this.drawnLines++;
    }
  }

  private clear(): void {
    if (this.screen.isTTY && this.drawnLines > 0) this.screen.write(`\x1b[${this.drawnLines}A\x1b[J`);
    this.drawnLines = 0;
  }
}

/** A time in milliseconds as `duration` writes it; one below 10 s with a decimal: `0.4 s`. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 9_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  return duration(Math.round(milliseconds / 1000));
}
