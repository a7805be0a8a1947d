package blockprobe

import (
	"io/fs"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// readDirect opens path, reads once at offset 0, and closes it.
func readDirect(path string, buf []byte) (int, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return 0, errors.WithStack(&fs.PathError{Op: "open", Path: path, Err: err})
	}
	defer unix.Close(fd)
	n, err := retry(func() (int, error) { return unix.Pread(fd, buf, 0) })
	if err != nil {
		return 0, errors.WithStack(&fs.PathError{Op: "read", Path: path, Err: err})
	}
	return n, nil
}

// retry repeats a call that a signal has cut short.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
