// Program pulumi-resource-command is GourmetGram's small stand-in for Pulumi's Command provider, whose Go module is not
// published. It serves command:local:Command, for machines that cannot download the official plugin.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// The version of the package whose plugin this stands in for; the linker sets it.
var version string

const description = "GourmetGram's stand-in for Pulumi's Command provider: command:local:Command alone"

func main() {
	provider, err := infer.NewProviderBuilder().
		WithDisplayName("Command (stand-in)").
		WithDescription(description).
		WithResources(infer.Resource(&Command{})).
		Build()
	if err == nil {
		err = provider.Run(context.Background(), "command", version)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
