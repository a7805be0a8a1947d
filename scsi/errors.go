package scsi

import (
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	stderrors "errors"
)

// An OpError says that a command got no answer: the node could not be opened,
// the ioctl was refused, or nothing came back in time.
//
// It matches [fs.ErrNotExist] where the kernel says that the device is gone
// (ENOENT, ENODEV), [fs.ErrPermission], [fs.ErrClosed], [errors.ErrUnsupported]
// where the node speaks no SG_IO, and the context's error where that ended
// first. ENXIO matches none of them: a device that is gone gives it, but so does
// one in state offline or transport-offline, which may come back.
type OpError struct {
	Op   string // "open", "test unit ready", …
	Path string // the device node, "" where the transport has none
	Err  error  // an errno, a *park.StuckError, a context's error, …
}

func (e *OpError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	cause := strings.TrimPrefix(e.Err.Error(), e.Path+": ") // a parked call names it too
	return fmt.Sprintf("%s %s: %s", e.Op, e.Path, cause)
}

func (e *OpError) Unwrap() error { return e.Err }

// Is maps errnos that the standard library maps to nothing.
func (e *OpError) Is(target error) bool {
	var errno syscall.Errno
	if !stderrors.As(e.Err, &errno) {
		return false
	}
	switch errno {
	case syscall.ENODEV:
		return target == fs.ErrNotExist
	case syscall.ENOTTY:
		return target == stderrors.ErrUnsupported
	}
	return false
}

// A DecodeError says that an answer, a page or a list is not what it should be.
type DecodeError struct {
	What   string // "vpd page 83h", "sense data", …
	Reason string // "truncated", "page code 80h", …
	Len    int    // bytes there were
	Want   int    // bytes there should have been; 0 where length is not the matter
}

func (e *DecodeError) Error() string {
	if e.Want > 0 {
		return fmt.Sprintf("%s: %s: %d bytes of %d", e.What, e.Reason, e.Len, e.Want)
	}
	return fmt.Sprintf("%s: %s", e.What, e.Reason)
}

var (
	_ interface{ Unwrap() error } = (*OpError)(nil)
	_ interface{ Is(error) bool } = (*OpError)(nil)
	_ error                       = (*DecodeError)(nil)
)
