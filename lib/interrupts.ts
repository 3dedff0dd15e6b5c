import { endChildren } from "./exec";

let shielded = 0;
let interrupted: NodeJS.Signals | undefined;

/**
 * Makes Ctrl-C and TERM end this process with a sentence and its children with it; what was done stays done, and the
 * next run goes on from there.
 */
export function handleInterrupts(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      interrupted = signal;
      if (shielded === 0) leave(signal);
    });
  }
}

/** Lets work that ends by itself on an interrupt, and must (Pulumi records its state), do so before this process ends. */
export async function deferInterrupts<T>(work: Promise<T>): Promise<T> {
  shielded++;
  try {
    return await work;
  } finally {
    shielded--;
    if (interrupted) leave(interrupted);
  }
}

function leave(signal: NodeJS.Signals): never {
  endChildren();
  console.error("\nInterrupted: run the same command again, it goes on from here.");
  process.exit(signal === "SIGINT" ? 130 : 143);
}
