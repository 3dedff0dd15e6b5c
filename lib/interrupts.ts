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
    if (interrupted && deferring === 0) exitInterrupted(interrupted);
  }
}

/** Makes Ctrl-C and TERM end this process with a sentence, while it follows work that goes on without it. */
export async function sayIfInterrupted<T>(sentence: () => string, work: Promise<T>): Promise<T> {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const say = (signal: NodeJS.Signals) => {
    console.error(`\n${sentence()}`);
    process.exit(exitCodeOf(signal));
  };
  for (const signal of signals) process.on(signal, say);
  try {
    return await work;
  } finally {
    for (const signal of signals) process.off(signal, say);
  }
}

const exitCodeOf = (signal: NodeJS.Signals): number => (signal === "SIGINT" ? 130 : 143);

function exitInterrupted(signal: NodeJS.Signals): never {
  endChildren();
  console.error("\nInterrupted. To continue from here, run the same command again.");
  process.exit(exitCodeOf(signal));
}
