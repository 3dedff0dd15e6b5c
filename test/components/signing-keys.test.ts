import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { describe, expect, it } from "vitest";
import { readPolicy } from "../../components/pipeline/admission";
import { SigningKeys, signers } from "../../components/pipeline/signing-keys";
import { readWorkflows } from "../../components/pipeline/workflow-files";
import { signingKeyNames } from "../../components/shared/workflow-names";
import { childrenOf, one, record } from "../registrations";

const folder = join(__dirname, "../../workflows");

async function keys() {
  const { registrations } = await record({}, () => {
    const modules = (room: string) =>
      new k8s.core.v1.ConfigMap(room, { metadata: { name: `pipeline-${room}`, namespace: "argo" } });
    const args = { namespace: "argo", image: "r/tools@3", folder };
    new SigningKeys("keys", { ...args, modules: { steps: modules("steps"), lib: modules("lib") } });
  });
  return { registrations, inputs: (name: string) => one(registrations, name).inputs };
}

describe("SigningKeys", () => {
  it("is the public keys, what makes the keys, and who may mount them", async () => {
    const { registrations } = await keys();
    expect(childrenOf(registrations, "keys")).toEqual([
      "ConfigMap keys-public",
      "Job keys-job",
      "Role keys-role",
      "RoleBinding keys-binding",
      "ServiceAccount keys-account",
      "ValidatingAdmissionPolicy keys-mounts-policy",
      "ValidatingAdmissionPolicyBinding keys-mounts-binding",
    ]);
  });

  it("states no key: the cluster makes them once nothing but the right pods can mount them", async () => {
    const { registrations, inputs } = await keys();
    expect(registrations.filter(({ type }) => type.endsWith(":Secret"))).toEqual([]);
    expect(inputs("keys-public").data).toBeUndefined();
    expect(inputs("keys-public").metadata.annotations).toEqual({
      "gourmetgram.io/holds": "the public keys that signatures are verified with",
    });
    expect(one(registrations, "keys-job").dependencies).toEqual(
      expect.arrayContaining(["keys-mounts-policy", "keys-mounts-binding", "keys-public", "keys-role", "keys-binding"]),
    );
  });

  it("lets the Job create Secrets and read the four, and change none", async () => {
    expect((await keys()).inputs("keys-role").rules).toEqual([
      {
        apiGroups: [""],
        resources: ["secrets"],
        resourceNames: signingKeyNames.map((name) => `signing-key-${name}`),
        verbs: ["get"],
      },
      { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
      { apiGroups: [""], resources: ["configmaps"], resourceNames: ["signing-keys"], verbs: ["get", "patch"] },
    ]);
  });

  it("names to the API server the accounts that mount each key", async () => {
    const { variables, ...rest } = (await keys()).inputs("keys-mounts-policy").spec;
    expect(JSON.parse(variables[0].expression)).toEqual({
      "signing-key-training": ["train-model"],
      "signing-key-build": ["build-container-image"],
      "signing-key-gates": ["test-staging"],
      "signing-key-release": ["promote-model", "restore-releases", "shift-traffic"],
    });
    const { spec } = readPolicy(join(folder, "signing-key-policy.yaml"));
    expect({ ...rest, variables: variables.slice(1) }).toEqual({ ...spec, variables: spec.variables.slice(1) });
    expect(rest.failurePolicy).toBe("Fail");
  });
});

it("each template mounts no other private key than its own, and only where it signs", () => {
  for (const { kind, metadata, spec } of readWorkflows(folder)) {
    if (kind !== "WorkflowTemplate") continue;
    const secrets = spec.volumes.flatMap(({ secret }: any) => secret?.secretName ?? []);
    const own = Object.entries(signers).find(([, templates]) => templates.includes(metadata.name))?.[0];
    for (const secret of secrets) expect(secret).toBe(`signing-key-${own}`);
  }
});
