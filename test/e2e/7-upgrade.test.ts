import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { goTool } from "../../image-builder/go-tool";
import { mlflowVersion } from "../../images/mlflow-version";
import { exec } from "../../lib/exec";
import { recordedPorts } from "../../local/cluster/forward";
import { readLocalImages } from "../../local/toolchain/third-party-images";
import { connect } from "../../stacks/stack-cluster";
import { begun, build, candidate, ended } from "./faults";
import { alias, environment, lastRelease, podUids, releases, settledOn, tags } from "./observations";
import { type Content, catalogueImage, fill, Mlflow, olderImage, schema, withSecondMlflow } from "./second-mlflow";
import { withOwnCopy, withStackChange } from "./stack-change";

describe("Given an MLflow of the minor version before, with models, aliases and records of releases", () => {
  it("When the catalogue's version takes its volume over, Then nothing of it is lost", async () => {
    const older = await olderImage();
    await withSecondMlflow(async (deploy) => {
      const mlflow = new Mlflow("mlflow-second");
      await deploy(older);
      expect(await mlflow.text("/version")).toBe("3.16.1");
      const tables = await schema();
      await fill(mlflow, await new Mlflow("mlflow").content());
      const artifact = "/api/2.0/mlflow-artifacts/artifacts/0/model.json";
      await mlflow.text(artifact, { method: "PUT", body: { food: 11 } });
      const before = await mlflow.content();
      expect(before.models[0].aliases!.map(({ alias: each }) => each)).toEqual(
        expect.arrayContaining(["staging", "canary"]),
      );
      expect(before.experiments.map(({ name }) => name)).toContain("gourmetgram-releases");
      expect(before.versions.flatMap(({ tags: all = [] }) => all).map(({ key }) => key)).toEqual(
        expect.arrayContaining(["image_digest", "staging.verdict"]),
      );

      await deploy(await catalogueImage());
      expect(await mlflow.text("/version")).toBe(mlflowVersion);
      expect(await schema()).not.toBe(tables);
      // A newer version may say more of each.
      expect(await mlflow.content()).toMatchObject(before as unknown as Record<keyof Content, object>);
      expect(JSON.parse(await mlflow.text(artifact))).toEqual({ food: 11 });
      const { name, source, run_id } = before.versions[0];
      const { model_version: added } = await mlflow.call<{ model_version: { version: string } }>(
        "model-versions/create",
        { name, source, run_id },
      );
      expect(Number(added.version)).toBe(Math.max(...before.versions.map(({ version }) => Number(version))) + 1);
    });
  });
});

const upgraded = ["argoWorkflowController", "argoExec", "argoServer", "argoCd"] as const;

/** The same programs as another image, with a digest of its own, as a next patch version has. */
async function next(key: (typeof upgraded)[number]): Promise<{ repository: string; tag: string; digest: string }> {
  const { repository, digest } = readLocalImages()[key]!;
  const reachable = repository.replace(/^[^/]+/, `127.0.0.1:${recordedPorts()!.mirror}`);
  const said = await exec(await goTool("crane"), [
    "mutate",
    "--insecure",
    "--label",
    "gourmetgram.io/test=next",
    "--tag",
    `${reachable}:next`,
    `${reachable}@${digest}`,
  ]);
  return { repository, tag: "next", digest: /sha256:[0-9a-f]{64}/.exec(said)![0] };
}

interface Workload {
  spec: { template: { spec: { containers: { image: string; args?: string[] }[] } } };
}

/** What the controllers run, and which image they give to the steps of Workflows. */
async function controllers(): Promise<string[]> {
  const paths = [
    "argo/deployments/workflow-controller",
    "argo/deployments/argo-server",
    "argocd/statefulsets/argocd-application-controller",
    "argocd/deployments/argocd-server",
    "argocd/deployments/argocd-repo-server",
  ];
  const found = await Promise.all(paths.map((path) => connect().api<Workload>(`/apis/apps/v1/namespaces/${path}`)));
  const containers = found.map(({ spec }) => spec.template.spec.containers[0]);
  return [
    ...containers.map(({ image }) => image),
    containers[0].args!.find((arg) => arg.startsWith("--executor-image="))!.replace(/^.*=/, ""),
  ];
}

async function appBase(): Promise<string> {
  const { data } = await connect().api<{ data: Record<string, string> }>(
    "/api/v1/namespaces/argo/configmaps/pipeline-parameters",
  );
  return data["app-base-image"].split("@")[1];
}

describe("Given environments that serve, and a model on its way", () => {
  let good: string;
  beforeAll(async () => {
    good = (await environment("canary")).version!.replace("1.0.", "");
  });

  it("When Argo Workflows, Argo CD and the app's code get other images, Then it arrives, what is released stays, and the next build is on the new code", async () => {
    const base = await appBase();
    const production = {
      ...(await environment("production")),
      pods: await podUids("production"),
      alias: await alias("production"),
      record: await lastRelease("production"),
    };
    const images = Object.fromEntries(await Promise.all(upgraded.map(async (key) => [key, await next(key)] as const)));
    const [first, second] = [await candidate(good), await candidate(good)];
    const chain = await build(first);
    const following = ended(chain);
    await withOwnCopy(async (program) => {
      appendFileSync(join(program, "images", "app", "server.py"), "# the next version of the code\n");
      await begun(chain, "deploy-container-image", "deploy");
      await withStackChange(
        { images: { overrides: images } },
        async (update) => {
          expect(await update).toMatch(/updated/);
          const { argoWorkflowController, argoServer, argoCd, argoExec } = images;
          expect(await controllers()).toEqual(
            [argoWorkflowController, argoServer, argoCd, argoCd, argoCd, argoExec].map(
              ({ repository, digest }) => `${repository}@${digest}`,
            ),
          );
          expect(await following).toMatchObject({ exitCode: 0 });
          await settledOn({ staging: `1.0.${first}`, canary: `1.0.${first}`, production: production.version });
          const { image_digest: digest, image_base: on } = await tags(first);
          expect([(await environment("canary")).digest, on]).toEqual([digest, base]);
          expect(await lastRelease("canary")).toMatchObject({ outcome: "promoted", version: `1.0.${first}`, digest });

          const newBase = await appBase();
          expect(newBase).not.toBe(base);
          const records = (await releases()).length;
          expect(await ended(await build(second))).toMatchObject({ exitCode: 0 });
          expect(await tags(second)).toMatchObject({ image_base: newBase, "staging.verdict": "pass" });
          expect((await releases()).length).toBe(records + 2);
        },
        { program },
      );
    });
    expect(await appBase()).toBe(base);
    await settledOn({ staging: `1.0.${second}`, canary: `1.0.${second}` });
    expect({
      ...(await environment("production")),
      pods: await podUids("production"),
      alias: await alias("production"),
      record: await lastRelease("production"),
    }).toEqual(production);
  });
});
