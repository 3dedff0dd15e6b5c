import { describe, expect, it } from "vitest";
import { Phases, seconds } from "../../lib/phases";

function screen(extra: { isTTY?: boolean; columns?: number } = {}) {
  const written: string[] = [];
  return { written, write: (text: string) => void written.push(text), ...extra };
}

describe("phases", () => {
  it("give a pipe one line for each beginning and end, without control characters", async () => {
    const pipe = screen();
    await new Phases(pipe).run("Cluster", async (progress) => {
      progress("etcd");
      return "up";
    });
    expect(pipe.written).toEqual(["… Cluster\n", expect.stringMatching(/^✓ Cluster: up \(\d\.\d s\)\n$/)]);
  });

  it("mark what failed, and let the failure through", async () => {
    const pipe = screen();
    await expect(new Phases(pipe).run("Cluster", async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(pipe.written.at(-1)).toMatch(/^✗ Cluster/);
  });

  it("keep a terminal's line within its width", async () => {
    const terminal = screen({ isTTY: true, columns: 20 });
    const phases = new Phases(terminal);
    await phases.run("Compile", async (progress) => {
      progress("x".repeat(100));
      phases.say("notice");
    });
    expect(
      Math.max(...terminal.written.filter((line) => line.startsWith("…")).map((line) => line.trimEnd().length)),
    ).toBeLessThan(20);
  });

  it.each([
    [40, "0.0 s"],
    [1_250, "1.3 s"],
    [12_400, "12 s"],
    [59_700, "1 min 00 s"],
    [423_000, "7 min 03 s"],
    [3_600_000, "1 h 00 min"],
    [3 * 86_400_000 + 4 * 3_600_000, "3 d 04 h"],
  ])("write %d ms as %s", (time, text) => expect(seconds(time)).toBe(text));
});
