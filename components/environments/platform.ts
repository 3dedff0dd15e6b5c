import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { inPromotionOrder, type PromotionPath } from "../../config/promotion-path";

/** What an environment takes from the platform, whether its own stack holds that or another one. */
export interface Platform {
  /** `repository@digest` of the image that runs before the first release, and of the one that publishes bundles. */
  readonly images: Readonly<Record<"app" | "tools", pulumi.Input<string>>>;
  /** AppProject of every Application. */
  readonly project: pulumi.Input<string>;
  /** Seconds that a rollout may take before Kubernetes calls it failed. */
  readonly rolloutTimeoutSeconds: number;
  readonly promotionPath: PromotionPath;
  /** The platform's cluster as the environment reaches it, where the environment itself is on another one; and where that one's API server is. */
  readonly remote?: { readonly provider: k8s.Provider; readonly apiServer: string };
}

const text = z.string().optional();
/** What the platform's stack hands out, as Pulumi keeps it. */
const handedOut = z.object({
  images: z.object({ app: z.string(), tools: z.string() }),
  project: z.string(),
  rolloutTimeoutSeconds: z.number(),
  promotionPath: z.record(
    z.string(),
    z.object({ port: z.number(), promotesFrom: text, stack: text, cluster: text, url: text }),
  ),
});

/**
 * The platform that another stack of this project holds, as its last update left it.
 * @param stack name of that stack
 * @throws where it hands out no platform: it is empty, or of an older program
 */
export async function referToPlatform(stack: string): Promise<Platform> {
  const reference = new pulumi.StackReference("platform", {
    name: `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`,
  });
  const { value } = await reference.getOutputDetails("platform");
  const found = handedOut.safeParse(value);
  if (!found.success)
    throw new Error(
      `The stack ${stack} hands out no platform that this program knows: update that stack first, with this program.`,
    );
  // Outputs have no order of their own.
  return { ...found.data, promotionPath: inPromotionOrder(found.data.promotionPath) };
}

/**
 * Which of a stack's environments the platform expects elsewhere, or not at all: where each stands, and what to write instead.
 * @param isElsewhere whether the stack says that its cluster is not the platform's
 */
export function placementErrors(
  { promotionPath }: Pick<Platform, "promotionPath">,
  names: readonly string[],
  stack: string,
  platformStack: string,
  isElsewhere: boolean,
): string[] {
  return names.flatMap((name) => {
    const place = promotionPath[name];
    if (place?.stack === stack) {
      if (isElsewhere === Boolean(place.cluster)) return [];
      const there = `the stack ${platformStack} has ${name} on ${place.cluster ? `the cluster ${place.cluster}` : "the platform's cluster"}`;
      return [
        `gourmetgram:platform.cluster: ${isElsewhere ? "leave it out" : "missing: write the platform's"}, since ${there}`,
      ];
    }
    const holder = place && `the stack ${place.stack ?? platformStack} holds it: remove it here, or `;
    return [
      `gourmetgram:environments.${name}: ${holder ?? ""}write it under remoteEnvironments in the stack ${platformStack}, with stack: ${stack}, and update that one first`,
    ];
  });
}
