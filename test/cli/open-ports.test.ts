import { describe, expect, it } from "vitest";
import { closedNotices, localUrls, openNames, openNotices } from "../../cli/open-ports";
import { settingsWith } from "../stack-files";

const ports = {
  ...{ staging: 8081, canary: 8080, production: 80, gateway: 8088 },
  ...{ mlflow: 28000, argoWorkflows: 2746, argoCd: 8082, board: 8090 },
};
const settings = (listen?: object, sections: object = {}) =>
  settingsWith({
    cluster: { context: "gourmetgram-local" },
    exposure: { type: "LoadBalancer", host: "food.example.org", ...(listen && { listen }) },
    gateway: { manifests: ["contour.yaml"] },
    ...sections,
  });
const everywhere = { address: "0.0.0.0", hosts: ["203.0.113.7"] };

describe("what npm start opens to other machines", () => {
  it("is nothing by default, and nothing is said", () => {
    expect(openNames(settings())).toEqual([]);
    expect(openNotices(settings(), ports)).toEqual([]);
  });

  it("is the environments and the pages, with what each lets people do", () => {
    expect(openNotices(settings(everywhere), ports)).toEqual([
      "! Whoever reaches any address of this machine can open these ports, over plain HTTP: staging 8081, " +
        "canary 8080, production 80, users 8088, MLflow 28000, Argo Workflows 2746, Argo CD 8082, board 8090.",
      "  The environments have no login: whoever reaches them can send pictures.",
      "  MLflow has no login: whoever reaches it can change verdicts and records, and so what the environments run.",
      "  Argo Workflows asks for a Kubernetes token.",
      "  Argo CD has no login: whoever reaches it can read everything there, and change nothing.",
      "  The board shows the pipeline without a login, and asks for a Kubernetes token before it acts.",
      "  The Kubernetes API, the registry and the mirror stay on 127.0.0.1.",
      "  For the environments alone add --only environments, or exposure.listen.only.",
      "  A firewall or a cloud's security group must let these ports through.",
    ]);
  });

  it("is Argo Workflows without a login where the stack asks for that", () =>
    expect(openNotices(settings(everywhere, { argoWorkflows: { authMode: "server" } }), ports)).toContain(
      "  Argo Workflows has no login: whoever reaches it can start and stop workflows.",
    ));

  it("is no page where the environments alone are open, and no page is spoken of", () => {
    const only = settings({ ...everywhere, only: "environments" }, { board: { install: false } });
    expect(openNames(only)).toEqual(["staging", "canary", "production", "gateway"]);
    expect(openNotices(only, ports).join("\n")).not.toMatch(/MLflow|Argo|board|--only/);
  });

  it("is closed again by a start without the flag, said once, and not if the stack file opens it", () => {
    const recorded = { listen: { address: "0.0.0.0", hosts: [] }, byFlag: true };
    expect(closedNotices(settings(), recorded)).toEqual([
      "! The ports are open on 127.0.0.1 only again, since this start has no --listen 0.0.0.0. " +
        "To keep it, set exposure.listen.",
    ]);
    expect(closedNotices(settings(everywhere), recorded)).toEqual([]);
    expect(closedNotices(settings(), { ...recorded, byFlag: false })).toEqual([]);
    expect(closedNotices(settings(), undefined)).toEqual([]);
  });
});

describe("the addresses that npm start prints", () => {
  it("have the first host where a port is open, and 127.0.0.1 for this machine itself", () => {
    expect(localUrls(["staging", "mlflow"], ports, ["staging"], ["[fd00::2]", "192.0.2.2"])).toEqual({
      people: { staging: "http://[fd00::2]:8081", mlflow: "http://127.0.0.1:28000" },
      machine: { staging: "http://127.0.0.1:8081", mlflow: "http://127.0.0.1:28000" },
    });
  });

  it("are on 127.0.0.1 on a machine without any other address", () =>
    expect(localUrls(["staging"], ports, ["staging"], []).people).toEqual({ staging: "http://127.0.0.1:8081" }));
});
