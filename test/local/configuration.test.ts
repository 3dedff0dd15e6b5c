import { expect, it, vi } from "vitest";
import { kubeletConfig } from "../../local/cluster/configuration";
import { firstNode } from "../../local/cluster/nodes";

vi.mock("../../local/cluster/cgroups", async (original) => ({
  ...(await original<typeof import("../../local/cluster/cgroups")>()),
  isCgroupV2: () => true,
}));

it("leaves to the kubelet what an OOM ends with cgroup v2, which is the whole container", () =>
  expect(kubeletConfig(firstNode())).not.toHaveProperty("singleProcessOOMKill"));
