package scsi

import (
	"context"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
)

// An Opener opens the disks of one host, and keeps one count of what does not
// come back from any of them. A process should have one. It is safe for
// concurrent use.
type Opener struct{ opts options }

// NewOpener returns an Opener for devices that are asked as opts say. limit is how
// many calls may be under way, and so be stuck, at once; 64 where it is 0. Each
// holds a thread.
func NewOpener(limit int, opts ...Option) *Opener {
	o := newOptions(opts)
	o.lot = park.New(limit, nil)
	return &Opener{o}
}

// Open opens a disk's node ("/dev/sdi"), or its sg node, read-only and without
// waiting for a medium, and returns a Device that asks by the ioctl SG_IO.
// Nothing is sent by this package yet, though the kernel itself may ask a
// removable device for its medium.
//
// The node must be readable. Errors are *[OpError]: [fs.ErrNotExist],
// [fs.ErrPermission], the context's error, or ENXIO, which the kernel answers
// for a device that is in state offline or transport-offline, or gone. An sg
// node opens in those states too, but each command then gives ENXIO: a device
// that is offline cannot be asked.
func (o *Opener) Open(ctx context.Context, path string) (*Device, error) {
	t, err := openSG(ctx, path, o.opts)
	if err != nil {
		return nil, errors.WithStack(&OpError{Op: "open", Path: path, Err: err})
	}
	return newDevice(t, path, o.opts), nil
}

// Stuck lists the calls that have not come back, oldest first.
func (o *Opener) Stuck() []Stuck {
	var out []Stuck
	for _, c := range o.opts.lot.Stuck() {
		out = append(out, Stuck{Path: c.Key, Since: c.Since, WChan: c.WChan})
	}
	return out
}

// A Stuck is one call that has not come back although nobody waits for it.
type Stuck struct {
	Path  string // the node that was opened
	Since time.Time
	WChan string // the kernel function that it sleeps in; "" where that is not to be seen
}
