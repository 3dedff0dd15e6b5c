package executor

// Lookup is what the labels of newer Kubernetes libraries have in addition: Argo Workflows was written for older ones.
func (g gjsonLabels) Lookup(label string) (string, bool) {
	return g.Get(label), g.Has(label)
}
