import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { repositoryRoot } from "../../lib/paths";

/** What users got. */
export interface Answers {
  /** Requests that were answered with 200. */
  answered: number;
  /** What became of each other request. */
  readonly lost: string[];
  /** The versions that answered, in the order in which they were first seen. */
  readonly versions: string[];
}

const users = 20;
/** How long a picture takes to come in, in milliseconds. So a user's request is under way nearly all the time. */
const uploadTime = 1500;

/**
 * Lets 20 users send pictures while something goes on, each as soon as it has its last answer. Their connections are
 * slow, so that they all are under way at once and hardly take processor time. They are spread over the addresses.
 * Every other user keeps its connection, as a browser does.
 */
export async function withUsers<T>(urls: string[], work: () => Promise<T>): Promise<{ result: T; answers: Answers }> {
  const answers: Answers = { answered: 0, lost: [], versions: [] };
  const picture = await readFile(join(repositoryRoot, "images", "app", "test.jpg"));
  const started = Date.now();
  let isOver = false;
  const visits = Array.from({ length: users }, async (_, user) => {
    const agent = new Agent({ keepAlive: user % 2 === 0, maxSockets: 1 });
    const url = urls[Math.floor(user / 2) % urls.length];
    while (!isOver) {
      const pause = passed(uploadTime);
      try {
        const { status, version } = await upload(url, picture, agent, pause);
        if (status !== 200) throw new Error(`status ${status}`);
        answers.answered++;
        if (!answers.versions.includes(version)) answers.versions.push(version);
      } catch (error) {
        answers.lost.push(`${((Date.now() - started) / 1000).toFixed(1)} s, ${url}: ${(error as Error).message}`);
        await pause; // An address that refuses is not asked more often than one that answers.
      }
    }
    agent.destroy();
  });
  try {
    return { result: await work(), answers };
  } finally {
    isOver = true;
    await Promise.all(visits);
  }
}

const passed = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Sends a picture in two halves, the second one after the pause. */
function upload(url: string, picture: Buffer, agent: Agent, pause: Promise<void>) {
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="dish.jpg"\r\n\r\n';
  const body = Buffer.concat([Buffer.from(head), picture, Buffer.from("\r\n--b--\r\n")]);
  const headers = { "content-type": "multipart/form-data; boundary=b", "content-length": body.length };
  return new Promise<{ status: number; version: string }>((resolve, reject) => {
    const sent = request(`${url}/predict`, { method: "POST", agent, headers, timeout: 60_000 }, (response) => {
      response.resume();
      response.on("end", () =>
        resolve({ status: response.statusCode!, version: `${response.headers["x-model-version"]}` }),
      );
      response.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer within 60 s")));
    sent.on("error", reject);
    sent.write(body.subarray(0, body.length / 2));
    void pause.then(() => sent.end(body.subarray(body.length / 2)));
  });
}
