import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { type Chain, inPromotionOrder } from "../promotion-order";

/** What an environment takes from the platform, whether its own stack holds that or another one. */
export interface Platform {
  /** `repository@digest` of the image that runs before the first release, and of the one that publishes bundles. */
  readonly images: Readonly<Record<"app" | "tools", pulumi.Input<string>>>;
  /** AppProject of every Application. */
  readonly project: pulumi.Input<string>;
  /** Seconds that a rollout may take before Kubernetes calls it failed. */
  readonly rolloutTimeoutSeconds: number;
  readonly chain: Chain;
}

/** What the platform's stack hands out, as Pulumi keeps it. */
const handedOut = z.object({
  images: z.object({ app: z.string(), tools: z.string() }),
  project: z.string(),
  rolloutTimeoutSeconds: z.number(),
  chain: z.record(z.string(), z.object({ port: z.number(), promotesFrom: z.string().optional(), stack: z.string().optional() })),
});

/**
 * The platform that another stack of this project holds, as its last update left it.
 * @param stack name of that stack
 * @throws where it hands out no platform: it is empty, or of an older program
 */
export async function referToPlatform(stack: string): Promise<Platform> {
  const reference = new pulumi.StackReference("platform", { name: `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}` });
  const { value } = await reference.getOutputDetails("platform");
  const found = handedOut.safeParse(value);
  if (!found.success) throw new Error(`The stack ${stack} hands out no platform that this program knows: update that stack first, with this program.`);
  // Outputs have no order of their own.
  return { ...found.data, chain: inPromotionOrder(found.data.chain) };
}

/** Which of a stack's environments the platform expects elsewhere, or not at all: where each stands, and what to write instead. */
export function misplaced({ chain }: Pick<Platform, "chain">, names: readonly string[], stack: string, platformStack: string): string[] {
  return names.flatMap((name) => {
    const place = chain[name];
    if (place?.stack === stack) return [];
    const holder = place && `the stack ${place.stack ?? platformStack} holds it: remove it here, or `;
    return [`gourmetgram:environments.${name}: ${holder ?? ""}write it under otherEnvironments in the stack ${platformStack}, with stack: ${stack}, and update that one first`];
  });
}
