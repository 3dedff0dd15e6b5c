import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSettings, parseCluster, parseSettings, parseStack, saltOf, settingsOf } from "../../config";
import { record } from "../registrations";
import {
  referenceStacks,
  runnableStack,
  settingsWith,
  shippedStacks,
  stacksOfTwoClusters,
  withoutProject,
} from "../stack-files";

describe("the shipped stack files", () => {
  it("are the whole pipeline in one stack, on kind and k3d too, and a stack per environment", () =>
    expect(shippedStacks).toEqual(expect.arrayContaining(referenceStacks)));

  it.each(shippedStacks)("%s is a valid configuration", (stack) => {
    const settings = parseSettings(withoutProject(runnableStack(stack)));
    expect(Object.keys(settings.environments).length).toBeGreaterThan(0);
  });

  it("the reference stack has the document's ports, and a memory limit for each environment", () => {
    // The policy memory-limits checks which limit, and policy/exceptions.json may allow another one.
    const memory = expect.stringMatching(/^\d+[MG]i$/);
    expect(settingsWith().environments).toEqual({
      staging: { port: 8081, memory, replicas: 1, answersKept: 0, protect: false },
      canary: { port: 8080, promotesFrom: "staging", memory, replicas: 1, answersKept: 0, protect: false },
      production: { port: 80, promotesFrom: "canary", memory, replicas: 1, answersKept: 0, protect: false },
    });
  });
});

describe("the promotion path", () => {
  const environment = (port: number, promotesFrom?: string) => ({ port, ...(promotesFrom && { promotesFrom }) });

  it("is kept in the order of promotion, whatever the order of its names", () => {
    const environments = {
      a: environment(1, "m"),
      m: environment(2, "z-9"),
      "z-9": environment(3, "staging"),
      staging: environment(4),
    };
    expect(Object.keys(settingsWith({ environments }).environments)).toEqual(["staging", "z-9", "m", "a"]);
  });

  it.each([
    "mlflow",
    "platform",
    "development",
    "latest",
    "gate",
    "v7",
    "9lives",
    "a-",
    "-a",
    "a.b",
    "a_b",
    "Shadow",
    "",
    "a".repeat(31),
    "argoCd",
  ])("has no environment %j", (name) => {
    expect(() =>
      settingsWith({ environments: { staging: environment(1), [name]: environment(2, "staging") } }),
    ).toThrow(`gourmetgram:environments.${name}: invalid name of an environment: write up to 30 lower-case letters, `);
  });

  it.each(["a", "eu-west-1", "v", "v7-blue", "a".repeat(30)])("may have an environment %j", (name) => {
    expect(
      Object.keys(
        settingsWith({ environments: { staging: environment(1), [name]: environment(2, "staging") } }).environments,
      ),
    ).toEqual(["staging", name]);
  });
});

