import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../config";
import { type BuiltImageKey, type Images, imageReference } from "../../images/catalogue";
import { commandEnv } from "../shared/command-env";
import { pushedDigests } from "../shared/pushed-digests";
import { pipelineImagesType } from "../shared/workflow-names";

export interface PipelineImagesArgs {
  readonly images: Images;
  /** Those of the built images that the stack runs. */
  readonly keys: readonly BuiltImageKey[];
  /** Whether this update builds and pushes the images; otherwise the stack states their digests. */
  readonly build: boolean;
  /** The cluster whose registry takes them. */
  readonly cluster: Settings["cluster"];
  /** Key of everything that the images are made from; a new one builds them anew. */
  readonly contentKey: string;
}

/** The project's own images, app, train, tools and board, in the pipeline's registry. */
export class PipelineImages extends pulumi.ComponentResource {
  /** `repository@digest` of each of `keys`. */
  readonly references: Record<BuiltImageKey, pulumi.Output<string>>;

  constructor(name: string, args: PipelineImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super(pipelineImagesType, name, {}, opts);
    const digests = args.build ? this.push(name, args) : undefined;
    const reference = (key: BuiltImageKey) =>
      digests
        ? digests.apply((pushed) => imageReference(args.images[key], pushed[key]))
        : pulumi.output(imageReference(args.images[key]));
    this.references = Object.fromEntries(args.keys.map((key) => [key, reference(key)])) as Record<
      BuiltImageKey,
      pulumi.Output<string>
    >;
    this.registerOutputs({ references: this.references });
  }

  private push(name: string, args: PipelineImagesArgs): pulumi.Output<Record<BuiltImageKey, string>> {
    const pushed = new command.local.Command(
      `${name}-push`,
      {
        create: `node_modules/.bin/tsx cli/images.ts push ${args.keys.join(" ")} --json`,
        environment: commandEnv(args.cluster),
        triggers: [args.contentKey],
        logging: "stderr",
      },
      { parent: this },
    );
    return pushed.stdout.apply(pushedDigests);
  }
}
