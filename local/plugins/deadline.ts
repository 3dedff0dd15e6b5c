/** Ends waits in time. */

/** A signal that is aborted after some seconds, or once the update is cancelled. `clear` ends its timer. */
export interface Deadline {
  signal: AbortSignal;
  clear(): void;
}

/**
 * Makes a deadline. Not by `AbortSignal.any` and `AbortSignal.timeout`: Node.js 20 lets the garbage collector take
 * such a signal while it is waited for, and the wait then never ends.
 */
export function deadline(seconds: number, cancelled: AbortSignal): Deadline {
  const controller = new AbortController();
  const cancel = () => controller.abort(cancelled.reason);
  const timer = setTimeout(() => controller.abort(new Error(`not done within ${seconds} s`)), seconds * 1000);
  if (cancelled.aborted) cancel();
  cancelled.addEventListener("abort", cancel, { once: true });
  const clear = () => {
    clearTimeout(timer);
    cancelled.removeEventListener("abort", cancel);
    controller.abort(new Error("the wait is over")); // Ends what still listens, such as the watch of the pods.
  };
  return { signal: controller.signal, clear };
}
