/** Pulumi's own Kubernetes provider, as it is compiled here, and the versions of the providers. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The Go module of the Kubernetes provider. It has the version of a commit, and not the release's. */
export const providerModule = "github.com/pulumi/pulumi-kubernetes/provider/v4";

const packageVersion = (name: string) => (require(`${name}/package.json`) as { version: string }).version;

/** Version of the Kubernetes provider that the program's package asks for. Its Go module must be of the same one. */
export const kubernetesVersion = packageVersion("@pulumi/kubernetes");

/** Version of the Command provider that the program's package asks for. */
export const commandVersion = packageVersion("@pulumi/command");

/**
 * Makes the two files that the provider's program embeds, as its release does: the schema with its version, and the
 * mapping of Terraform's names.
 * @param source directory of the provider's module
 * @param program directory of the Go module that the program is in
 * @param work where the files are written
 * @returns path of a description for `go build -overlay`, which puts them beside the program
 */
export function writeProviderFiles(source: string, program: string, work: string): string {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(source, "cmd", "pulumi-resource-kubernetes", name), "utf8")) as Record<
      string,
      unknown
    >;
  const files = {
    "schema-embed.json": { ...read("schema.json"), version: kubernetesVersion },
    "terraform-mapping-embed.json": read("terraform-mapping.json"),
  };
  mkdirSync(work, { recursive: true });
  const replaced = Object.entries(files).map(([name, content]) => {
    writeFileSync(join(work, name), JSON.stringify(content));
    return [join(program, "pulumi-resource-kubernetes", name), join(work, name)];
  });
  const overlay = join(work, "overlay.json");
  writeFileSync(overlay, JSON.stringify({ Replace: Object.fromEntries(replaced) }));
  return overlay;
}
