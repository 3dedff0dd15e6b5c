import { ApiError, type Cluster } from "../../lib/kube-client";
import { eachLine } from "../../lib/lines";

export interface KubeObject {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
}

interface Page {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: KubeObject[];
}
interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject & { readonly code?: number; readonly message?: string };
}

/** Times of a watch, in ms. */
export interface WatchTiming {
  /** Between a failure and the next try; it doubles up to `longestPause`. */
  readonly firstPause: number;
  readonly longestPause: number;
  /** From what a person does to an object until it stands in the record, which follows the object. */
  readonly recordDelay: number;
}
export const usualTiming: WatchTiming = { firstPause: 500, longestPause: 30_000, recordDelay: 5000 };

/** After this time the API server ends a watch, in seconds. It is then continued where it ended. */
const watchSeconds = 60;
/** A Workflow has up to a megabyte, and all of a page are in memory at once. */
const pageSize = 20;

/** The objects of one list of the Kubernetes API, kept as they are by a watch. */
export class Watch {
  /** By name; undefined before the first list, and while the API server does not know the kind. */
  private objects: Map<string, KubeObject> | undefined;
  /** Why the list cannot be read; undefined while it can. What was read before stays. */
  private trouble: Error | undefined;
  private isStopped = false;
  private endPause: () => void = () => undefined;
  private endStream: () => void = () => undefined;
  /** Fulfilled as soon as the list was read, or could not be read. */
  readonly isTried: Promise<void>;
  private tried: () => void = () => undefined;

  /**
   * @param path path of the list, with its query
   * @param changed called after each change
   * @param keep the part of an object that is kept
   */
  constructor(
    private readonly cluster: Cluster,
    private readonly path: string,
    private readonly changed: () => void,
    private readonly keep: (object: KubeObject) => KubeObject = (object) => object,
    private readonly timing: WatchTiming = usualTiming,
  ) {
    this.isTried = new Promise((resolve) => {
      this.tried = resolve;
    });
    void this.run();
  }

  /** The objects as they were last seen. @throws why they cannot be read, if they never were */
  items(): KubeObject[] {
    if (this.objects) return [...this.objects.values()];
    throw this.trouble ?? new Error(`${this.path} was not read yet`);
  }

  /** Why the objects may be older than they look; undefined while they are not. */
  get problem(): Error | undefined {
    return this.trouble;
  }

  stop(): void {
    this.isStopped = true;
    this.endPause();
    this.endStream();
  }

  private async run(): Promise<void> {
    let pause = this.timing.firstPause;
    while (!this.isStopped) {
      try {
        let version = await this.list();
        for (;;) {
          const begun = version;
          version = await this.follow(version);
          if (version !== begun) pause = this.timing.firstPause;
          if (this.isStopped) return;
        }
      } catch (error) {
        this.note(error as Error);
      }
      await this.wait(pause);
      pause = Math.min(2 * pause, this.timing.longestPause);
    }
  }

  /** Reads the list. @returns its version, from which a watch continues */
  private async list(): Promise<string> {
    const found = new Map<string, KubeObject>();
    let next = "";
    let version: string;
    do {
      const page = await this.cluster
        .api<Page>(withQuery(this.path, { limit: String(pageSize), ...(next && { continue: next }) }))
        .catch((error: Error) => {
          throw new ListFailure(error);
        });
      for (const object of page.items) found.set(object.metadata.name, this.keep(object));
      version = page.metadata.resourceVersion;
      next = page.metadata.continue ?? "";
    } while (next);
    this.objects = found;
    this.trouble = undefined;
    this.changed();
    this.tried();
    return version;
  }

  /** Follows the changes until the API server ends the watch. @returns the version up to which it has followed */
  private async follow(from: string): Promise<string> {
    const query = { watch: "1", resourceVersion: from, timeoutSeconds: String(watchSeconds) };
    const begun = Date.now();
    const stream = await this.cluster.stream(withQuery(this.path, query), 2 * watchSeconds);
    this.endStream = () => stream.destroy();
    if (this.isStopped) stream.destroy();
    let version = from;
    await new Promise<void>((resolve, reject) => {
      eachLine(stream, (line) => {
        try {
          version = this.apply(JSON.parse(line) as WatchEvent) ?? version;
        } catch (error) {
          stream.destroy(error as Error);
        }
      });
      stream.on("end", resolve);
      stream.on("error", reject);
      stream.on("close", () => reject(new Error("the watch was closed")));
    });
    // An API server that ends each watch at once would be asked without a pause.
    if (version === from && Date.now() - begun < this.timing.firstPause) throw new Error("the watch ended at once");
    return version;
  }

  private apply({ type, object }: WatchEvent): string | undefined {
    // 410: the API server no longer has the version from which to continue.
    if (type === "ERROR") throw new ApiError(object.code ?? 500, object.message ?? "the watch broke off");
    if (type === "DELETED") this.objects!.delete(object.metadata.name);
    else this.objects!.set(object.metadata.name, this.keep(object));
    this.changed();
    return object.metadata.resourceVersion;
  }

  /** A watch that breaks off is no trouble if the list that follows is read. */
  private note(error: Error): void {
    if (!(error instanceof ListFailure) || this.isStopped) return;
    const { reason } = error;
    if (reason instanceof ApiError && reason.status === 404) this.objects = undefined;
    const isNew = this.trouble?.message !== reason.message;
    this.trouble = reason;
    if (isNew) this.changed();
    this.tried();
  }

  private async wait(pause: number): Promise<void> {
    if (this.isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pause);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

class ListFailure extends Error {
  constructor(readonly reason: Error) {
    super(reason.message);
  }
}

function withQuery(path: string, query: Record<string, string>): string {
  const parameters = new URLSearchParams(query).toString();
  return `${path}${path.includes("?") ? "&" : "?"}${parameters}`;
}