describe("an environment on another cluster", () => {
  it("is named with where the workflows reach it", () => {
    const { promotionPath } = parseSettings(withoutProject(stacksOfTwoClusters().platform));
    expect(promotionPath.canary).toEqual({
      stack: "canary",
      port: 8080,
      promotesFrom: "staging",
      cluster: "edge",
      url: "http://192.0.2.20:8080",
    });
    expect(promotionPath.production).toEqual({ stack: "production", port: 80, promotesFrom: "canary" });
  });

  it("names in its own stack the platform's cluster, and where Argo CD reaches this one", () => {
    const { cluster, platform } = parseSettings(withoutProject(stacksOfTwoClusters().canary));
    expect({ cluster, platform }).toEqual({
      cluster: { context: "edge" },
      platform: { stack: "platform", cluster: { context: "gourmetgram-local" }, apiServer: "https://192.0.2.20:6443" },
    });
  });

  it("may have a context of the same name in another kubeconfig", () => {
    const platform = {
      stack: "platform",
      cluster: { context: "edge", kubeconfig: "/main" },
      apiServer: "https://192.0.2.20:6443",
    };
    expect(parseSettings({ ...withoutProject(stacksOfTwoClusters().canary), platform }).platform).toEqual(platform);
  });

  const remoteShadow = (changes: object) => ({
    remoteEnvironments: {
      shadow: {
        stack: "shadow",
        port: 8083,
        promotesFrom: "production",
        cluster: "edge",
        url: "http://edge:1",
        ...changes,
      },
    },
  });

  it.each<[string, object]>([
    ["the longest name", { cluster: `a${"b".repeat(38)}9` }],
    ["a cluster that begins like Argo CD's own", { cluster: "in-cluster-2" }],
    ["a URL by name", { url: "http://shadow.lab.example.org:65535" }],
    ["a port that an environment of the platform's has", { port: 80 }],
  ])("may have %s", (_title, changes) =>
    expect(settingsWith(remoteShadow(changes)).promotionPath.shadow).toMatchObject(changes),
  );

  it.each(["in-cluster", "a".repeat(41), "-edge", "edge-", "9", "edge.lab", ""])("is on no cluster %j", (cluster) => {
    expect(() => settingsWith(remoteShadow({ cluster }))).toThrow(
      "gourmetgram:remoteEnvironments.shadow.cluster: write up to 40 lower-case letters, digits and dashes, ",
    );
  });

  it.each([
    "https://edge:1",
    "http://edge",
    "http://edge:0",
    "http://edge:1/",
    "http://user@edge:1",
    "edge:1",
    "http://Edge:1",
  ])("is not reached at %j", (url) => {
    expect(() => settingsWith(remoteShadow({ url }))).toThrow(
      "gourmetgram:remoteEnvironments.shadow.url: write a URL with http:// and a port",
    );
  });

  const reachedAt = (apiServer: string) =>
    parseSettings({
      ...withoutProject(stacksOfTwoClusters().canary),
      platform: { stack: "platform", cluster: { context: "a" }, apiServer },
    }).platform?.apiServer;

  it.each(["https://edge", "https://edge.lab.example.org:6443", "https://192.0.2.20"])(
    "may have its API server at %s",
    (apiServer) => expect(reachedAt(apiServer)).toBe(apiServer),
  );

  it.each([
    "http://edge",
    "https://edge:6443/",
    "https://edge:6443/api",
    "https://user:secret@edge",
    "https://kubernetes.default.svc",
    "https://kubernetes.default",
    "edge",
  ])("has its API server not at %j", (apiServer) => {
    expect(() => reachedAt(apiServer)).toThrow(
      "gourmetgram:platform.apiServer: write a URL with https:// and without a path, which the platform can reach",
    );
  });
});

describe("what a stack leaves out", () => {
  it("has the documented default", () => {
    const { registry, modelRegistry, pipeline, exposure, cluster } = settingsWith();
    expect({ registry, modelRegistry, pipeline, exposure, cluster }).toEqual({
      registry: { storage: "20Gi", configureNodes: false },
      modelRegistry: { storage: "20Gi", replicas: 1, hosts: [] },
      pipeline: {
        accuracyBar: 0.8,
        judgement: { margin: 0.02, classBar: 0.5, dryRun: false },
        epochs: 3,
        rolloutTimeoutSeconds: 120,
        minimumSoakMinutes: 0,
        load: { requests: 100, concurrency: 10, minSuccessPercent: 95, maxP95Ms: 2000 },
        canary: {
          steps: [1, 10, 25, 50],
          stepMinutes: 5,
          mirrorRequests: false,
          analysis: {
            minimumRequests: 100,
            confidencePercent: 95,
            success: { minPercent: 95, dryRun: false },
            p95: { maxMs: 2000, dryRun: false },
            confidence: { maxDrop: 0.15, dryRun: false },
            classes: { maxDifference: 0.2, dryRun: false },
            restarts: { most: 0, dryRun: false },
            metrics: {},
          },
        },
        retention: { days: 30, versions: 10 },
        cron: { schedule: "0 2 * * *", timezone: "UTC", suspended: true },
        approval: {},
        windows: {},
        notifications: {},
      },
      exposure: {
        type: "LoadBalancer",
        host: "gourmetgram.example.org",
        addresses: [],
        ports: { mlflow: 8000, argoWorkflows: 2746, argoCd: 8082 },
        nodePorts: {},
        portsMapped: false,
      },
      cluster: { context: "gourmetgram-local" },
    });
  });

  it("pins the releases of Argo", () => {
    const { argoWorkflows, argoCd } = settingsWith({ argoWorkflows: {}, argoCd: {} });
    expect(argoWorkflows).toEqual({
      install: true,
      manifests: "https://github.com/argoproj/argo-workflows/releases/download/v3.7.18/namespace-install.yaml",
      authMode: "client",
    });
    const source = "https://raw.githubusercontent.com/argoproj/argo-cd/v3.2.6/manifests";
    expect(argoCd).toEqual({
      install: true,
      manifests: `${source}/namespace-install.yaml`,
      crds: ["application", "applicationset", "appproject"].map((name) => `${source}/crds/${name}-crd.yaml`),
    });
  });
});

