package blockprobe

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// lost reports whether an errno is how the block layer reports that the LU, its
// target or the way to it is lost (blk_status_to_errno, block/blk-core.c).
//
// Not among them, because the LU itself must be there to cause them: ENODATA (a
// bad sector), EILSEQ (a checksum), EBADE (another host's reservation), ENOSPC,
// ENOMEDIUM. Nor is what says nothing on the LU: ENOENT, EACCES, EPERM, EINVAL,
// EMFILE, ENOMEM, EBUSY, EAGAIN.
func lost(errno syscall.Errno) bool {
	switch errno {
	case unix.EIO, // whatever has no errno of its own: sense 05/25/00, no path left, DID_NO_CONNECT
		unix.EREMOTEIO, // the target refused: LIO's unmapped LUN 0
		unix.ENOLINK,   // transport failure
		unix.ETIMEDOUT, // the command timed out
		unix.ENODEV,    // the device is offline or being removed
		unix.ENXIO:     // nothing there to open, or offline
		return true
	}
	return false
}
