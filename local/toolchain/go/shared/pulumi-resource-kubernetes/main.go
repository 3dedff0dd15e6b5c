// Program pulumi-resource-kubernetes is Pulumi's own Kubernetes provider. Its module lacks two files that its own
// main embeds; the build makes them from files that are in it (local/toolchain/provider-files.ts).
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema-embed.json
var schema []byte

//go:embed terraform-mapping-embed.json
var terraformMapping []byte

func main() { provider.Serve("kubernetes", version.Version, schema, terraformMapping) }
