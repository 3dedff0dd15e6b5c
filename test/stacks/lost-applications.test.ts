import { describe, expect, it } from "vitest";
import type { Properties } from "../../lib/record";
import type { PlannedStep } from "../../stacks/data-loss";
import {
  createdApplications,
  putBackApplications,
  recordedApplications,
  releaseOf,
} from "../../stacks/lost-applications";
import type { Recorded } from "../../stacks/state";
import { type Answers, type Call, withApiServer } from "../cli/api-server";
import { runProgram } from "../program";
import { runnableStack } from "../stack-files";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const repository = "registry.kube-system.svc.cluster.local:5000/gourmetgram-app";
const base = digest("b");

const declared = (name: string, remote?: string) => ({
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Application",
  metadata: {
    name,
    namespace: "argocd",
    labels: { "gourmetgram.io/stack": "staging" },
    annotations: { "gourmetgram.io/base-image": `${repository}@${base}` },
  },
  spec: {
    project: "gourmetgram",
    destination: { namespace: name, ...(remote ? { name: remote } : { server: "https://kubernetes.default.svc" }) },
    source: { repoURL: `oci://registry/bundles/${name}`, targetRevision: "7f58d53af0b3", path: "." },
  },
});
const application = (name: string, remote?: string, manager: string = "pulumi-kubernetes-12ab"): Recorded => ({
  type: "kubernetes:argoproj.io/v1alpha1:Application",
  inputs: declared(name, remote),
  outputs: manager ? { __fieldManager: manager } : {},
});
const resources = [application("gourmetgram-canary"), application("gourmetgram-production")];

const applications = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
const namespace = "GET /api/v1/namespaces/argocd";
const deployment = "GET /apis/apps/v1/namespaces/gourmetgram-production/deployments/gourmetgram-production";
const mlflow = "/api/v1/namespaces/gourmetgram-platform/services/mlflow:8000/proxy/api/2.0/mlflow";
const experiment = `GET ${mlflow}/experiments/get-by-name?experiment_name=gourmetgram-releases`;
const runs = `POST ${mlflow}/runs/search`;
const models =
  `GET ${mlflow}/model-versions/search?filter=name='GourmetGramFood11Model' and tags.image_digest='${digest("5")}'` +
  "&max_results=1&order_by=version_number DESC";
const notFound = [404, { message: "not found" }];
const unknownToMlflow = [404, { error_code: "RESOURCE_DOES_NOT_EXIST" }];
const writes = (manager: string) => `PATCH ${applications}/gourmetgram-production?fieldManager=${manager}`;

const runsOf = (image: string) => ({
  spec: {
    template: {
      spec: {
        containers: [
          { name: "sidecar", image: `other@${digest("0")}` },
          { name: "app", image: `${repository}@${image}` },
        ],
      },
    },
  },
});
const record = (version: string, image: string, end: number | undefined, environment = "production") => ({
  info: { run_id: version, start_time: 1, ...(end && { end_time: end }) },
  data: {
    tags: Object.entries({ environment, serves_version: version, serves_digest: image }).map(([key, value]) => ({
      key,
      value,
    })),
  },
});

/** Production's Application is gone; 1.0.5 runs there, as the record says. */
const lost: Answers = {
  [namespace]: {},
  [`GET ${applications}`]: { items: [{ metadata: { name: "gourmetgram-canary" } }] },
  [deployment]: runsOf(digest("5")),
  [experiment]: { experiment: { experiment_id: "1" } },
  [runs]: { runs: [record("1.0.6", digest("6"), undefined), record("1.0.5", digest("5"), 1700)] },
  [models]: {},
  [writes("promotion-pipeline")]: {},
  [writes("pulumi-kubernetes-12ab")]: {},
};

interface Given {
  readonly recorded: Recorded[];
  /** Those of a preview, in place of what is recorded. */
  readonly steps: PlannedStep[];
  readonly allowDataLoss: boolean;
}

interface Outcome {
  readonly notices: string[];
  readonly written: Call[];
  readonly lines: string[];
}

