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

/** What `npm run test:e2e:main` runs: the main job of the pipeline, and the quick tests without a cluster. */
export const mainFiles = [
  "1-start",
  "2-scenarios",
  "3-lab",
  "3-rules",
  "9-stop",
  "applications",
  "clusters",
  "jobs",
  "monitoring",
  "official",
  "plugins-cli",
  "plugins-teardown",
  "policy",
].map((name) => `test/e2e/${name}.test.ts`);

export default defineConfig({
  test: {
    include: process.env.GOURMETGRAM_E2E === "main" ? mainFiles : ["test/e2e/**/*.test.ts"],
    // A cluster of its own, beside one that is in use.
    env: { GOURMETGRAM_STATE: process.env.GOURMETGRAM_STATE ?? join(homedir(), ".local", "state", "gourmetgram-e2e") },
    // One cluster, one story: the files run one after another, and a file that fails ends the run.
    fileParallelism: false,
    sequence: { sequencer: ByName },
    bail: 1,
    // The first start on a machine compiles Kubernetes, which takes half an hour on two cores.
    testTimeout: 75 * 60_000,
    // Some train two models at once, which takes ten minutes on two busy cores.
    hookTimeout: 30 * 60_000,
    // Prints each test with the time that it took.
    reporters: ["verbose"],
    slowTestThreshold: 0,
  },
});
