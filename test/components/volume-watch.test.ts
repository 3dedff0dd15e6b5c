import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { VolumeWatch } from "../../components/platform/volume-watch";
import { ownedVolumes } from "../../components/shared/volumes";
import { repositoryRoot } from "../../lib/paths";
import { childrenOf, one, record } from "../registrations";

const volumes = Object.entries(ownedVolumes);

async function watch(volume: (typeof volumes)[number][1]) {
  const { registrations } = await record({}, () => {
    new VolumeWatch("watch", { volume, image: "r/tools@1", folder: join(repositoryRoot, "workflows") });
  });
  return { registrations, inputs: (name: string) => one(registrations, name).inputs };
}

describe.each(volumes)("the watch over the volume of %s", (_name, volume) => {
  it("is a CronJob with its script and an account that may create Events, and nothing else", async () => {
    const { registrations, inputs } = await watch(volume);
    expect(childrenOf(registrations, "watch")).toEqual([
      "ConfigMap watch-modules",
      "CronJob watch-cron",
      "Role watch-role",
      "RoleBinding watch-binding",
      "ServiceAccount watch-account",
    ]);
    expect(inputs("watch-role").rules).toEqual([{ apiGroups: [""], resources: ["events"], verbs: ["create"] }]);
    for (const name of ["watch-role", "watch-cron", "watch-account", "watch-modules"])
      expect(inputs(name).metadata.namespace).toBe(volume.namespace);
    expect(inputs("watch-binding").subjects).toEqual([
      { kind: "ServiceAccount", name: volume.watch, namespace: volume.namespace },
    ]);
  });

  it("reads the volume on the node of its owner, and cannot write to it", async () => {
    const { spec } = (await watch(volume)).inputs("watch-cron");
    const pod = spec.jobTemplate.spec.template.spec;
    expect(pod.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution).toEqual([
      { labelSelector: { matchLabels: { app: volume.app } }, topologyKey: "kubernetes.io/hostname" },
    ]);
    expect(pod.volumes[0]).toEqual({ name: "data", persistentVolumeClaim: { claimName: volume.claim } });
    expect(pod.containers[0].volumeMounts[0]).toEqual({ name: "data", mountPath: "/volume", readOnly: true });
  });

  it("says whose volume it is, and from which share on people are told", async () => {
    const { spec } = (await watch(volume)).inputs("watch-cron");
    const [{ env }] = spec.jobTemplate.spec.template.spec.containers;
    expect(Object.fromEntries(env.map(({ name, value }: any) => [name, value]))).toMatchObject({
      NAMESPACE: volume.namespace,
      CLAIM: volume.claim,
      OWNER: volume.owner,
      REMEDY: expect.stringMatching(
        volume.isCollected ? /^run npm run collect .* npm run status / : /^npm run status /,
      ),
      BAR_PERCENT: "80",
    });
  });
});
