import { describe, expect, it } from "vitest";
import { imagesWithoutDigest, parseStack } from "../../config";
import { catalogue } from "../../images/catalogue";
import { forgetDigests } from "../unknown-digests";

forgetDigests();

const images = (settings: string) => imagesWithoutDigest(parseStack(`config:\n${settings}`, "Pulumi.lab.yaml"));
const always = [catalogue.mlflow, catalogue.argoWorkflowController, catalogue.argoServer];

describe("the images of a stack that nobody states a digest of", () => {
  it("are those of the catalogue that the stack runs", () => {
    expect(images("  gourmetgram:images: {}\n")).toEqual(always);
    expect(images("  gourmetgram:images: {}\n  gourmetgram:monitoring: {}\n")).toEqual([
      ...always,
      catalogue.prometheus,
    ]);
  });

  it("are not those whose digest, tag or repository the stack states", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const overrides = `{ mlflow: { digest: "${digest}" }, argoServer: { tag: v3.7.19 } }`;
    expect(images(`  gourmetgram:images: { overrides: ${overrides} }\n`)).toEqual([catalogue.argoWorkflowController]);
  });

  it("are none where another stack has the platform", () => {
    expect(images("  gourmetgram:images: {}\n  gourmetgram:platform: { stack: platform }\n")).toEqual([]);
  });
});
