import { describe, expect, it } from "vitest";
import { exposedServiceSpec, exposedUrl } from "../../components/shared/exposure";
import { settingsWith } from "../stack-files";

const nodePorts = {
  staging: 30081,
  canary: 30080,
  production: 30000,
  mlflow: 30800,
  argoWorkflows: 30746,
  argoCd: 30082,
  board: 30090,
};
const exposure = (sections: object) => settingsWith({ exposure: sections }).exposure;
const staging = { name: "staging", port: 8081, targetPort: "http" };

describe("exposedServiceSpec", () => {
  it("is a load balancer", () => {
    expect(exposedServiceSpec(exposure({ type: "LoadBalancer", host: "food.example.org" }), staging)).toEqual({
      type: "LoadBalancer",
      ports: [{ name: "http", protocol: "TCP", port: 8081, targetPort: "http" }],
    });
  });

  it("has the stack's node port", () => {
    expect(exposedServiceSpec(exposure({ type: "NodePort", host: "node.example.org", nodePorts }), staging)).toEqual({
      type: "NodePort",
      ports: [{ name: "http", protocol: "TCP", port: 8081, targetPort: "http", nodePort: 30081 }],
    });
  });

  it("answers on the nodes' addresses", () => {
    expect(
      exposedServiceSpec(exposure({ type: "externalIPs", addresses: ["192.0.2.1", "192.0.2.2"] }), staging),
    ).toEqual({
      type: "ClusterIP",
      externalIPs: ["192.0.2.1", "192.0.2.2"],
      ports: [{ name: "http", protocol: "TCP", port: 8081, targetPort: "http" }],
    });
  });
});

describe("exposedUrl", () => {
  const url = (sections: object, port = 8081) => exposedUrl(exposure(sections), { name: "staging", port });

  it.each([
    ["the stated host", { type: "LoadBalancer", host: "food.example.org" }, "http://food.example.org:8081"],
    ["the first address", { type: "externalIPs", addresses: ["192.0.2.1", "192.0.2.2"] }, "http://192.0.2.1:8081"],
    [
      "the host rather than an address",
      { type: "externalIPs", addresses: ["192.0.2.1"], host: "food.example.org" },
      "http://food.example.org:8081",
    ],
    [
      "the node port, on a host",
      { type: "NodePort", nodePorts, host: "node.example.org" },
      "http://node.example.org:30081",
    ],
    [
      "the port that leads to the node port",
      { type: "NodePort", nodePorts, portsMapped: true, host: "127.0.0.1" },
      "http://127.0.0.1:8081",
    ],
  ])("is %s", (_title, sections, expected) => expect(url(sections)).toBe(expected));

  it("leaves out port 80", () =>
    expect(url({ type: "LoadBalancer", host: "food.example.org" }, 80)).toBe("http://food.example.org"));
});
