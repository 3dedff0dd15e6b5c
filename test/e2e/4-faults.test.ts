import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { mlflow } from "../../client/mlflow";
import { submit } from "../../client/workflows";
import { catalogue, imageReference } from "../../images/catalogue";
import { modelName } from "../../images/model";
import { connect } from "../../stacks/stack-cluster";
import { npm } from "./commands";
import {
  awaitEvent,
  changeByHand,
  deleteWorkflow,
  eventsOf,
  followToEnd,
  killApp,
  killPods,
  platformParts,
  registerCandidate,
  runSchedule,
  schedule,
  stopWorkflow,
  submitBuild,
  waitFor,
  waitForPod,
  waitForStep,
  withFullNamespace,
  withoutNewServices,
  withParameters,
  withPartDown,
  workflowOf,
} from "./faults";
import {
  alias,
  environment,
  expectSettled,
  lastRelease,
  noCandidate,
  releasedDigest,
  releases,
  running,
  status,
  stepPhases,
  tags,
} from "./observations";
import { deleteImage, moveTag, readManifest } from "./registry";
import { Report } from "./report";
import { withStackChange } from "./stack-change";

const report = new Report("faults.md", "What the pipeline does when something fails", ["fault", "end state"]);
afterAll(() => report.finish());

/** Version that staging and canary serve before each test: verified, and the last. */
let good: string;
let next: string;
beforeAll(async () => {
  good = (await environment("staging")).version!.replace("1.0.", "");
});
beforeEach(async () => {
  next = await registerCandidate(good);
});

/** The candidate went all the way. */
async function expectPromoted(): Promise<void> {
  await expectSettled({ staging: `1.0.${next}`, canary: `1.0.${next}` });
  expect([await alias("staging"), await alias("canary")]).toEqual([`1.0.${next}`, `1.0.${next}`]);
  expect(await lastRelease("canary")).toMatchObject({ outcome: "promoted", version: `1.0.${next}` });
  good = next;
}

/** Staging is on the last verified version, and the candidate has no pass. */
async function expectReverted(): Promise<string> {
  await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
  expect(await alias("staging")).toBe(`1.0.${good}`);
  const known = await tags(next);
  expect(known["staging.verdict"]).toBe("inconclusive");
  return known["staging.reason"];
}

