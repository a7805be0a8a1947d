package remediate

import (
	"context"
	stderrors "errors"
	"io/fs"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// errUnderWay says why a disk is not deleted again.
var errUnderWay = stderrors.New("an earlier one is still under way in the kernel")

// inLimbo reports whether b is the pinned disk, to be asked where no SCSI device
// is at its address any more. The kernel takes a device off the bus first, then
// waits for the commands that are under way, and takes the disk off last.
func inLimbo(b sysfs.Block, p PathPin) bool {
	return p.Dev != "" && b.SCSI != nil && *b.SCSI == p.HCTL && b.Devt == p.Devt && b.DiskSeq == p.DiskSeq
}

// underWay waits a moment for deletes that others have begun. One that does not
// end is a stuck step of this run, too: nothing else is done to the LU meanwhile.
func (r *run) underWay(ctx context.Context) error {
	for _, h := range r.held {
		if h.pin != nil || h.Dev == "" {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := poll(limited, 50*time.Millisecond, func() (bool, error) {
			under, err := r.s.deleting(limited, h.PathPin)
			if limited.Err() != nil {
				//nolint:nilerr // what there was no time to find out is too late, not wrong
				return false, nil
			}
			return !under, err
		}, func() error {
			return errors.WithStack(&TimeoutError{What: "delete of " + h.Dev, Stuck: true, Err: errUnderWay})
		})
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Sweeper) deleting(ctx context.Context, p PathPin) (bool, error) {
	if _, err := s.sys.FS.SCSIDevice(ctx, p.HCTL); !errors.Is(err, fs.ErrNotExist) {
		return false, opError("look for the device at", p.HCTL.String(), err)
	}
	b, err := s.sys.FS.Block(ctx, p.Dev)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && inLimbo(b, p), opError("look for", p.Dev, err)
}
