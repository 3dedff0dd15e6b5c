import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as yaml from "js-yaml";
import { describe, expect, it } from "vitest";
import { bundleTag, renderBundle } from "../../components/environments/bundle";
import { appPort, environmentBundle, metricsPort } from "../../components/environments/environment-bundle";
import { repositoryRoot } from "../../lib/paths";
import { settingsWith } from "../stack-files";

const baseImage = `registry.example.org/gourmetgram-app@sha256:${"a".repeat(64)}`;

function bundle(
  environment: { port: number; memory?: string; replicas?: number; answersKept?: number } = { port: 8081 },
  image = baseImage,
) {
  const settings = settingsWith({ environments: { staging: environment } });
  const { environments, exposure, promotionPath } = settings;
  return environmentBundle(
    {
      environment: "staging",
      settings: environments.staging,
      exposure,
      platform: { promotionPath, rolloutTimeoutSeconds: 90 },
    },
    image,
  );
}

describe("renderBundle", () => {
  const files = renderBundle(bundle());

  it("has the four files that kustomize reads", () => {
    const names = ["deployment.yaml", "service.yaml", "metrics-service.yaml", "kustomization.yaml"];
    expect(Object.keys(files)).toEqual(names);
  });

  it("runs the base image until a release says otherwise", () => {
    expect(yaml.load(files["kustomization.yaml"])).toEqual({
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: ["deployment.yaml", "service.yaml", "metrics-service.yaml"],
      images: [
        {
          name: "gourmetgram-app",
          newName: "registry.example.org/gourmetgram-app",
          digest: `sha256:${"a".repeat(64)}`,
        },
      ],
    });
  });

  it("states the Deployment as it was built", () => {
    expect(yaml.load(files["deployment.yaml"])).toEqual(bundle().deployment);
    expect(yaml.load(files["service.yaml"])).toEqual(bundle().service);
    expect(yaml.load(files["metrics-service.yaml"])).toEqual(bundle().metricsService);
  });

  it("shows a new limit as a change of two lines", () => {
    const more = renderBundle(bundle({ port: 8081, memory: "512Mi" }))["deployment.yaml"].split("\n");
    const changed = files["deployment.yaml"]
      .split("\n")
      .flatMap((line, index) => (line === more[index] ? [] : [`${line.trim()} -> ${more[index].trim()}`]));
    expect(changed).toEqual(["memory: 256Mi -> memory: 512Mi", "memory: 256Mi -> memory: 512Mi"]);
  });
});

describe("bundleTag", () => {
  const tag = (...args: Parameters<typeof bundle>) => bundleTag(renderBundle(bundle(...args)));

  it("is twelve hex digits, the same for the same content", () => {
    expect(tag()).toMatch(/^[0-9a-f]{12}$/);
    expect(tag()).toBe(tag({ port: 8081, memory: "256Mi", replicas: 1 }));
  });

  it("changes with the memory, the port, the replicas and the base image", () => {
    const tags = [
      tag(),
      tag({ port: 8081, memory: "512Mi" }),
      tag({ port: 9000 }),
      tag({ port: 8081, replicas: 2 }),
      tag({ port: 8081 }, baseImage.replace(/a$/, "b")),
    ];
    expect(new Set(tags).size).toBe(5);
  });

  it("doesn't depend on the order of the files", () => {
    expect(bundleTag({ a: "1", b: "2" })).toBe(bundleTag({ b: "2", a: "1" }));
  });

  it("tells where a file's name and content end", () => {
    expect(bundleTag({ a: "b", c: "d" })).not.toBe(bundleTag({ a: "bc", "": "d" }));
    expect(bundleTag({ ab: "c" })).not.toBe(bundleTag({ a: "bc" }));
  });
});