describe("Given a model on its way", () => {
  it("When the workflow controller is killed in every stage, Then the model reaches canary", async () => {
    const pipelineRun = await submit(connect(), "train-model", { scenario: "normal" });
    const following = followToEnd(pipelineRun);
    const stages = [
      ["train-model", "train"],
      ["build-container-image", "build"],
      ["deploy-container-image", "deploy"],
      ["test-staging", "integration"],
      ["test-staging", "resource"],
      ["test-staging", "load"],
      ["promote-model", "promote"],
    ];
    for (const [template, step] of stages) {
      // The build begins when the training has ended, which takes five minutes on two slow cores.
      await waitForStep(pipelineRun, template, step, step === "build" ? 1200 : undefined);
      expect(await killPods("argo", "app=workflow-controller")).toBeGreaterThan(0);
      await waitForPod("argo", "app=workflow-controller");
    }
    expect(await following).toMatchObject({ exitCode: 0 });
    next = (await status()).models[0].version.replace("1.0.", "");
    await expectPromoted();
    report.add(
      "workflow controller killed in train, build, deploy, each gate and promote",
      `the model reached canary; the controller came back ${stages.length} times and went on`,
    );
  });

  it("When a step's pod is deleted, Then the step runs again, and the model reaches canary", async () => {
    const pipelineRun = await submitBuild(next);
    const following = followToEnd(pipelineRun);
    await waitForStep(pipelineRun, "deploy-container-image", "deploy");
    const { metadata } = await workflowOf(pipelineRun, "deploy-container-image");
    expect(await killPods("argo", `workflows.argoproj.io/workflow=${metadata.name}`)).toBe(1);
    expect(await following).toMatchObject({ exitCode: 0 });
    expect(
      (await releases())
        .filter(({ action, version }) => action === "deploy" && version === `1.0.${next}`)
        .map(({ outcome }) => outcome),
    ).toEqual(["deployed"]);
    await expectPromoted();
    report.add(
      "pod of the deploy step deleted",
      "the step ran again; the model reached canary, one record of its deployment",
    );
  });

  it("When the registry is down during the build, Then the build waits for it", async () => {
    const outcome = await withPartDown(platformParts.registry, async (bringBack) => {
      const pipelineRun = await submitBuild(next);
      const following = followToEnd(pipelineRun);
      await waitFor(
        "a second try of the build",
        async () => (await countTries(pipelineRun, "build-container-image", "build")) > 1,
      );
      await bringBack();
      return following;
    });
    expect(outcome).toMatchObject({ exitCode: 0 });
    await expectPromoted();
    report.add(
      "registry down during the build",
      "the build ran again until the registry answered; the model reached canary",
    );
  });

  it("When the registry is down during the pull, Then staging is reverted, and the model is not blamed", async () => {
    const outcome = await withParameters({ "rollout-timeout-seconds": "60" }, async () => {
      const pipelineRun = await submitBuild(next);
      const following = followToEnd(pipelineRun);
      const { image_digest: digest } = await waitFor("the image", async () =>
        (await tags(next)).image_digest ? tags(next) : undefined,
      );
      // No pod can start until Argo CD has read its bundle and the registry has gone: so it is the pull that fails.
      return withFullNamespace("gourmetgram-staging", async (makeRoom) => {
        await waitFor("the Deployment's new image", async () => (await deployment("staging")).image.endsWith(digest));
        return withPartDown(platformParts.registry, async (bringBack) => {
          await makeRoom();
          await waitFor(
            "the verdict on the pods",
            async () => (await stepPhases(pipelineRun, "test-staging")).resource === "Succeeded",
            300,
          );
          await bringBack();
          return following;
        });
      });
    });
    expect(outcome.exitCode).toBe(2);
    expect(await expectReverted()).toMatch(/^resource: Pending: (ContainerCreating|ErrImagePull|ImagePullBackOff) \(/);
    report.add("registry down during the pull", outcome.sentence);
  });

  it("When MLflow is down between the deployment and the alias, Then the alias moves when it is back", async () => {
    const pipelineRun = await submitBuild(next);
    const following = followToEnd(pipelineRun);
    await workflowOf(pipelineRun, "deploy-container-image");
    const { image_digest: digest } = await tags(next);
    await waitFor("the release in staging", async () => (await releasedDigest("staging")) === digest);
    await withPartDown(platformParts.mlflow, () =>
      waitFor(
        "a second try of the deployment",
        async () => (await countTries(pipelineRun, "deploy-container-image", "deploy")) > 1,
        180,
      ),
    );
    expect(await following).toMatchObject({ exitCode: 0 });
    await expectPromoted();
    report.add(
      "MLflow down between the deployment and the alias",
      "the step ran again until MLflow answered; the alias moved, and the model reached canary",
    );
  });

  it("When Argo CD is down during the deployment, Then staging is reverted, and the model is not blamed", async () => {
    const outcome = await withPartDown(platformParts.argoCdController, () =>
      withParameters({ "rollout-timeout-seconds": "20" }, async () => followToEnd(await submitBuild(next))),
    );
    expect(outcome.exitCode).toBe(2);
    expect(await expectReverted()).toMatch(/^resource: no pod runs the image yet/);
    report.add("Argo CD's controller down during the deployment", outcome.sentence);
  });

  it("When a gate's own image is missing, Then that is no pass", async () => {
    const pipelineRun = await submitBuild(next);
    const following = followToEnd(pipelineRun);
    // Whoever starts the gates has its own image by then; the first gate comes to none.
    await waitForStep(pipelineRun, "build-container-image", "test");
    const missing = imageReference(catalogue.tools, `sha256:${"0".repeat(64)}`);
    await withParameters({ "tools-image": missing }, () => waitForStep(pipelineRun, "test-staging", "integration"));
    const { exitCode, sentence } = await following;
    expect(exitCode).toBe(2);
    expect(await expectReverted()).toMatch(/^the workflow ended before a verdict was acted on: integration/);
    expect(await stepPhases(pipelineRun, "test-staging")).toMatchObject({
      integration: "Failed",
      "exit-handler": "Succeeded",
    });
    report.add("a gate's own image missing", sentence);
  });

  it("When somebody stops the workflow halfway, Then staging is reverted, and no step continues", async () => {
    const pipelineRun = await submitBuild(next);
    const following = followToEnd(pipelineRun);
    await waitForStep(pipelineRun, "test-staging", "load");
    await stopWorkflow(pipelineRun);
    const { exitCode, sentence } = await following;
    expect(exitCode).toBe(2);
    expect(await expectReverted()).toMatch(/^the workflow ended before a verdict was acted on: /);
    report.add("workflow stopped by hand halfway", sentence);
  });

  it("When somebody deletes the workflow and its children halfway, Then the schedule reverts staging", async () => {
    const pipelineRun = await submitBuild(next);
    await waitForStep(pipelineRun, "test-staging", "integration");
    for (const name of [pipelineRun, (await workflowOf(pipelineRun, "test-staging")).metadata.name])
      await deleteWorkflow(name);
    expect((await environment("staging")).version).toBe(`1.0.${next}`);
    await runSchedule("cron-revert-staging");
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    const record = await lastRelease("staging");
    expect(record).toMatchObject({
      action: "revert",
      outcome: "reverted",
      requestedBy: "schedule cron-revert-staging",
    });
    report.add("workflow and its children deleted halfway", `on its schedule, revert-staging: ${record.reason}`);
  });

  it("When somebody stops a promotion halfway, Then canary returns to the version before", async () => {
    const pipelineRun = await withFullNamespace("gourmetgram-canary", async () => {
      const started = await submitBuild(next);
      await waitForStep(started, "promote-model", "promote");
      const { image_digest: digest } = await tags(next);
      await waitFor("the release in canary", async () => (await releasedDigest("canary")) === digest);
      await stopWorkflow((await workflowOf(started, "promote-model")).metadata.name);
      return started;
    });
    const { exitCode, sentence } = await followToEnd(pipelineRun);
    expect(exitCode).toBe(2);
    await expectSettled({ staging: `1.0.${next}`, canary: `1.0.${good}` });
    expect(await alias("canary")).toBe(`1.0.${good}`);
    const [restored, interrupted] = (await releases()).filter(({ environment: name }) => name === "canary");
    expect([restored.action, restored.outcome, interrupted.action, interrupted.outcome]).toEqual([
      "restore",
      "restored",
      "promote",
      "interrupted",
    ]);
    report.add("promotion stopped by hand halfway", sentence);
    good = next;
    expect(
      await followToEnd(
        await submit(connect(), "promote-model", {
          "model-version": good,
          "source-environment": "staging",
          "target-environment": "canary",
        }),
      ),
    ).toMatchObject({ exitCode: 0 });
  });

  it("When somebody deletes a promotion halfway, Then the schedule restores canary", async () => {
    await withFullNamespace("gourmetgram-canary", async () => {
      const pipelineRun = await submitBuild(next);
      await waitForStep(pipelineRun, "promote-model", "promote");
      const { image_digest: digest } = await tags(next);
      await waitFor("the release in canary", async () => (await releasedDigest("canary")) === digest);
      await deleteWorkflow((await workflowOf(pipelineRun, "promote-model")).metadata.name);
      expect(await followToEnd(pipelineRun)).toMatchObject({ exitCode: 2 });
    });
    await runSchedule("cron-restore-releases");
    await expectSettled({ staging: `1.0.${next}`, canary: `1.0.${good}` });
    const [restored] = (await releases()).filter(({ environment: name }) => name === "canary");
    expect(restored).toMatchObject({
      action: "restore",
      outcome: "restored",
      requestedBy: "schedule cron-restore-releases",
    });
    report.add("promotion deleted halfway", `on its schedule, restore-releases: ${restored.reason}`);
    good = next;
    expect(
      await followToEnd(
        await submit(connect(), "promote-model", {
          "model-version": good,
          "source-environment": "staging",
          "target-environment": "canary",
        }),
      ),
    ).toMatchObject({ exitCode: 0 });
  });

  it("When a tag is moved to another image, Then what was built and tested is what runs", async () => {
    const pipelineRun = await submitBuild(next);
    const following = followToEnd(pipelineRun);
    await workflowOf(pipelineRun, "deploy-container-image");
    await moveTag(`staging-1.0.${good}`, `staging-1.0.${next}`);
    expect(await following).toMatchObject({ exitCode: 0 });
    const { image_digest: digest } = await tags(next);
    expect((await readManifest(`staging-1.0.${next}`)).digest).not.toBe(digest);
    expect((await readManifest(`canary-1.0.${next}`)).digest).toBe(digest);
    expect((await environment("canary")).digest).toBe(digest);
    await expectPromoted();
    report.add(
      "a wrong digest behind the tag",
      "canary runs the digest that was built and tested; no tag is ever trusted",
    );
  });

  it("When the stack is updated during a promotion, Then the update touches no release", async () => {
    const pipelineRun = await submitBuild(next);
    const following = followToEnd(pipelineRun);
    await waitForStep(pipelineRun, "test-staging", "load");
    await withStackChange({ environments: { canary: { memory: "288Mi" } } }, async (update) => {
      expect(await update).toMatch(/updated/);
      expect(await following).toMatchObject({ exitCode: 0 });
      await expectPromoted();
      expect((await deployment("canary")).memory).toBe("288Mi");
    });
    await waitFor("the limit of before", async () => (await deployment("canary")).memory === "256Mi");
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    report.add(
      "pulumi up during a promotion",
      "canary has the new limit and the promoted version; the update moved no release",
    );
  });
});

describe("Given a sync that Argo CD has given up", () => {
  it("When its cause is gone, Then the schedule has Argo CD sync again", async () => {
    const before = await running();
    const canary = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/gourmetgram-canary";
    const service = "/api/v1/namespaces/gourmetgram-canary/services/gourmetgram-canary";
    const argoCd = async () => {
      const { status } = await connect().api<{ status: { operationState: { phase: string; message: string } } }>(
        canary,
      );
      return status.operationState;
    };
    const message = await withoutNewServices("gourmetgram-canary", async () => {
      await connect().api(service, { method: "DELETE" });
      await waitFor("Argo CD to give up", async () => (await argoCd()).phase === "Failed", 300);
      return (await argoCd()).message;
    });
    expect(message).toContain("no new Services here");
    expect((await argoCd()).phase).toBe("Failed");
    await runSchedule("cron-restore-releases");
    await waitFor("canary's Service", async () => (await argoCd()).phase === "Succeeded");
    await connect().api(service);
    expect(await running()).toEqual(before);
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    report.add(
      "a sync that Argo CD gave up, since the API server refused what it applied",
      "what serves stayed; when the rule was gone, the schedule had Argo CD sync again",
    );
  });
});

describe("Given a version whose app was once killed", () => {
  it("When it is promoted from canary, Then it is refused until it has run there in health", async () => {
    // No user meets it in canary then: else canary would be taken back to production's version at once.
    expect((await npm("run", "promote", "--", good, "canary", "production")).code).toBe(0);
    await killApp("canary");
    const refused = await npm("run", "promote", "--", good, "canary", "production");
    expect(refused.code).toBe(1);
    expect(refused.output).toContain(`canary does not run version ${good} in health: the container ended `);
    expect((await npm("run", "promote", "--", good, "staging", "canary")).code).toBe(0);
    expect((await npm("run", "promote", "--", good, "canary", "production")).code).toBe(0);
    await expectSettled({ canary: `1.0.${good}`, production: `1.0.${good}` });
    report.add("canary's app was killed during its soak", refused.output.trim().split("\n").at(-1)!);
  });

  it("When a candidate runs out of memory, Then staging goes back to that version", async () => {
    const { models } = await status();
    const [oversized] = models.filter(({ verdicts }) => verdicts.resource?.reason.startsWith("OOMKilled"));
    next = await registerCandidate(oversized.version.replace("1.0.", ""));
    await killApp("staging");
    const { exitCode, sentence } = await followToEnd(await submitBuild(next));
    expect(exitCode).toBe(1);
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    expect(sentence).toContain(`staging is back on 1.0.${good}`);
    report.add("the good version's pod was once killed, and a candidate runs out of memory", sentence);
  });
});

describe("Given users who meet a new version in canary", () => {
  it("When its app is killed, Then they meet production alone, and canary goes back to it", async () => {
    expect((await followToEnd(await submitBuild(next))).exitCode).toBe(0);
    expect((await status()).traffic).toMatchObject({ version: `1.0.${next}`, percent: 1 });
    await killApp("canary");
    await runSchedule("cron-shift-traffic");
    expect((await status()).traffic).toEqual(noCandidate);
    expect((await tags(next))["staging.verdict"]).toBe("withdrawn");
    const record = await lastRelease("canary");
    expect(record).toMatchObject({ action: "abort", outcome: "aborted", serves: { version: `1.0.${good}` } });
    await awaitEvent("canary", `Aborted: ${record.reason}`);
    await runSchedule("cron-revert-staging");
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}`, production: `1.0.${good}` });
    report.add("a container of canary ends while users meet it", record.reason);
  });
});

describe("Given somebody who changes MLflow or the registry by hand", () => {
  const model = { name: modelName };

  it("When an alias is moved and another deleted, Then both follow what serves again", async () => {
    const before = await running();
    const serving = (await environment("production")).version!;
    expect(before.answer).toMatchObject({ status: 200, body: { model_version: serving } });
    await changeByHand("POST", "registered-models/alias", { ...model, alias: "canary", version: next });
    await changeByHand("DELETE", "registered-models/alias", { ...model, alias: "production" });
    const { stdout } = await npm("run", "status");
    expect(stdout).toContain(`The alias canary is on 1.0.${next}, but canary serves 1.0.${good}`);
    expect(stdout).toContain(`The alias production is on no version, but production serves ${serving}`);
    await runSchedule("cron-restore-releases");
    expect(await running()).toEqual(before);
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}`, production: serving });
    expect([await alias("canary"), await alias("production")]).toEqual([`1.0.${good}`, serving]);
    const record = await lastRelease("canary");
    expect(record).toMatchObject({ action: "restore", outcome: "restored", version: `1.0.${good}` });
    await awaitEvent("canary", `Restored: ${record.reason}`);
    const ofProduction = await lastRelease("production");
    expect(ofProduction).toMatchObject({ action: "restore", outcome: "restored", version: serving });
    expect(ofProduction.reason).toContain("the alias production was on no version");
    await awaitEvent("production", `Restored: ${ofProduction.reason}`);
    report.add("an alias moved by hand", `on its schedule, restore-releases: ${record.reason}`);
  });

  it("When the record of the releases is deleted, Then it is restored, and the model reaches canary", async () => {
    const history = await releases();
    const { experiment } = (await mlflow<{ experiment: { experiment_id: string } }>(
      connect(),
      "experiments/get-by-name?experiment_name=gourmetgram-releases",
    ))!;
    await changeByHand("POST", "experiments/delete", { experiment_id: experiment.experiment_id });
    const outcome = await followToEnd(await submitBuild(next));
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect((await releases()).length).toBeGreaterThan(history.length);
    await expectPromoted();
    expect(await eventsOf("staging")).toContainEqual(expect.stringMatching(/^RecordRestored: .* is restored\.$/));
    report.add(
      "the experiment of the releases deleted",
      "it was restored with the next release, with all its records; the model reached canary",
    );
  });

  it("When the candidate is deleted while it is tested, Then staging is reverted at once", async () => {
    const pipelineRun = await submitBuild(next);
    const following = followToEnd(pipelineRun);
    await waitForStep(pipelineRun, "test-staging", "resource");
    await changeByHand("DELETE", "model-versions/delete", { ...model, version: next });
    const { exitCode, sentence } = await following;
    expect(exitCode).toBe(2);
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}` });
    expect(sentence).toContain(`version ${next} was deleted in MLflow while it was tested`);
    report.add("the candidate's version deleted while it was tested", sentence);
  });

  it("When the model is gone from MLflow, Then what serves stays", async () => {
    const before = await running();
    const serving = (await environment("production")).version!;
    expect(before.answer).toMatchObject({ status: 200, body: { model_version: serving } });
    await changeByHand("POST", "registered-models/rename", { ...model, new_name: "somewhere-else" });
    try {
      await runSchedule("cron-restore-releases");
      await runSchedule("cron-revert-staging");
      expect(await running()).toEqual(before);
      const lost = (names: string) =>
        new RegExp(
          `^VersionLost: (MLflow no longer has version ${good}, which ${names}: (it goes|they go) on serving it)$`,
        );
      const told = (await eventsOf("canary")).filter((event) => lost("canary(| and production) serves?").test(event));
      expect(told).toHaveLength(1);
      expect((await eventsOf("staging")).filter((event) => lost("staging serves").test(event))).toHaveLength(1);
      report.add("the model deleted in MLflow", told[0].replace("VersionLost: ", ""));
    } finally {
      await changeByHand("POST", "registered-models/rename", { name: "somewhere-else", new_name: modelName });
    }
    await expectSettled({ staging: `1.0.${good}`, canary: `1.0.${good}`, production: serving });
  });
});

describe("Given a registry that has lost the last good image", () => {
  it("When a candidate is stopped, Then the image is built again, and staging goes back to it", async () => {
    const { image_digest: digest } = await tags(good);
    // It would build canary's image again, which is the same.
    await schedule("cron-restore-releases", "0 0 1 1 *");
    await deleteImage(digest);
    const pipelineRun = await submitBuild(next);
    const following = followToEnd(pipelineRun);
    await waitForStep(pipelineRun, "test-staging", "load");
    await stopWorkflow(pipelineRun);
    const { exitCode, sentence } = await following;
    await schedule("cron-restore-releases", "*/10 * * * *");
    expect(exitCode).toBe(2);
    await expectReverted();
    const rebuilt = `the registry had lost the image of 1.0.${good}, which is built again from its model`;
    expect((await lastRelease("staging")).reason).toContain(rebuilt);
    await awaitEvent("staging", `ImageLost: ${rebuilt}`);
    expect((await readManifest(digest)).digest).toBe(digest);
    report.add("the image of the last good version deleted in the registry", `${sentence}; ${rebuilt}`);
  });
});

describe("Given a node that restarts", () => {
  it("When it is back, Then the same versions are served, and nothing is lost", async () => {
    const before = await status();
    const history = await npm("run", "history", "--", "--json");
    expect((await npm("stop", "--", "--keep-data")).code).toBe(0);
    expect((await npm("start")).code).toBe(0);
    const after = await status();
    expect(after.environments.map(({ name, version, digest }) => [name, version, digest])).toEqual(
      before.environments.map(({ name, version, digest }) => [name, version, digest]),
    );
    expect(after.models).toEqual(before.models);
    expect((await npm("run", "history", "--", "--json")).stdout).toBe(history.stdout);
    report.add("node restart", "the same versions, aliases and records as before");
  });
});

/** How often a step of a pipeline run has been tried. */
async function countTries(pipelineRun: string, template: string, step: string): Promise<number> {
  const { status: now } = await workflowOf(pipelineRun, template);
  return Object.values(now?.nodes ?? {}).filter(
    ({ type, displayName }) => type === "Pod" && displayName.replace(/\(\d+\)$/, "") === step,
  ).length;
}

async function deployment(name: string): Promise<{ image: string; memory: string }> {
  const app = `gourmetgram-${name}`;
  const { spec } = await connect().api<{
    spec: { template: { spec: { containers: { image: string; resources: { limits: { memory: string } } }[] } } };
  }>(`/apis/apps/v1/namespaces/${app}/deployments/${app}`);
  const [{ image, resources }] = spec.template.spec.containers;
  return { image, memory: resources.limits.memory };
}
