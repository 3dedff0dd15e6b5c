import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../config";
import { commandEnv } from "../shared/command-env";

export interface DestroyGuardArgs {
  readonly cluster: Settings["cluster"];
}

/**
 * Refuses to destroy a platform that environments of other stacks are on. Pulumi itself knows nothing of them. It must
 * depend on all that it guards: so it is deleted first, and nothing is lost where it refuses.
 */
export class DestroyGuard extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: DestroyGuardArgs,
    opts: pulumi.ComponentResourceOptions & Required<Pick<pulumi.ComponentResourceOptions, "dependsOn">>,
  ) {
    super("gourmetgram:platform:DestroyGuard", name, {}, opts);
    new command.local.Command(
      `${name}-refuse`,
      {
        delete: "node_modules/.bin/tsx stacks/refuse-destroy.ts",
        environment: { ...commandEnv(args.cluster), GOURMETGRAM_STACK: pulumi.getStack() },
      },
      { parent: this, dependsOn: opts.dependsOn },
    );
    this.registerOutputs({});
  }
}