describe("the Deployment of an environment", () => {
  const pod = (environment?: Parameters<typeof bundle>[0]) =>
    (bundle(environment).deployment as any).spec.template.spec;

  it("has its memory as request and limit", () => {
    expect(pod().containers[0].resources).toEqual({
      requests: { cpu: "100m", memory: "256Mi" },
      limits: { memory: "256Mi" },
    });
    expect(pod({ port: 8081, memory: "1Gi" }).containers[0].resources).toEqual({
      requests: { cpu: "100m", memory: "1Gi" },
      limits: { memory: "1Gi" },
    });
  });

  it("replaces pods one by one, and gives up when the rollout takes too long", () => {
    expect((bundle({ port: 8081, replicas: 3 }).deployment as any).spec).toMatchObject({
      replicas: 3,
      progressDeadlineSeconds: 90,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    });
  });

  it("spreads the pods of one release over the nodes where there are several, and says nothing of it for one", () => {
    expect(pod({ port: 8081, replicas: 2 }).topologySpreadConstraints).toEqual([
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: { app: "gourmetgram-staging" } },
        matchLabelKeys: ["pod-template-hash"],
      },
    ]);
    expect(pod()).not.toHaveProperty("topologySpreadConstraints");
  });

  it("asks the app what every version of it answers, and gives one that is busy the time that it takes", () => {
    const [container] = pod().containers;
    expect(container.ports).toEqual([
      { name: "http", containerPort: appPort },
      { name: "metrics", containerPort: metricsPort },
    ]);
    const probes = ["startupProbe", "readinessProbe", "livenessProbe"].map((each) => container[each]);
    for (const { httpGet } of probes) expect(httpGet).toEqual({ path: "/healthz", port: "http" });
    // Apps that were built before they kept threads free for it took up to 8 seconds, with 120 clients waiting.
    expect(probes.map(({ timeoutSeconds }) => timeoutSeconds)).toEqual([undefined, 10, 10]);
    expect((bundle().service as any).spec.ports).toEqual([expect.objectContaining({ targetPort: "http" })]);
  });

  it("is judged by its pods, also where its Service gets no address", () => {
    expect((bundle().service as any).metadata.annotations).toEqual({ "argocd.argoproj.io/ignore-healthcheck": "true" });
    expect((bundle().deployment as any).metadata.annotations).toBeUndefined();
  });

  it("gives the app the time that it takes to end", async () => {
    const server = await readFile(join(repositoryRoot, "images/app/server.py"), "utf8");
    const seconds = (name: string) => Number(new RegExp(`^${name} = (\\d+)$`, "m").exec(server)![1]);
    const { terminationGracePeriodSeconds } = pod();
    expect(terminationGracePeriodSeconds).toBeGreaterThan(seconds("DRAIN_SECONDS") + seconds("FINISH_SECONDS"));
  });

  it("has room for the uploads of all connections that the app takes, and for no more", async () => {
    const source = async (name: string) => readFile(join(repositoryRoot, "images/app", name), "utf8");
    const number = (text: string, name: string) => Number(new RegExp(`^${name} = (\\d+)\\b`, "m").exec(text)![1]);
    const server = await source("server.py");
    const connections = number(await source("listener.py"), "CONNECTIONS_BAR");
    const threads =
      number(await source("model.py"), "WAITING_BAR") + Number(/threads=WAITING_BAR \+ (\d+)/.exec(server)![1]);
    const size = (connections + threads) * number(server, "MAX_UPLOAD");
    expect(server).toContain("MAX_UPLOAD = 8 * 1024 * 1024");
    expect((pod() as any).volumes).toEqual([{ name: "tmp", emptyDir: { sizeLimit: `${size}Mi` } }]);
  });

  it("tells the app its environment, and declares the ports that it listens on", async () => {
    const server = await readFile(join(repositoryRoot, "images/app/server.py"), "utf8");
    const port = (name: string) => Number(new RegExp(`"${name}", "(\\d+)"`).exec(server)![1]);
    expect([appPort, metricsPort]).toEqual([port("PORT"), port("METRICS_PORT")]);
    expect(pod().containers[0].env).toEqual([{ name: "ENVIRONMENT", value: "staging" }]);
    expect(server).toContain('os.environ.get("ENVIRONMENT")');
  });

  it("tells the app how many answers to keep, where it is to keep any", async () => {
    const server = await readFile(join(repositoryRoot, "images/app/server.py"), "utf8");
    const { deployment } = bundle({ port: 8081, answersKept: 1000 }) as any;
    expect(deployment.spec.template.spec.containers[0].env).toEqual([
      { name: "ENVIRONMENT", value: "staging" },
      { name: "ANSWERS_KEPT", value: "1000" },
    ]);
    expect(server).toContain('os.environ.get("ANSWERS_KEPT")');
  });

  it("opens the metrics to no one outside the cluster", () => {
    const { service, metricsService } = bundle() as any;
    expect(service.spec.ports.map(({ targetPort }: any) => targetPort)).toEqual(["http"]);
    expect(metricsService.spec).toMatchObject({ clusterIP: "None", ports: [{ targetPort: "metrics" }] });
    expect(metricsService.spec).not.toHaveProperty("externalIPs");
  });

  it("meets the restricted standard, and holds no token", () => {
    expect(pod().securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(pod().containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(pod().automountServiceAccountToken).toBe(false);
    expect(pod().volumes).toEqual([{ name: "tmp", emptyDir: { sizeLimit: "4576Mi" } }]);
  });
});