const putBack = (
  answers: Answers,
  { recorded = resources, steps, allowDataLoss = false }: Partial<Given> = {},
): Promise<Outcome> =>
  withApiServer({ ...lost, ...answers }, async (cluster, calls) => {
    const applications = steps ? createdApplications(steps) : recordedApplications(recorded);
    const notices = await putBackApplications(applications, () => cluster, allowDataLoss);
    return {
      notices,
      written: calls.filter(({ line }) => line.startsWith("PATCH")),
      lines: calls.map(({ line }) => line),
    };
  });
const imagesOf = ({ written }: Outcome) => written[0].body.spec.source.kustomize?.images;
const heldOf = ({ written }: Outcome) => {
  const text = written[0].body.metadata.annotations["gourmetgram.io/last-release"];
  return text === undefined ? undefined : JSON.parse(text);
};
const override = (letter: string) => [`gourmetgram-app=${repository}@${digest(letter)}`];

describe("the release of an environment whose Application is gone", () => {
  const recorded = (version: string, letter: string) => ({ version, digest: digest(letter), at: 1 });

  it.each<[string, string | null, ReturnType<typeof recorded> | null, string | null]>([
    ["what runs there", digest("5"), recorded("1.0.5", "5"), digest("5")],
    ["what runs there, though the record names another one", digest("6"), recorded("1.0.5", "5"), digest("6")],
    ["what runs there, though the record names the base image", digest("6"), recorded("base", "b"), digest("6")],
    ["what runs there, without a record", digest("6"), null, digest("6")],
    ["what the record names, where nothing runs", null, recorded("1.0.5", "5"), digest("5")],
    ["what the record names, where the base image runs", base, recorded("1.0.5", "5"), digest("5")],
    ["the base image, where both name it", base, recorded("base", "b"), null],
    ["the base image, where nobody names another one", null, null, null],
  ])("is %s", (_title, running, found, expected) =>
    expect(releaseOf({ running, recorded: found }, base)).toBe(expected),
  );
});

