//go:build !linux

package blockprobe

import (
	"errors"
	"io/fs"
)

// readDirect cannot: O_DIRECT reads of block devices are Linux's here.
func readDirect(path string, _ []byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: path, Err: errors.ErrUnsupported}
}

// claimOnce cannot: exclusive opens of block devices are Linux's.
func claimOnce(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: errors.ErrUnsupported}
}
