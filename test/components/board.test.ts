import { describe, expect, it } from "vitest";
import { environmentLinks } from "../../components/platform/board";
import { runProgram } from "../program";
import { one, type Registration } from "../registrations";
import { runnableStack, settingsWith, stacksOfTwoClusters } from "../stack-files";

const rulesOf = (registrations: Registration[], name: string) => one(registrations, `${name}-role`).inputs.rules;
const reads = ["get", "list", "watch"];

describe("the board", () => {
  it("may read what it shows, and nothing else", async () => {
    const { registrations } = await runProgram(runnableStack("staging"), "staging");
    const bindings = registrations.filter(
      ({ type, inputs }) => type.endsWith("RoleBinding") && inputs.subjects.some(({ name }: any) => name === "board"),
    );
    expect(bindings.map(({ type, name }) => [type.split(":").at(-1), name.replace(/-binding$/, "")]).sort()).toEqual([
      ["RoleBinding", "board-argo"],
      ["RoleBinding", "board-argocd"],
      ["RoleBinding", "board-gourmetgram-gateway"],
      ["RoleBinding", "canary-board"],
      ["RoleBinding", "production-board"],
      ["RoleBinding", "staging-board"],
    ]);
    expect(rulesOf(registrations, "board-argocd")).toEqual([
      { apiGroups: ["argoproj.io"], resources: ["applications"], verbs: reads },
    ]);
    expect(rulesOf(registrations, "board-argo")).toEqual([
      { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: reads },
      {
        apiGroups: [""],
        resources: ["configmaps"],
        resourceNames: ["pipeline-parameters", "promotion-freeze", "data-drift"],
        verbs: reads,
      },
      { apiGroups: ["gourmetgram.io"], resources: ["approvals"], verbs: reads },
      { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
      { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
    ]);
    expect(rulesOf(registrations, "board-gourmetgram-gateway")).toEqual([
      {
        apiGroups: ["gateway.networking.k8s.io"],
        resources: ["httproutes"],
        resourceNames: ["gourmetgram"],
        verbs: reads,
      },
    ]);
    expect(rulesOf(registrations, "canary-board")).toEqual([
      { apiGroups: [""], resources: ["pods"], verbs: reads },
      { apiGroups: [""], resources: ["services"], resourceNames: ["gourmetgram-canary"], verbs: reads },
    ]);
  });

  it("runs without privileges and within limits, and is reached at its port", async () => {
    const oidc = { issuer: "https://login.example.org/realms/lab", clientId: "board" };
    const board = { port: 9999, hosts: ["lab.example.org"], oidc };
    const stack = { ...runnableStack("staging"), "gourmetgram:board": board };
    const { registrations, outputs } = await runProgram(stack, "staging");
    const pod = one(registrations, "board-deployment").inputs.spec.template.spec;
    expect(pod).toMatchObject({ serviceAccountName: "board", securityContext: { runAsNonRoot: true } });
    expect(pod.containers[0]).toMatchObject({
      image: `registry.kube-system.svc.cluster.local:5000/gourmetgram-board@sha256:${"d".repeat(64)}`,
      securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    });
    const variable = (wanted: string) =>
      JSON.parse(pod.containers[0].env.find(({ name }: { name: string }) => name === wanted).value);
    expect(variable("LINKS")).toMatchObject({
      production: "http://gourmetgram.example.org",
      gateway: "http://gourmetgram.example.org:8088",
    });
    const inside = ["board", "board.board", "board.board.svc", "board.board.svc.cluster.local"];
    expect(variable("HOSTS")).toEqual([...inside, "gourmetgram.example.org", "lab.example.org"]);
    expect(variable("OIDC")).toEqual({
      issuer: "https://login.example.org/realms/lab",
      clientId: "board",
      scopes: ["email"],
    });
    expect(one(registrations, "board-service").inputs.spec.ports).toEqual([
      { name: "http", protocol: "TCP", port: 9999, targetPort: "http" },
    ]);
    expect([outputs.urls.board, outputs.namespaces.board]).toEqual(["http://gourmetgram.example.org:9999", "board"]);
  });

  it("is left out where the stack says so, with its image", async () => {
    const stack = { ...runnableStack("staging"), "gourmetgram:board": { install: false } };
    const { registrations, outputs } = await runProgram(stack, "staging");
    expect(registrations.filter(({ name }) => name.includes("board"))).toEqual([]);
    expect(one(registrations, "images-push").inputs.create).toContain("push app train tools --json");
    expect(Object.keys(outputs.urls)).not.toContain("board");
  });

  it("is given no right on another cluster", async () => {
    const { platform, canary } = stacksOfTwoClusters();
    const { registrations } = await runProgram(canary, "canary", platform);
    expect(registrations.filter(({ name }) => name.includes("board"))).toEqual([]);
  });
});

describe("the addresses of the environments", () => {
  const exposed = (type: string, nodePorts = {}) => ({ ...settingsWith().exposure, type, nodePorts }) as any;
  const path = {
    staging: { port: 8081 },
    canary: { port: 8080, promotesFrom: "staging", stack: "canary" },
    edge: { port: 80, promotesFrom: "canary", stack: "edge", cluster: "edge", url: "http://192.0.2.20" },
  };

  it("are those of this cluster's Services, and those that the stack names of other clusters", () =>
    expect(environmentLinks(path, exposed("LoadBalancer"))).toEqual({
      staging: "http://gourmetgram.example.org:8081",
      canary: "http://gourmetgram.example.org:8080",
      edge: "http://192.0.2.20",
    }));

  it("are left out where another stack decides on the node port", () =>
    expect(environmentLinks(path, exposed("NodePort", { staging: 30081 }))).toEqual({
      staging: "http://gourmetgram.example.org:30081",
      edge: "http://192.0.2.20",
    }));

  it("are those of other stacks too where their ports lead to the node ports", () =>
    expect(environmentLinks(path, { ...exposed("NodePort", { staging: 30081 }), portsMapped: true })).toEqual({
      staging: "http://gourmetgram.example.org:8081",
      canary: "http://gourmetgram.example.org:8080",
      edge: "http://192.0.2.20",
    }));
});