describe("an Application that somebody deleted", () => {
  it("is made again at once with its release, and with all that Pulumi declares", async () => {
    const outcome = await putBack({});
    const { metadata, spec } = declared("gourmetgram-production");
    expect(outcome.written[0].headers["content-type"]).toBe("application/apply-patch+yaml");
    expect(outcome.written[0].body).toEqual({
      ...declared("gourmetgram-production"),
      metadata: {
        ...metadata,
        annotations: {
          ...metadata.annotations,
          "gourmetgram.io/last-release": JSON.stringify({ version: "1.0.5", digest: digest("5"), at: 1700 }),
        },
      },
      spec: { ...spec, source: { ...spec.source, kustomize: { images: override("5") } } },
    });
    expect(outcome.notices).toEqual([
      "The Application gourmetgram-production is gone from the cluster: it is made again with 1.0.5, which runs there.",
    ]);
  });

  it("gives each field back to its owner: Pulumi what it declares, and the pipeline the release alone", async () => {
    const { written } = await putBack({});
    expect(written.map(({ line }) => line)).toEqual([
      writes("promotion-pipeline"),
      writes("pulumi-kubernetes-12ab"),
      writes("promotion-pipeline"),
    ]);
    expect(written[1].body).toEqual(declared("gourmetgram-production"));
    expect(written[2].body).toEqual({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Application",
      metadata: {
        name: "gourmetgram-production",
        namespace: "argocd",
        annotations: { "gourmetgram.io/last-release": expect.stringContaining("1.0.5") },
      },
      spec: { source: { kustomize: { images: override("5") } } },
    });
  });

  it("leaves what it declares to Pulumi's provider where Pulumi has recorded no name for its own fields", async () => {
    const recorded = [application("gourmetgram-canary"), application("gourmetgram-production", undefined, "")];
    const { written } = await putBack({ [writes("kubectl-put-back")]: {} }, { recorded });
    expect(written.map(({ line }) => line)).toEqual([
      writes("promotion-pipeline"),
      writes("kubectl-put-back"),
      writes("promotion-pipeline"),
    ]);
  });

  it("gets what the record says where its Deployment is gone too", async () => {
    const outcome = await putBack({ [deployment]: notFound });
    expect(imagesOf(outcome)).toEqual(override("5"));
    expect(outcome.notices[0]).toMatch(/is made again with 1\.0\.5, as the record of releases says\.$/);
  });

  it("gets what runs where the record names another release, which the pipeline then puts right", async () => {
    const outcome = await putBack({ [deployment]: runsOf(digest("7")) });
    expect(imagesOf(outcome)).toEqual(override("7"));
    expect(heldOf(outcome)).toEqual({ version: "1.0.5", digest: digest("5"), at: 1700 });
    expect(outcome.notices[0]).toContain(`it is made again with ${digest("7").slice(0, 19)}, which runs there.`);
  });

  it("is known by its model where the record is lost", async () => {
    const model = { model_versions: [{ version: "5", tags: [{ key: "image_digest", value: digest("5") }] }] };
    const outcome = await putBack({ [experiment]: unknownToMlflow, [models]: model });
    expect(heldOf(outcome)).toEqual({ version: "1.0.5", digest: digest("5"), at: expect.any(Number) });
    expect(outcome.notices[0]).toContain("it is made again with 1.0.5, which runs there.");
  });

  it("gets what runs where MLflow does not answer, without a word on what it served", async () => {
    const outcome = await putBack({ [experiment]: [503, "no endpoints"] });
    expect(imagesOf(outcome)).toEqual(override("5"));
    expect(heldOf(outcome)).toBeUndefined();
  });

  it("gets the base image only where nobody names a release", async () => {
    const outcome = await putBack({ [deployment]: runsOf(base), [runs]: { runs: [] }, [modelsOf(base)]: {} });
    expect(imagesOf(outcome)).toBeUndefined();
    expect(outcome.notices[0]).toMatch(/is made again, with the base image, since no release of it is known\.$/);
  });

  it.each([
    ["the base image runs", runsOf(base)],
    ["nothing runs", notFound],
  ])(
    "stops the update where %s and MLflow does not answer, unless a person allows the loss",
    async (_title, runsThere) => {
      const answers = { [deployment]: runsThere, [experiment]: [503, "no endpoints"] };
      await expect(putBack(answers)).rejects.toThrow(
        new Error(
          "The Application gourmetgram-production is gone from the cluster, and it is not known which release it " +
            "had: no Deployment names one, and MLflow does not tell (MLflow answered with 503: see its log with " +
            "kubectl --kubeconfig /state/kubeconfig " +
            "logs --namespace gourmetgram-platform deployment/mlflow). Nothing was updated. Run this again " +
            "when MLflow answers. To go on with the base image instead, run npm start -- --allow-data-loss.",
        ),
      );
      expect(imagesOf(await putBack(answers, { allowDataLoss: true }))).toBeUndefined();
    },
  );

  it("on a remote cluster gets what the record says, and no namespace of this cluster is asked", async () => {
    const recorded = [application("gourmetgram-canary"), application("gourmetgram-production", "edge")];
    const outcome = await putBack({}, { recorded });
    expect(imagesOf(outcome)).toEqual(override("5"));
    expect(outcome.lines).not.toContain(deployment);
  });
});

