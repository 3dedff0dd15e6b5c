/** What the stack of a platform hands out, with canary on the cluster `edge`. */
import type { Platform } from "../../../components/environments/platform";

const image = (name: string) =>
  `registry.kube-system.svc.cluster.local:5000/gourmetgram-${name}@sha256:${"a".repeat(64)}`;

export const platform = {
  images: { app: image("app"), tools: image("tools") },
  project: "gourmetgram",
  rolloutTimeoutSeconds: 120,
  promotionPath: {
    staging: { port: 8081 },
    canary: { port: 8080, promotesFrom: "staging", stack: "canary", cluster: "edge", url: "http://192.0.2.20:8080" },
  },
} satisfies Platform;
