/**
 * Runs a command to its exit code. An error is one sentence on standard error.
 * @param failure exit code for an error, default 1
 */
export function runMain(main: () => Promise<number>, failure = 1): void {
  // The exit code is set and the process left to end by itself, so that nothing printed into a pipe is lost.
  main().then(
    (code) => (process.exitCode = code),
    (error: Error) => {
      console.error(error.message);
      process.exitCode = failure;
    },
  );
}
