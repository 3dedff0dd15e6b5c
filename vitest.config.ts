import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**", "node_modules/**"],
    // Vitest leaves one core free, but many tests wait for Python, which runs beside them.
    maxWorkers: "100%",
    minWorkers: "100%",
    testTimeout: 30_000,
    // The first run on a machine makes a Python environment.
    hookTimeout: 150_000,
  },
});
