import { expect, it } from "vitest";
import { kubeletConfig } from "../../local/cluster/configuration";
import { firstNode } from "../../local/cluster/nodes";

it("leaves to the kubelet what an OOM ends, which with cgroup v2 is the whole container", () =>
  expect(kubeletConfig(firstNode())).not.toHaveProperty("singleProcessOOMKill"));