describe("schedules", () => {
  it.each([
    "0 2 * * *",
    "*/15 * * * *",
    "5/15 * * * *",
    "0 8-18/2 * * 1-5",
    "0 0 * * */7",
    "0,30 0 1 1,7 0",
    "0 2 29 2 *",
    "0 2 30 2 1",
  ])("%s is valid", (schedule) => {
    expect(settingsWith({ pipeline: { cron: { schedule } } }).pipeline.cron.schedule).toBe(schedule);
  });

  it.each([
    "60 * * * *",
    "0 2 0 * *",
    "0 2 32 * *",
    "0 2 * 13 *",
    "0 2 * * 7",
    "0 2 * * 1,7",
    "0 2 * * 1-7",
    "0 2 * * MON",
    "0 2 L * *",
    "*/0 * * * *",
    "*/70 * * * *",
    "5-1 * * * *",
    "/5 * * * *",
    "0,/5 * * * *",
    "a b c d e",
    "@daily",
    "",
    "0  2 * * *",
  ])("%j is invalid", (schedule) => {
    expect(() => settingsWith({ pipeline: { cron: { schedule } } })).toThrow(
      "gourmetgram:pipeline.cron.schedule: write cron's five fields in numbers",
    );
  });

  it.each(["0 2 30 2 *", "0 2 31 2,4-6/2,9,11 *"])("%j never comes", (schedule) => {
    expect(() => settingsWith({ pipeline: { cron: { schedule } } })).toThrow(
      `gourmetgram:pipeline.cron.schedule: never comes: write a day that the month has, not "${schedule}"`,
    );
  });

  it.each(["*/15 * * * *", "0 9 */2 * *", "0 9 1,15 1-6/2 *", "0 9 * * 1-5", "0,30 9 * * */2", "5-59/15 2 * * *"])(
    "%s is valid for a window",
    (schedule) => {
      const window = { kind: "deny", environments: ["canary"], schedule, minutes: 60 };
      expect(settingsWith({ pipeline: { windows: { night: window } } }).pipeline.windows.night.schedule).toBe(schedule);
    },
  );
});

describe("values at the edge of what a setting takes", () => {
  it.each<[string, Record<string, unknown>]>([
    ["the least memory", { environments: { staging: { port: 1, memory: "128Mi" } } }],
    [
      "the most memory, and another way to write it",
      {
        environments: {
          staging: { port: 65535, memory: "16Gi" },
          canary: { port: 2, promotesFrom: "staging", memory: "16384Mi" },
        },
      },
    ],
    ["the least storage", { registry: { storage: "1024Mi" } }],
    ["a time zone by an old name", { pipeline: { cron: { timezone: "US/Pacific" } } }],
    ["a time zone without a place", { pipeline: { cron: { timezone: "Etc/GMT+2" } } }],
    ["a host of one label", { exposure: { type: "LoadBalancer", host: "lab-2" } }],
    ["a host that is an address", { exposure: { type: "LoadBalancer", host: "127.0.0.1" } }],
    ["a host with digits", { exposure: { type: "LoadBalancer", host: "10.lab.example.org" } }],
    [
      "requests that at once divide",
      { pipeline: { load: { requests: 20, concurrency: 20, minSuccessPercent: 99.99, maxP95Ms: 10000 } } },
    ],
    ["as many requests as the gate has time for", { pipeline: { load: { requests: 840, concurrency: 10 } } }],
    ["as many as it has time for at all", { pipeline: { load: { requests: 5376, concurrency: 64 } } }],
    ["manifests of a path with a space", { argoWorkflows: { manifests: "my manifests/argo.yaml" } }],
  ])("%s is taken", (_title, sections) => expect(settingsWith(sections)).toMatchObject(sections));

  it.each(["mirror.example.org", "10.0.0.5:5000", "mirror.example.org:5000/all/of-it"])("%s is a mirror", (mirror) => {
    const { overrides } = withoutProject(runnableStack("staging")).images;
    expect(settingsWith({ images: { build: true, overrides, mirror } }).images.catalogue.redis.repository).toBe(
      `${mirror}/library/redis`,
    );
  });
});