describe("an Application that an update creates, since a destroy took it out of the state too", () => {
  const step = (after: Properties, operation = "create"): PlannedStep => ({
    type: "kubernetes:argoproj.io/v1alpha1:Application",
    ...{ operation, before: {}, after },
  });
  const steps = [step(declared("gourmetgram-production"))];
  const answers: Answers = { [writes("kubectl-put-back")]: {} };
  const mlflowDeployment = "GET /apis/apps/v1/namespaces/gourmetgram-platform/deployments/mlflow";
  const silent: Answers = { [experiment]: [503, "no endpoints"] };

  it("is there before, with its release and without a sync policy, so that Pulumi completes it", async () => {
    const outcome = await putBack(answers, { steps });
    expect(outcome.written.map(({ line }) => line)).toEqual([
      writes("promotion-pipeline"),
      writes("kubectl-put-back"),
      writes("promotion-pipeline"),
    ]);
    const { project, destination, source } = declared("gourmetgram-production").spec;
    const { targetRevision, ...known } = source;
    const { apiVersion, kind } = declared("gourmetgram-production");
    const metadata = { name: "gourmetgram-production", namespace: "argocd" };
    expect(outcome.written[1].body).toEqual({
      apiVersion,
      kind,
      metadata,
      spec: { project, destination, source: known },
    });
    expect(imagesOf(outcome)).toEqual(override("5"));
    expect(outcome.written[2].body.spec).toEqual({ source: { kustomize: { images: override("5") } } });
    expect(heldOf(outcome)).toEqual({ version: "1.0.5", digest: digest("5"), at: 1700 });
    expect(outcome.notices).toEqual([
      "The Application gourmetgram-production is not in the cluster: it is made with 1.0.5, which runs there.",
    ]);
  });

  it.each([
    ["its Deployment is gone too", notFound],
    ["the base image runs meanwhile", runsOf(base)],
  ])("has what the record says where %s", async (_title, runsThere) => {
    const outcome = await putBack({ ...answers, [deployment]: runsThere }, { steps });
    expect(imagesOf(outcome)).toEqual(override("5"));
    expect(outcome.notices[0]).toMatch(/it is made with 1\.0\.5, as the record of releases says\.$/);
  });

  it("has the image that runs where the base image is built by the update itself", async () => {
    const application = declared("gourmetgram-production");
    application.metadata.annotations["gourmetgram.io/base-image"] = "(known once applied)";
    expect(imagesOf(await putBack(answers, { steps: [step(application)] }))).toEqual(override("5"));
    const { notices, written } = await putBack({ [deployment]: notFound }, { steps: [step(application)] });
    expect(written).toEqual([]);
    expect(notices[0]).toContain("(its image is not built yet): it is made with the base image.");
  });

  it("is left to the update where it is new, where it is in the cluster, and where it is no creation", async () => {
    const nobody: Answers = { [deployment]: notFound, [runs]: { runs: [] } };
    const nothing = { notices: [], written: [] };
    expect(await putBack(nobody, { steps })).toMatchObject(nothing);
    expect(await putBack({}, { steps: [step(declared("gourmetgram-canary"))] })).toMatchObject(nothing);
    expect(await putBack({}, { steps: [step(declared("gourmetgram-production"), "update")] })).toMatchObject(nothing);
  });

  it("stops the update where MLflow is there and does not answer, and nothing else names a release", async () => {
    const given = { ...silent, [deployment]: notFound, [mlflowDeployment]: {} };
    await expect(putBack(given, { steps })).rejects.toThrow(
      "The Application gourmetgram-production is not in the cluster, and it is not known which release it had: ",
    );
    expect(imagesOf(await putBack({ ...answers, ...silent }, { steps }))).toEqual(override("5"));
  });

  it("does not wait for an MLflow that is gone, since the update makes it", async () => {
    const given = { ...silent, [deployment]: notFound, [mlflowDeployment]: notFound };
    const { notices, written } = await putBack(given, { steps });
    expect(written).toEqual([]);
    expect(notices).toEqual([
      expect.stringMatching(/it is made with the base image\. .*the schedule restore-releases puts it back\.$/),
    ]);
  });
});

describe("nothing is made again", () => {
  it("of a stack that has recorded no Application, whose cluster is not asked", async () => {
    expect(
      await putBackApplications(
        recordedApplications([{ type: "pulumi:pulumi:Stack" }]),
        () => expect.fail("asked"),
        false,
      ),
    ).toEqual([]);
  });

  it.each<[string, Answers]>([
    ["all are there", { [`GET ${applications}`]: { items: resources.map(({ inputs }) => inputs) } }],
    ["Argo CD's namespace is gone too", { [namespace]: notFound, [`GET ${applications}`]: { items: [] } }],
    ["Argo CD is gone too", { [`GET ${applications}`]: notFound }],
  ])("where %s", async (_title, answers) => {
    expect(await putBack(answers)).toMatchObject({ notices: [], written: [] });
  });
});

it("every environment of the program is looked for, with its base image", async () => {
  const { registrations } = await runProgram(runnableStack("staging"));
  const found = recordedApplications(registrations.map(({ type, inputs }) => ({ type, inputs })));
  expect(found.map(({ app }) => app).sort()).toEqual([
    "gourmetgram-canary",
    "gourmetgram-production",
    "gourmetgram-staging",
  ]);
  for (const { baseImage, isRemote } of found) {
    expect(baseImage).toMatch(/^\S+\/gourmetgram-app@sha256:[0-9a-f]{64}$/);
    expect(isRemote).toBe(false);
  }
});

function modelsOf(image: string): string {
  return models.replace(digest("5"), image);
}
