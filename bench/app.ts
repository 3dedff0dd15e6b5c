import { readStatus } from "../client/pipeline-status";
import { goTool } from "../image-builder/go-tool";
import { exec } from "../lib/exec";
import type { Cluster } from "../lib/kube-client";

/** As many as the load gate sends at once, nearly as many as the app lets wait (64), and twice as many. */
const clients = [10, 60, 120];
/** Requests of each client, one after the other. */
const requests = 10;
export const appHead = ["CLIENTS", "ANSWERS/S", "P95 MS", "OK", "BUSY", "OTHER"];

/** Staging's pod under more and more clients that ask `/test` as fast as they get answers. */
export async function appUnderLoad(cluster: Cluster): Promise<string[][]> {
  const url = `${(await readStatus(cluster)).urls.staging}/test`;
  const hey = await goTool("hey");
  const rows = [];
  for (const count of clients) {
    const report = await exec(hey, ["-n", `${count * requests}`, "-c", `${count}`, "-t", "60", url]);
    rows.push(loadRow(count, report));
  }
  return rows;
}

/** A row of the table, from the report of hey. A figure that the report lacks is a dash. */
export function loadRow(count: number, report: string): string[] {
  const figure = (pattern: RegExp, scale = 1) => {
    const found = pattern.exec(report);
    return found ? (Number(found[1]) * scale).toFixed(0) : "-";
  };
  const codes = [...report.matchAll(/^\s*\[(\d{3})\]\s+(\d+) responses$/gm)].map(([, code, many]) => [code, +many]);
  const answers = (code: string) => codes.reduce((sum, [each, many]) => sum + (each === code ? Number(many) : 0), 0);
  const [ok, busy] = [answers("200"), answers("503")];
  return [
    `${count}`,
    figure(/Requests\/sec:\s+([\d.]+)/),
    figure(/95%+ in ([\d.]+) secs/, 1000),
    `${ok}`,
    `${busy}`,
    `${count * requests - ok - busy}`,
  ];
}
