// Package files makes its directories with a function that has moved since Argo CD's release: written afresh for that.
package files

import (
	"fmt"
	"os"

	securejoin "github.com/cyphar/filepath-securejoin"
	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
)

// SecureMkdirAll makes a directory below root and returns its full path. The path never leads out of root.
func SecureMkdirAll(root, unsafePath string, mode os.FileMode) (string, error) {
	if err := pathrs.MkdirAll(root, unsafePath, mode); err != nil {
		return "", fmt.Errorf("failed to make directory: %w", err)
	}
	path, err := securejoin.SecureJoin(root, unsafePath)
	if err != nil {
		return "", fmt.Errorf("failed to construct secure path: %w", err)
	}
	return path, nil
}