describe("loadSettings", () => {
  it("reads what the engine hands over, and leaves other projects' keys alone", async () => {
    const { result } = await record(
      { ...runnableStack("staging"), "kubernetes:context": "elsewhere", "gourmetgram:pipeline": { epochs: 7 } },
      () => {
        const { cluster, pipeline } = loadSettings();
        return { context: cluster.context, epochs: pipeline.epochs };
      },
    );
    expect(result).toEqual({ context: "gourmetgram-local", epochs: 7 });
  });

  it("names a key that is no setting", async () => {
    await expect(
      record({ ...runnableStack("staging"), "gourmetgram:epochs": "7" }, () => loadSettings() as object),
    ).rejects.toThrow(/gourmetgram:epochs: unknown key: write one of cluster, platform, .*, pipeline, or remove it/);
  });
});

describe("parseStack", () => {
  it("gives a key without a project this one, as Pulumi does, and reads JSON from the command line", () => {
    const file = parseStack(
      "config:\n  pipeline: '{\"epochs\": 7}'\n  kubernetes:context: elsewhere\n",
      "Pulumi.test.yaml",
    );
    expect(file).toEqual({ config: { "gourmetgram:pipeline": '{"epochs": 7}', "kubernetes:context": "elsewhere" } });
    expect(settingsOf(file)).toEqual({ pipeline: { epochs: 7 } });
  });

  it("keeps the settings of Pulumi's own providers, also one with the name of a section", () => {
    const config = { "kubernetes:cluster": "lab", "command:pipeline": 1, "aws:region": "eu-west-1" };
    expect(parseStack(JSON.stringify({ config }), "Pulumi.test.yaml")).toEqual({ config });
  });

  it("keeps what Pulumi writes beside the settings", () => {
    expect(parseStack("encryptionsalt: v1:x", "Pulumi.test.yaml")).toEqual({ encryptionsalt: "v1:x", config: {} });
  });
});

it("the salt of a generated stack file is read whatever an earlier program wrote beside it", () => {
  const text = "encryptionsalt: v1:x\nconfig:\n  gourmetgam:pipeline: {}\n";
  expect(saltOf(text, "Pulumi.test.yaml")).toBe("v1:x");
  expect(saltOf("config: {}", "Pulumi.test.yaml")).toBeUndefined();
});

describe("parseCluster", () => {
  const clusterIn = (text: string) => parseCluster(parseStack(text, "Pulumi.test.yaml"));

  it("reads the one section, whatever else the file says", () => {
    expect(clusterIn(readFileSync(join(__dirname, "..", "..", "Pulumi.staging.yaml"), "utf8"))).toEqual({
      context: "gourmetgram-local",
    });
    expect(
      clusterIn("config:\n  gourmetgram:cluster: {context: kind, kubeconfig: /k}\n  gourmetgram:wrong: 1"),
    ).toEqual({ context: "kind", kubeconfig: "/k" });
  });

  it.each(["", "config: {}", "encryptionsalt: x"])("asks for the cluster where %j names none", (file) => {
    expect(() => clusterIn(file)).toThrow(
      "The stack's configuration has a mistake:\n  gourmetgram:cluster: missing: write a mapping with context",
    );
  });
});
