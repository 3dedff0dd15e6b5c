import { spawn } from "node:child_process";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesOf, sendTraffic, trafficOptions } from "../../cli/traffic";
import { byVersion, lossSentence, type Outcome, progressLine, summaryTable, tally } from "../../cli/traffic-tally";
import { eachLine } from "../../lib/lines";
import { repositoryRoot } from "../../lib/paths";
import { percentile } from "../../lib/percentile";
import { closedPort } from "./api-server";

/** A real server at an address of its own, while `work` runs. */
async function withApp<T>(answer: RequestListener, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Reads each request, and answers 200 with a version of its turn. */
const versions = (names: string[], bodies: Buffer[] = []): RequestListener => {
  let turn = 0;
  return async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    bodies.push(Buffer.concat(chunks));
    response.setHeader("X-Model-Version", names[turn++ % names.length]).end("{}");
  };
};

const never = new AbortController().signal;
const options = (url: string, more: string[] = []) => trafficOptions(["--url", url, "--seconds", "1", ...more], {});
const outcome = (status: number | null, seconds = 0.01, version: string | null = "1.0.3"): Outcome => ({
  status,
  seconds,
  version: status === null ? null : version,
  lostBy: status === null ? "ECONNRESET" : null,
});

describe("what is sent", () => {
  it("is as many pictures as were asked for, in the form of the app's page", async () => {
    const bodies: Buffer[] = [];
    const lines: string[] = [];
    const outcomes = await withApp(versions(["1.0.3"], bodies), (url) =>
      sendTraffic(options(url, ["--rate", "20"]), (line) => lines.push(line), never, 400),
    );
    expect(outcomes).toHaveLength(20);
    expect(outcomes.every(({ status, version }) => status === 200 && version === "1.0.3")).toBe(true);
    const pictures = filesOf("normal");
    expect(pictures).toHaveLength(11);
    for (const picture of pictures) expect(bodies.some((body) => body.includes(picture))).toBe(true);
    expect(bodies[0].toString("latin1")).toContain(
      'name="file"; filename="dish.jpg"\r\nContent-Type: image/jpeg\r\n\r\n',
    );
    expect(lines.length).toBeGreaterThan(1);
    const sent = lines.map((line) => Number(/ sent (\d+) /.exec(line)![1]));
    expect(sent.reduce((sum, each) => sum + each)).toBe(20);
  });

  it("is spread over the time, and not sent at once", async () => {
    const times: number[] = [];
    await withApp(
      (_, response) => {
        times.push(performance.now());
        response.end();
      },
      (url) => sendTraffic(options(url, ["--rate", "10"]), () => {}, never),
    );
    expect(times).toHaveLength(10);
    expect(times.at(-1)! - times[0]).toBeGreaterThan(700);
  });

  it("differs by kind: drifted are other pictures, and broken are none or cut off", () => {
    const jpegs = (files: Buffer[]) => files.filter((file) => file[0] === 0xff && file[1] === 0xd8);
    const whole = (files: Buffer[]) => jpegs(files).filter((file) => file.at(-2) === 0xff && file.at(-1) === 0xd9);
    expect(whole(filesOf("normal"))).toHaveLength(11);
    expect(whole(filesOf("drifted"))).toHaveLength(11);
    expect(new Set([...filesOf("normal"), ...filesOf("drifted")].map((file) => file.toString("latin1"))).size).toBe(22);
    expect(jpegs(filesOf("broken")).length).toBeGreaterThan(5);
    expect(jpegs(filesOf("broken")).length).toBeLessThan(filesOf("broken").length);
    expect(whole(filesOf("broken"))).toEqual([]);
  });
});

describe("what came back", () => {
  it("is told apart: an error was answered, and a request without a whole answer is lost", async () => {
    let turn = 0;
    const answer: RequestListener = (request, response) => {
      const kind = turn++ % 4;
      if (kind === 0) response.end();
      else if (kind === 1) response.writeHead(503, { "X-Model-Version": "1.0.4" }).end();
      else if (kind === 2) request.socket.destroy();
      else response.writeHead(200, { "Content-Length": "100" }).write("cut", () => request.socket.destroy());
    };
    const outcomes = await withApp(answer, (url) => sendTraffic(options(url, ["--rate", "12"]), () => {}, never));
    expect(tally(outcomes)).toMatchObject({ sent: 12, ok: 3, errors: 3, lost: 6 });
    expect(byVersion(outcomes).map(([version, some]) => [version, some.length])).toEqual([
      ["1.0.4", 3],
      ["unknown", 3],
    ]);
    expect(lossSentence(outcomes)).toBe("Lost without an answer: 6 by ECONNRESET.");
  });

  it("has the 95th percentile of the answers alone", () => {
    expect(
      percentile(
        Array.from({ length: 100 }, (_, index) => 100 - index),
        0.95,
      ),
    ).toBe(95);
    expect(percentile([7], 0.95)).toBe(7);
    expect(percentile([], 0.95)).toBeNull();
    expect(tally([outcome(200, 0.1), outcome(null, 30)]).p95).toBe(100);
  });

  it("is a line each few seconds, with the share of each version", () => {
    const some = [outcome(200), outcome(200, 0.02, "1.0.10"), outcome(400), outcome(200), outcome(null, 30)];
    expect(progressLine(5.02, 6, some)).toBe(
      "   5 s  sent 6     ok 3     errors 1    lost 1    p95 20 ms    1.0.3 75.0 %, 1.0.10 25.0 %",
    );
    expect(progressLine(10, 6, [])).toBe("  10 s  sent 6     ok 0     errors 0    lost 0    p95 -");
  });

  it("says why requests are lost, the most frequent reason first", () => {
    const refused = { ...outcome(null), lostBy: "ECONNREFUSED" };
    expect(lossSentence([refused, outcome(200), outcome(null), outcome(null)])).toBe(
      "Lost without an answer: 2 by ECONNRESET, 1 by ECONNREFUSED.",
    );
    expect(lossSentence([outcome(200), outcome(503)])).toBe("");
  });

  it("is a table at the end", () => {
    expect(summaryTable([outcome(200), outcome(200), outcome(400, 0.02, "1.0.4"), outcome(null)])).toBe(
      [
        "VERSION  SHARE   SENT  OK  ERRORS  LOST  P95",
        "1.0.3    66.7 %  2     2   0       0     10 ms",
        "1.0.4    33.3 %  1     0   1       0     20 ms",
        "all              4     2   1       1     20 ms",
      ].join("\n"),
    );
  });
});

