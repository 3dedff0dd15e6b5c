import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    // One cluster, one story: nothing runs beside anything else, and a chapter that fails ends it.
    fileParallelism: false,
    bail: 1,
    // The first start on a machine compiles Kubernetes, which takes half an hour on two cores.
    testTimeout: 75 * 60_000,
    hookTimeout: 10 * 60_000,
    reporters: ["verbose"],
  },
});
