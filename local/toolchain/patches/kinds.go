// Package v2 registers a resource of any kind, for yaml/v2 and helm/v4 of Pulumi's Kubernetes provider. The
// published file has a Go type for each kind, which the provider makes no use of: compiling them takes minutes.
package v2

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// IsListKind says whether a kind is a list of one of Kubernetes' own kinds.
func IsListKind(apiVersion, kind string) bool {
	version := schema.FromAPIVersionAndKind(apiVersion, kind)
	// These two are not among the client's kinds.
	extension := version.Group == "apiextensions.k8s.io" || version.Group == "apiregistration.k8s.io"
	served := extension || scheme.Scheme.Recognizes(version)
	return strings.HasSuffix(kind, "List") && served
}

// RegisterResource registers a resource under the type token of its kind.
func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	if apiVersion == "v1" {
		apiVersion = "core/v1"
	}
	var resource pulumi.CustomResourceState
	if err := ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, name, props, &resource, opts...); err != nil {
		return nil, err
	}
	return &resource, nil
}
