import { endChildren } from "./exec";

/** How many works are running that must end by themselves. */
let deferring = 0;
let interrupted: NodeJS.Signals | undefined;

/**
 * Makes Ctrl-C and TERM end this process with a sentence, and its children with it. What was done stays done, and the
 * next run continues from there.
 */
export function handleInterrupts(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      interrupted = signal;
      if (deferring === 0) exitInterrupted(signal);
    });
  }
}

/** Lets work end by itself on an interrupt before this process ends. Pulumi must, since it records its state. */
export async function deferInterrupts<T>(work: Promise<T>): Promise<T> {
  deferring++;
  try {
    return await work;
  } finally {
    deferring--;
    if (interrupted) exitInterrupted(interrupted);
  }
}

function exitInterrupted(signal: NodeJS.Signals): never {
  endChildren();
  console.error("\nInterrupted. To continue from here, run the same command again.");
  process.exit(signal === "SIGINT" ? 130 : 143);
}
