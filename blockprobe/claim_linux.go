package blockprobe

import (
	"io/fs"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// claimOnce opens path exclusively, and closes it.
func claimOnce(path string) error {
	fd, err := retry(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_EXCL|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return errors.WithStack(&fs.PathError{Op: "open", Path: path, Err: err})
	}
	unix.Close(fd)
	return nil
}
