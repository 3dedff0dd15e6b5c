import { describe, expect, it } from "vitest";
import { hasVolume, storeVariables } from "../../components/platform/mlflow-stores";
import { ModelRegistry } from "../../components/platform/model-registry";
import { one, record } from "../registrations";
import { settingsWith } from "../stack-files";

const pinned = { digest: `sha256:${"1".repeat(64)}` };
const keys = ["mlflow", "argoWorkflowController", "argoServer", "postgres", "versitygw"];
const settingsOf = (modelRegistry: object) =>
  settingsWith({
    images: { build: true, overrides: Object.fromEntries(keys.map((key) => [key, pinned])) },
    modelRegistry,
  });

/** The variables as a person reads them: `name=value`, or the Secret and the key. */
const variablesOf = (modelRegistry: object): string[] =>
  storeVariables(settingsOf(modelRegistry).modelRegistry).map(({ name, value, valueFrom }: any) =>
    valueFrom ? `${name} from ${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}` : `${name}=${value}`,
  );

describe("the variables of MLflow's stores", () => {
  it("name the volume by default", () =>
    expect(variablesOf({})).toEqual([
      "MLFLOW_BACKEND_STORE_URI=sqlite:////data/mlflow.db",
      "MLFLOW_ARTIFACTS_DESTINATION=/data/artifacts",
    ]));

  it("name a server, and take its user and password from the Secret", () =>
    expect(variablesOf({ database: { secret: "db", host: "db.example.org" } }).slice(0, -1)).toEqual([
      "MLFLOW_BACKEND_STORE_URI=postgresql://",
      "PGHOST=db.example.org",
      "PGPORT=5432",
      "PGDATABASE=mlflow",
      "PGSSLMODE=verify-full",
      "PGSSLROOTCERT=system",
      "PGUSER from db/username",
      "PGPASSWORD from db/password",
    ]));

  it("take all from the Secret, where it has the address", () =>
    expect(variablesOf({ database: { secret: "db" } })[0]).toBe("MLFLOW_BACKEND_STORE_URI from db/uri"));

  it("name a bucket of Amazon's, and one elsewhere", () => {
    const access = [
      "AWS_REQUEST_CHECKSUM_CALCULATION=when_required",
      "AWS_ACCESS_KEY_ID from s3/AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY from s3/AWS_SECRET_ACCESS_KEY",
    ];
    const artifacts = { secret: "s3", bucket: "models" };
    expect(variablesOf({ artifacts: { ...artifacts, region: "eu-central-1" } }).slice(1)).toEqual([
      "MLFLOW_ARTIFACTS_DESTINATION=s3://models",
      "AWS_DEFAULT_REGION=eu-central-1",
      ...access,
    ]);
    const elsewhere = { endpoint: "https://objects.example.org", prefix: "a/b", pathStyle: true };
    expect(variablesOf({ artifacts: { ...artifacts, ...elsewhere } }).slice(1)).toEqual([
      "MLFLOW_ARTIFACTS_DESTINATION=s3://models/a/b",
      "MLFLOW_S3_ENDPOINT_URL=https://objects.example.org",
      "AWS_DEFAULT_REGION=us-east-1",
      "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE=path",
      ...access,
    ]);
  });
});

describe("MLflow's volume", () => {
  it.each([
    ["with neither store", {}, true],
    ["with a database alone", { database: { install: true } }, true],
    ["with artifacts alone", { artifacts: { install: true } }, true],
    ["with both", { database: { install: true }, artifacts: { install: true } }, false],
  ])("%s", (_title, modelRegistry, expected) =>
    expect(hasVolume(settingsOf(modelRegistry).modelRegistry)).toBe(expected),
  );
});

describe("the stores that a stack installs", () => {
  const installed = async () => {
    const settings = settingsOf({ replicas: 3, database: { install: true }, artifacts: { install: true } });
    const { registrations } = await record({}, () => {
      new ModelRegistry("mlflow", {
        settings: settings.modelRegistry,
        exposure: settings.exposure,
        images: settings.images.catalogue,
        toolsImage: "tools@sha256:0",
      });
    });
    return (name: string) => one(registrations, name).inputs;
  };

  it("let MLflow have several pods, which one after another are replaced", async () => {
    const { spec } = (await installed())("mlflow-deployment");
    expect([spec.replicas, spec.strategy]).toEqual([3, { type: "RollingUpdate" }]);
    expect(spec.template.spec.volumes).toEqual([{ name: "tmp", emptyDir: {} }]);
  });

  it.each(["database", "artifacts"])("get the password of the %s from a Secret that a Job makes", async (store) => {
    const inputs = await installed();
    expect(inputs(`mlflow-${store}-secret-role`).rules).toEqual([
      { apiGroups: [""], resources: ["secrets"], resourceNames: [`mlflow-${store}`], verbs: ["get"] },
      { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
    ]);
    const { env } = inputs(`mlflow-${store}-deployment`).spec.template.spec.containers[0];
    expect(env.flatMap(({ valueFrom }: any) => valueFrom?.secretKeyRef.name ?? [])).toEqual([
      `mlflow-${store}`,
      `mlflow-${store}`,
    ]);
  });

  it("give PostgreSQL's volume the same group as its watch does", async () => {
    const { securityContext } = (await installed())("mlflow-database-deployment").spec.template.spec;
    expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 999, fsGroup: 65532 });
  });
});