describe("the options", () => {
  it("have production's address, five requests a second and a minute unless others are given", () => {
    expect(trafficOptions([], { production: "http://127.0.0.1:80" })).toEqual({
      kind: "normal",
      rate: 5,
      seconds: 60,
      url: new URL("http://127.0.0.1/predict"),
    });
  });

  it("have the gateway's address where there is one", () => {
    const urls = { production: "http://127.0.0.1:80", gateway: "http://127.0.0.1:8088" };
    expect(trafficOptions([], urls).url.href).toBe("http://127.0.0.1:8088/predict");
  });

  it.each([
    [["evil"], '"evil" is not a kind of traffic: write one of normal, drifted, broken'],
    [["normal", "drifted"], '"normal drifted" is not a kind of traffic: write one of normal, drifted, broken'],
    [["--rate", "0"], "--rate is 0: write a whole number from 1 to 200"],
    [["--rate", "201"], "--rate is 201: write a whole number from 1 to 200"],
    [["--rate", "1.5"], "--rate is 1.5: write a whole number from 1 to 200"],
    [["--seconds", "3601"], "--seconds is 3601: write a whole number from 1 to 3600"],
    [["--seconds", "a minute"], "--seconds is a minute: write a whole number from 1 to 3600"],
    [["--url", "127.0.0.1"], "--url is 127.0.0.1: write an address such as http://127.0.0.1:80"],
    [["--url", "https://a.test"], "--url is https://a.test: write an address such as http://127.0.0.1:80"],
    [[], "the address of production is not known here: run npm start first, or write --url http://<address>"],
  ])("refuse %j", (args, said) => {
    expect(() => trafficOptions(args, {})).toThrow(said);
  });
});

describe("npm run traffic", () => {
  const start = (...args: string[]) =>
    spawn(process.execPath, ["--require", "tsx/cjs", join(repositoryRoot, "cli/traffic.ts"), ...args]);
  /** What a command prints, and its exit code. */
  function ended(child: ReturnType<typeof start>, onLine: (line: string) => void = () => {}) {
    const lines: string[] = [];
    eachLine(child.stdout, (line) => {
      lines.push(line);
      onLine(line);
    });
    return new Promise<{ code: number | null; lines: string[] }>((resolve) =>
      child.once("close", (code) => resolve({ code, lines })),
    );
  }

  it("ends with 0 if each request was answered, and with 1 if one was lost", async () => {
    const answered = await withApp(versions(["1.0.3", "1.0.4"]), (url) =>
      ended(start("broken", "--rate", "10", "--seconds", "1", "--url", url)),
    );
    expect(answered.code).toBe(0);
    expect(answered.lines.at(-1)).toMatch(/^all +10 +10 +0 +0 +\d+ ms$/);
    const nobody = `http://127.0.0.1:${await closedPort()}`;
    const lost = await ended(start("--rate", "3", "--seconds", "1", "--url", nobody));
    expect(lost.code).toBe(1);
    expect(lost.lines.at(-2)).toMatch(/^all +3 +0 +0 +3 +-$/);
    expect(lost.lines.at(-1)).toBe("Lost without an answer: 3 by ECONNREFUSED.");
  });

  it("stops on Ctrl-C with the table, and loses nothing by it", async () => {
    let child: ReturnType<typeof start> | undefined;
    let asked = 0;
    const slow: RequestListener = (request, response) => {
      request.resume();
      if (++asked === 3) child!.kill("SIGINT");
      setTimeout(() => response.setHeader("X-Model-Version", "1.0.3").end(), 300);
    };
    const { code, lines } = await withApp(slow, (url) => {
      child = start("--rate", "10", "--seconds", "600", "--url", url);
      return ended(child);
    });
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(/^59\d\d of 6000 requests were not sent\.$/);
    expect(lines.at(-2)).toMatch(/^all +\d+ +\d+ +0 +0 +\d+ ms$/);
  });
});
