import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { catalogue } from "../../images/catalogue";
import { mlflowVersion } from "../../images/mlflow-version";
import { modelName, scenarios } from "../../images/model";
import { goModuleVersion } from "../../lib/go-module";
import { repositoryRoot } from "../../lib/paths";
import { prometheusRelease, toolGroup } from "../../local/toolchain/go-tools";

const read = (path: string) => readFileSync(join(repositoryRoot, path), "utf8");
const sources = ["images", "workflows"].flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(py|yaml)$/.test(path))
    .map((path) => read(join(folder, path))),
);
/** The first group of a pattern, wherever the Python or YAML sources match it. */
const found = (pattern: RegExp) => sources.flatMap((text) => pattern.exec(text)?.[1] ?? []);

describe("what Python and YAML state again", () => {
  it("is the scenarios of images/model.ts", () => {
    const lists = found(/^SCENARIOS = \((.*)\)$/m);
    expect(lists).toHaveLength(2);
    for (const list of lists) expect(JSON.parse(`[${list}]`)).toEqual(scenarios);
  });

  it("is the model of images/model.ts", () => {
    expect(found(/^MODEL = "(.*)"$/m)).toEqual([modelName]);
    expect(found(/MODEL_NAME"\) or "(.*?)"/)).toEqual([modelName]);
    expect(found(/name: MODEL_NAME, value: (\w+)/)).toEqual([modelName]);
  });
});

it("the app, the training and the pipeline name the classes of Food-11 in one order", () => {
  const lists = ["images/app/model.py", "images/train/pictures.py", "workflows/lib/constants.py"].map((path) => {
    const list = /^(?:CLASSES|FOOD_11) = [[(]([^\])]*)[\])]/m.exec(read(path))![1];
    return [...list.matchAll(/"(.*?)"/g)].map(([, name]) => name);
  });
  expect(lists[0]).toHaveLength(11);
  for (const list of lists) expect(list).toEqual(lists[0]);
});

it("the local cluster's MLflow is of the version of its clients", () => {
  const requirements = read("local/toolchain/third-party-images/mlflow/requirements.txt");
  for (const name of ["mlflow", "mlflow-skinny", "mlflow-tracing"])
    expect(requirements).toContain(`\n${name}==${mlflowVersion}\n`);
});

it("the training runs production's model with the ONNX Runtime of the app", () => {
  const [app, train] = ["app", "train"].map((image) => {
    const [, version] = /^onnxruntime==(\S+)/m.exec(read(`images/${image}/requirements.txt`))!;
    return version;
  });
  expect(train).toBe(app);
});

describe("versions that go.mod states", () => {
  it("are those of crane and hey in the image of the tools", () => {
    const dockerfile = read("images/tools/binaries.Dockerfile");
    for (const [module, program] of [
      ["github.com/google/go-containerregistry", "/cmd/crane"],
      ["github.com/rakyll/hey", ""],
    ])
      expect(dockerfile).toContain(`${module}${program}@${goModuleVersion("shared", module)}`);
  });

  it("are the version that Kubernetes reports of itself", () => {
    expect(toolGroup("kubernetes").variables?.["k8s.io/client-go/pkg/version.gitVersion"]).toBe(
      goModuleVersion("shared", "k8s.io/kubernetes"),
    );
  });

  it("are the tags of Argo's images in the catalogue", () => {
    const argoWorkflows = goModuleVersion("shared", "github.com/argoproj/argo-workflows/v3");
    for (const key of ["argoWorkflowController", "argoExec", "argoServer"] as const)
      expect(catalogue[key].tag).toBe(argoWorkflows);
    expect(catalogue.argoCd.tag).toBe(goModuleVersion("shared", "github.com/argoproj/argo-cd/v3"));
  });

  it("are the tag of Prometheus' image in the catalogue, whose modules have a number of their own", () => {
    const version = goModuleVersion("prometheus", "github.com/prometheus/prometheus");
    expect(catalogue.prometheus.tag).toBe(`v${prometheusRelease(version)}`);
    expect(prometheusRelease("v0.305.2")).toBe("3.5.2");
  });

  it("are of the same minor version of Kubernetes as kubectl in the image of the tools", () => {
    const minor = goModuleVersion("shared", "k8s.io/kubernetes").replace(/\.\d+$/, ".");
    expect(read("images/tools/binaries.Dockerfile")).toContain(`registry.k8s.io/kubectl:${minor}`);
  });
});

it("a module that go.mod does not require is named with what to do", () => {
  expect(() => goModuleVersion("shared", "example.test/none")).toThrow(
    "local/toolchain/go/shared/go.mod does not require example.test/none: add it with `go get`.",
  );
});
