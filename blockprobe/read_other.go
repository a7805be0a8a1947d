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
