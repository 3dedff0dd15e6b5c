import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../config";
import { type Images, imageReference, type OwnImageKey, ownImageKeys } from "../../images/catalogue";
import { clusterEnvironment } from "../shared/command-env";

export interface PipelineImagesArgs {
  readonly images: Images;
  /** Whether this update builds and pushes the images; otherwise the stack states their digests. */
  readonly build: boolean;
  /** The cluster whose registry takes them. */
  readonly cluster: Settings["cluster"];
  /** Key of everything that the images are made from; a new one builds them anew. */
  readonly contentKey: string;
}

/** The project's own images, app, train and tools, in the pipeline's registry. */
export class PipelineImages extends pulumi.ComponentResource {
  /** `repository@digest` of each. */
  readonly references: Record<OwnImageKey, pulumi.Output<string>>;

  constructor(name: string, args: PipelineImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gourmetgram:platform:PipelineImages", name, {}, opts);
    const digests = args.build ? this.push(name, args) : undefined;
    const reference = (key: OwnImageKey) =>
      digests
        ? digests.apply((pushed) => imageReference(args.images[key], pushed[key]))
        : pulumi.output(imageReference(args.images[key]));
    this.references = Object.fromEntries(ownImageKeys.map((key) => [key, reference(key)])) as Record<
      OwnImageKey,
      pulumi.Output<string>
    >;
    this.registerOutputs({ references: this.references });
  }

  private push(name: string, args: PipelineImagesArgs): pulumi.Output<Record<OwnImageKey, string>> {
    const pushed = new command.local.Command(
      `${name}-push`,
      {
        create: "node_modules/.bin/tsx cli/images.ts push --json",
        environment: clusterEnvironment(args.cluster),
        triggers: [args.contentKey],
        logging: "stderr",
      },
      { parent: this },
    );
    return pushed.stdout.apply((text) => JSON.parse(text.trim().split("\n").at(-1)!) as Record<OwnImageKey, string>);
  }
}
