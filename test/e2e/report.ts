import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { repositoryRoot } from "../../lib/paths";

/**
 * A table of what was seen, as Markdown. It is printed when the tests of a file have ended, and written to `docs/` with
 * `npm run test:e2e:update`; otherwise the file in `docs/` must have the same rows.
 */
export class Report {
  private readonly rows: [string, string][] = [];

  constructor(
    private readonly file: string,
    private readonly title: string,
    private readonly head: [string, string],
  ) {}

  /** @param seen what was really there, in a person's words */
  add(what: string, seen: string): void {
    this.rows.push([what, seen.replaceAll("|", "\\|").replaceAll("\n", " ")]);
  }

  /** Prints the table. @throws when `docs/` has other rows, and says which command writes them */
  finish(): void {
    const lines = [
      `| ${this.head.join(" | ")} |`,
      "| --- | --- |",
      ...this.rows.map((row) => `| ${row.join(" | ")} |`),
    ];
    const source = "Printed by `npm run test:e2e`: each row was seen on the real cluster.";
    const text = `# ${this.title}\n\n${source}\n\n${lines.join("\n")}\n`;
    console.log(`\n${text}`);
    const path = join(repositoryRoot, "docs", this.file);
    if (process.env.GOURMETGRAM_UPDATE_DOCS) writeFileSync(path, text);
    const known = existsSync(path) ? readFileSync(path, "utf8") : "";
    const titles = [...known.matchAll(/^\| (.*?) \|/gm)].map(([, title]) => title).slice(2);
    expect(titles, `docs/${this.file} has other rows: run npm run test:e2e:update`).toEqual(
      this.rows.map(([what]) => what),
    );
  }
}
