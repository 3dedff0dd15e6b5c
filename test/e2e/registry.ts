import { createHash } from "node:crypto";
import { connect } from "../../stacks/stack-cluster";

const repository = "/v2/gourmetgram-app/manifests";
const accept = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** What the registry has behind a tag of the app's image. */
export async function readManifest(tag: string): Promise<{ digest: string; text: string }> {
  const { text } = await connect().service("kube-system", "registry", 5000, `${repository}/${tag}`, {
    headers: { accept },
  });
  return { digest: `sha256:${createHash("sha256").update(text).digest("hex")}`, text };
}

/** Puts a tag on what another one is on, as somebody does who pushes over it. */
export async function moveTag(from: string, to: string): Promise<void> {
  const content = JSON.parse((await readManifest(from)).text) as { mediaType: string };
  const headers = { "content-type": content.mediaType };
  const { status, text } = await connect().service("kube-system", "registry", 5000, `${repository}/${to}`, {
    method: "PUT",
    headers,
    body: content,
  });
  if (status !== 201) throw new Error(`the registry answered ${status}: ${text}`);
}

/** Takes away all that was signed of an image. The image itself stays. */
export async function deleteSignatures(digest: string): Promise<void> {
  await deleteImage((await readManifest(digest.replace(":", "-"))).digest);
}

/** Takes an image from the registry, as somebody does who makes room by hand. */
export async function deleteImage(digest: string): Promise<void> {
  const { status, text } = await connect().service("kube-system", "registry", 5000, `${repository}/${digest}`, {
    method: "DELETE",
  });
  if (status !== 202) throw new Error(`the registry answered ${status}: ${text}`);
}
