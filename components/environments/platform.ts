import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { settingKey } from "../../config/configuration-error";
import { type EnvironmentLocation, inPromotionOrder, type PromotionPath } from "../../config/promotion-path";

/** What an environment needs from the platform, which its own stack or another one holds. */
export interface Platform {
  /** `repository@digest` of the image that runs before the first release, and of the image that publishes bundles. */
  readonly images: Readonly<Record<"app" | "tools", pulumi.Input<string>>>;
  /** AppProject of every Application. */
  readonly project: pulumi.Input<string>;
  /** Seconds after which Kubernetes reports a rollout as failed. */
  readonly rolloutTimeoutSeconds: number;
  readonly promotionPath: PromotionPath;
  /** Whether the platform has a Prometheus that collects the figures of the environments on its cluster. */
  readonly hasPrometheus?: boolean;
  /** Whether the platform has a board that shows the environments on its cluster. */
  readonly hasBoard?: boolean;
  /** Set if the environment is not on the platform's cluster. */
  readonly remote?: RemotePlatform;
}

/** The platform's cluster, for an environment on another one. */
interface RemotePlatform {
  /** Provider of the platform's cluster. */
  readonly provider: k8s.Provider;
  /** `https://host:port` of the environment's API server, as Argo CD reaches it. */
  readonly apiServer: string;
}

const text = z.string().optional();
/** The output `platform` of the platform's stack. */
const platformOutput = z.object({
  images: z.object({ app: z.string(), tools: z.string() }),
  project: z.string(),
  rolloutTimeoutSeconds: z.number(),
  hasPrometheus: z.boolean().optional(),
  hasBoard: z.boolean().optional(),
  promotionPath: z.record(
    z.string(),
    z.object({ port: z.number(), promotesFrom: text, stack: text, cluster: text, url: text }),
  ),
});

/**
 * The platform of another stack of this project, as the last update of that stack left it.
 * @param stack name of that stack
 * @throws if it has no such output, since it is empty or was updated by an older program
 */
export async function referToPlatform(stack: string): Promise<Platform> {
  const reference = new pulumi.StackReference("platform", {
    name: `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`,
  });
  const { value } = await reference.getOutputDetails("platform");
  const found = platformOutput.safeParse(value);
  if (!found.success)
    throw new Error(
      `The stack ${stack} has no output "platform" that this program can read: ` +
        "update that stack with this program first.",
    );
  // Pulumi does not keep the order of an output's keys.
  return { ...found.data, promotionPath: inPromotionOrder(found.data.promotionPath) };
}

/** A stack that holds environments of a platform in another stack. */
export interface EnvironmentStack {
  /** Its name. */
  readonly stack: string;
  /** Name of the stack that holds the platform. */
  readonly platformStack: string;
  /** Names of the environments that it holds. */
  readonly environments: readonly string[];
  /** Whether it is on another cluster than the platform. */
  readonly isRemote: boolean;
}

/** Which environments of a stack the promotion path has in another stack or on another cluster, and the remedy. */
export function placementErrors(promotionPath: PromotionPath, stack: EnvironmentStack): string[] {
  return stack.environments.flatMap((name) => {
    const location = promotionPath[name];
    return location?.stack === stack.stack ? clusterErrors(name, location, stack) : [stackError(name, location, stack)];
  });
}

function clusterErrors(
  name: string,
  { cluster }: EnvironmentLocation,
  { isRemote, platformStack }: EnvironmentStack,
): string[] {
  if (isRemote === Boolean(cluster)) return [];
  const remedy = isRemote ? "remove it" : "missing: write the platform's cluster";
  const actual = cluster ? `the cluster ${cluster}` : "the platform's cluster";
  const key = settingKey(["platform", "cluster"]);
  return [`${key}: ${remedy}, since the stack ${platformStack} has ${name} on ${actual}`];
}

function stackError(
  name: string,
  location: EnvironmentLocation | undefined,
  { stack, platformStack }: EnvironmentStack,
): string {
  const holder = location?.stack ?? platformStack;
  const removal = location ? `the stack ${holder} holds it: remove it here, or ` : "";
  const addition = `add it to remoteEnvironments in the stack ${platformStack}, with stack: ${stack}`;
  return `${settingKey(["environments", name])}: ${removal}${addition}, and update that stack first`;
}
