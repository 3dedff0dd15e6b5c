/** What a stream of server-sent events tells. */
export interface StreamListener {
  /** @param data of an event of the kind that was asked for */
  event(data: string): void;
  /** The connection broke. The stream connects again by itself. */
  lost(): void;
}

const longestPause = 30_000;

/**
 * Listens to a kind of server-sent events, and connects again whenever the connection breaks.
 * @returns what ends it
 */
export function openStream(url: string, kind: string, listener: StreamListener): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = 1_000;
  const connect = () => {
    source = new EventSource(url);
    source.addEventListener(kind, (message: MessageEvent<string>) => {
      pause = 1_000;
      listener.event(message.data);
    });
    source.addEventListener("error", () => {
      listener.lost();
      // After an answer that is no stream, such as a 503, the browser gives up.
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(connect, pause);
      pause = Math.min(longestPause, pause * 2);
    });
  };
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

/**
 * Listens to the lines of a step's log until it ends.
 * @param ended gets why there are no more lines, in a sentence; an empty string where the log has ended
 * @returns what ends it sooner
 */
export function openLog(url: string, line: (text: string) => void, ended: (why: string) => void): () => void {
  const source = new EventSource(url);
  const end = (why: string) => {
    source.close();
    ended(why);
  };
  source.addEventListener("line", (message: MessageEvent<string>) => line(message.data));
  source.addEventListener("end", (message: MessageEvent<string>) => end(message.data));
  // Connecting again would bring the same lines again.
  source.addEventListener("error", () => end("The log broke off. To read it again, close and open the step."));
  return () => source.close();
}
