import { homedir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** By name: the story of the pipeline comes first, since its start builds what the others run. */
class ByName extends BaseSequencer {
  async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return [...files].sort((a, b) => a.moduleId.localeCompare(b.moduleId));
  }
}

export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    // A cluster of its own, beside one that is in use.
    env: { GOURMETGRAM_STATE: process.env.GOURMETGRAM_STATE ?? join(homedir(), ".local", "state", "gourmetgram-e2e") },
    // One cluster, one story: nothing runs beside anything else, and a chapter that fails ends it.
    fileParallelism: false,
    sequence: { sequencer: ByName },
    bail: 1,
    // The first start on a machine compiles Kubernetes, which takes half an hour on two cores.
    testTimeout: 75 * 60_000,
    hookTimeout: 10 * 60_000,
    reporters: ["verbose"],
  },
});
