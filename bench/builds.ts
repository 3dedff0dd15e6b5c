import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goTool } from "../image-builder/go-tool";
import { exec } from "../lib/exec";
import type { Cluster } from "../lib/kube-client";
import { cacheDir } from "../lib/paths";
import { withPortForward } from "../lib/port-forward";
import { inTurn, median, row } from "./statistics";

const rounds = 5;

/**
 * The same model image made in two ways, and retagged: one layer appended in the registry, as the pipeline does, and
 * a Dockerfile build on the same base with its push.
 */
export async function compareBuilds(cluster: Cluster, version: string): Promise<string[][]> {
  const folder = await mkdtemp(join(tmpdir(), "gourmetgram-bench-"));
  try {
    return await withPortForward(cluster, "kube-system", "app=registry", 5000, async (port) => {
      const registry = `127.0.0.1:${port}/gourmetgram-app`;
      const crane = await goTool("crane");
      await extractModel(crane, `${registry}:staging-${version}`, folder);
      const base = `${registry}:base`;
      const buildah = [
        "--root",
        join(cacheDir(), "buildah", "root"),
        "--runroot",
        join(folder, "run"),
        "--storage-driver",
        "vfs",
      ];
      await exec("buildah", [...buildah, "pull", "--tls-verify=false", base]);
      await writeFile(join(folder, "Dockerfile"), `FROM ${base}\nCOPY app /app\n`);

      const seconds = await inTurn(rounds, {
        layer: () =>
          exec(crane, [
            "append",
            "--insecure",
            "--base",
            base,
            "--new_layer",
            join(folder, "layer.tar"),
            "--new_tag",
            `${registry}:bench-layer`,
          ]),
        dockerfile: async () => {
          await exec("buildah", [
            ...buildah,
            "bud",
            "--isolation=chroot",
            "--no-cache",
            "--tls-verify=false",
            "--pull-never",
            "--tag",
            "bench",
            folder,
          ]);
          await exec("buildah", [
            ...buildah,
            "push",
            "--tls-verify=false",
            "bench",
            `docker://${registry}:bench-dockerfile`,
          ]);
        },
        retag: () => exec(crane, ["tag", "--insecure", `${registry}:bench-layer`, "bench-retag"]),
      });
      const ratio = median(seconds.dockerfile) / median(seconds.layer);
      return [
        row("by layer", seconds.layer),
        row("by Dockerfile", seconds.dockerfile),
        ["Dockerfile / layer", ratio.toFixed(1), "", ""],
        row("retag", seconds.retag),
      ];
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The model's own files out of its image, as a folder for the Dockerfile and as a layer. */
async function extractModel(crane: string, image: string, folder: string): Promise<void> {
  await exec("sh", [
    "-euc",
    `${crane} export --insecure ${image} - | tar -x -C ${folder} app/food11.onnx app/versions.txt`,
  ]);
  await exec("tar", ["-C", folder, "-cf", join(folder, "layer.tar"), "app/food11.onnx", "app/versions.txt"]);
}
