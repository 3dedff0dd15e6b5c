import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { notificationsParameter, withReceivers } from "../../components/pipeline/notifications";
import { readWorkflows } from "../../components/pipeline/workflow-files";
import { notificationTriggers } from "../../config/schema";
import { runProgram } from "../program";
import { childrenOf, one } from "../registrations";
import { runnableStack, settingsWith } from "../stack-files";

const section = {
  ops: { secret: "ops-webhook", triggers: ["held"] },
  chat: { secret: "chat-webhook", format: "slack" },
};
const receivers = settingsWith({ pipeline: { notifications: section } }).pipeline.notifications;
const file = readWorkflows(join(__dirname, "..", "..", "workflows")).find(
  ({ metadata }) => metadata.name === "notify",
)!;
const withSection = { ...runnableStack("staging"), "gourmetgram:pipeline": { notifications: section } };

describe("a stack with receivers", () => {
  it("hands over who is told of what, and where to read it, without the Secrets", () => {
    expect(JSON.parse(notificationsParameter(receivers))).toEqual({
      receivers: {
        ops: { format: "json", triggers: ["held"] },
        chat: { format: "slack", triggers: notificationTriggers },
      },
      namespaces: ["argocd", "gourmetgram-platform", "kube-system"],
    });
  });

  it("mounts each Secret as files, of which none has to be there, and nothing else of it", () => {
    const { spec } = withReceivers(file, receivers);
    expect(spec.volumes.slice(file.spec.volumes.length)).toEqual(
      ["ops", "chat"].map((name) => ({
        name: `receiver-${name}`,
        secret: {
          secretName: `${name}-webhook`,
          items: [
            { key: "url", path: "url" },
            { key: "signing-key", path: "signing-key" },
          ],
          defaultMode: 0o440,
          optional: true,
        },
      })),
    );
    const mounts = spec.templates.map(({ container }: any) => container?.volumeMounts);
    expect(mounts).toEqual([
      undefined,
      ["ops", "chat"].map((name) => ({
        name: `receiver-${name}`,
        mountPath: `/receivers/${name}`,
        readOnly: true,
      })),
    ]);
  });

  it("has the schedule, and lets the workflow list Events beside the Applications and the volumes", async () => {
    const { registrations } = await runProgram(withSection, "staging");
    expect(one(registrations, "pipeline-cron-notify").inputs.spec.schedules).toEqual(["* * * * *"]);
    const namespaces = ["argocd", "gourmetgram-platform", "kube-system"];
    expect(childrenOf(registrations, "notifications")).toEqual(
      namespaces
        .flatMap((name) => [
          `Role notifications-events-${name}-role`,
          `RoleBinding notifications-events-${name}-binding`,
        ])
        .sort(),
    );
    for (const namespace of namespaces) {
      const role = one(registrations, `notifications-events-${namespace}-role`).inputs;
      expect(role.metadata).toEqual({ name: "notify", namespace });
      const verbs = namespace === "argocd" ? ["create", "list"] : ["list"];
      expect(role.rules).toEqual([{ apiGroups: [""], resources: ["events"], verbs }]);
      expect(one(registrations, `notifications-events-${namespace}-binding`).inputs.subjects).toEqual([
        { kind: "ServiceAccount", name: "notify", namespace: "argo" },
      ]);
    }
  });

  it("mounts no Secret of a receiver in any other workflow", async () => {
    const { registrations } = await runProgram(withSection, "staging");
    const mounting = registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("ops-webhook"));
    expect(mounting.map(({ name }) => name)).toEqual(["pipeline-notify"]);
  });
});

describe("a stack without receivers", () => {
  it("leaves the template and the schedule to their files, and may create Events, and read none", async () => {
    expect(withReceivers(file, {})).toEqual(file);
    expect(JSON.parse(notificationsParameter({}))).toEqual({ receivers: {}, namespaces: [] });
    const { registrations } = await runProgram(runnableStack("staging"), "staging");
    expect(one(registrations, "pipeline-cron-notify").inputs.spec.schedules).toEqual(["5-59/10 * * * *"]);
    expect(childrenOf(registrations, "notifications")).toEqual([
      "Role notifications-events-argocd-role",
      "RoleBinding notifications-events-argocd-binding",
    ]);
    expect(one(registrations, "notifications-events-argocd-role").inputs.rules).toEqual([
      { apiGroups: [""], resources: ["events"], verbs: ["create"] },
    ]);
  });
});
