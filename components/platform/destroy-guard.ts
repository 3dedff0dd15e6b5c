import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../config";
import { commandEnv, deletionScript } from "../shared/command-env";

export interface DestroyGuardArgs {
  readonly cluster: Settings["cluster"];
}

/**
 * Refuses to destroy a platform that other stacks have environments on, since Pulumi does not know of them. It must
 * depend on everything that it guards. So Pulumi deletes it first, and deletes nothing if it refuses.
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
        delete: deletionScript("stacks/refuse-destroy.ts"),
        environment: { ...commandEnv(args.cluster), GOURMETGRAM_STACK: pulumi.getStack() },
      },
      { parent: this, dependsOn: opts.dependsOn },
    );
    this.registerOutputs({});
  }
}
