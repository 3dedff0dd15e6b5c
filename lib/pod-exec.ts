import type { Writable } from "node:stream";
import type { Exec as ExecOfLibrary } from "@kubernetes/client-node";
import { parseJson } from "./json";
import type { Cluster } from "./kube-client";

/** Where a command runs. */
export interface Container {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface Streams {
  /** What the command reads. Its end is not told: the command must know how much comes. */
  readonly input?: AsyncIterable<Buffer>;
  /** What the command prints goes there, no faster than it takes it. It is not ended. */
  readonly output?: Writable;
}

/** What the API server says of a command at its end. */
interface Status {
  status?: string;
  message?: string;
}

const stdin = Buffer.of(0);
const stdoutChannel = 1;
const stderrChannel = 2;
const statusChannel = 3;

/**
 * Runs a command in a container to its end, as `kubectl exec` does. The input and the output are of any length: what
 * one side sends waits until the other side has taken it.
 * @returns what it printed on standard error
 * @throws Error with what it printed there, if it fails, or if the connection breaks off
 */
export async function runInPod(
  cluster: Cluster,
  { namespace, pod, container }: Container,
  command: readonly string[],
  { input, output }: Streams = {},
): Promise<string> {
  const query = new URLSearchParams({ container, stdout: "true", stderr: "true" });
  if (input) query.set("stdin", "true");
  for (const argument of command) query.append("command", argument);
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query}`;

  let errors = "";
  let status: Status | undefined;
  // The first messages may come before the connection is given.
  let socket: Socket | undefined;
  const { Exec } = await import("@kubernetes/client-node");
  const connected = await new Exec(await cluster.config()).handler
    .connect(path, null, (channel, data) => {
      if (channel === stdoutChannel && output?.write(data) === false) {
        socket?.pause();
        output.once("drain", () => socket?.resume());
      }
      if (channel === stderrChannel) errors += data.toString("utf8");
      if (channel === statusChannel) {
        status = parseJson(data.toString("utf8")) as Status;
        socket?.terminate(); // nothing follows it
      }
      return true;
    })
    .catch(({ message }: { message: string }) => {
      throw new Error(`can't run a command in the pod ${pod} of ${namespace} (${message}): see that it runs`);
    });
  socket = connected;
  const ended = new Promise<void>((resolve) => {
    if (connected.readyState === connected.CLOSED) resolve();
    else connected.once("close", () => resolve());
  });
  connected.on("error", () => connected.terminate());
  output?.once("close", () => connected.terminate());
  if (status || output?.destroyed) connected.terminate();
  try {
    if (input) await Promise.race([send(input, (chunk) => sendChunk(connected, chunk)), ended]);
    await ended;
  } finally {
    connected.terminate();
  }
  if (status?.status === "Success") return errors;
  const reason = errors.trim().split("\n").at(-1);
  throw new Error(reason || (status ? status.message : `the connection to the pod ${pod} broke off: try again`));
}

type Socket = Awaited<ReturnType<ExecOfLibrary["handler"]["connect"]>>;

function sendChunk(socket: Socket, chunk: Buffer): Promise<boolean> {
  return new Promise((resolve) => socket.send(Buffer.concat([stdin, chunk]), (error?: Error) => resolve(!error)));
}

/** Sends all, unless the connection has ended. */
async function send(input: AsyncIterable<Buffer>, sendOne: (chunk: Buffer) => Promise<boolean>): Promise<void> {
  for await (const chunk of input) if (!(await sendOne(chunk))) return;
}
