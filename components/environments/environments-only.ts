import * as pulumi from "@pulumi/pulumi";
import { ConfigurationError, type Settings } from "../../config";
import { clusterProvider } from "../shared/cluster-provider";
import { Environment } from "./environment";
import { placementErrors, referToPlatform } from "./platform";

/**
 * The program of a stack that holds only environments. Another stack holds the platform.
 * @throws ConfigurationError if the platform's stack has these environments elsewhere
 */
export async function environmentsOnly(
  { environments, exposure }: Settings,
  { stack, cluster, apiServer }: NonNullable<Settings["platform"]>,
  options: pulumi.ComponentResourceOptions,
) {
  const remote =
    cluster && apiServer ? { provider: clusterProvider("platform-cluster", cluster), apiServer } : undefined;
  const platform = { ...(await referToPlatform(stack)), remote };
  const errors = placementErrors(platform.promotionPath, {
    stack: pulumi.getStack(),
    platformStack: stack,
    environments: Object.keys(environments),
    isRemote: remote !== undefined,
  });
  if (errors.length > 0) throw new ConfigurationError(errors);
  const created = Object.entries(environments).map(
    ([name, settings]) => new Environment(name, { environment: name, settings, exposure, platform }, options),
  );
  return environmentOutputs(created);
}

/** The outputs of a stack on its environments. */
export function environmentOutputs(environments: readonly Environment[]) {
  return {
    urls: Object.fromEntries(environments.map(({ environment, url }) => [environment, url])),
    namespaces: Object.fromEntries(environments.map(({ environment, namespace }) => [environment, namespace])),
  };
}
