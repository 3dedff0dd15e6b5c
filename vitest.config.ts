import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // `npm run test:load` runs what needs minutes or a large environment.
    exclude: [
      "test/e2e/**",
      "node_modules/**",
      ...(process.env.GOURMETGRAM_LOAD === "yes" ? [] : ["test/**/*.load.test.ts"]),
    ],
    // A process runs one file after the other: to load Pulumi for each takes longer than most files do.
    isolate: false,
    setupFiles: ["test/leftovers.ts"],
    // `lib/paths.ts` names the cluster's network and folders once a process: never those of the user's cluster.
    env: { GOURMETGRAM_STATE: join(tmpdir(), `gourmetgram-test-${process.pid}`) },
    // Vitest leaves one core free, but many tests wait for Python, which runs beside them.
    maxWorkers: "100%",
    minWorkers: "100%",
    testTimeout: 30_000,
    // The first run on a machine makes a Python environment.
    hookTimeout: 150_000,
  },
});
