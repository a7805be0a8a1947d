package blockprobe

import (
	"context"
	"errors"
	"syscall"

	"github.com/lunsweep/lunsweep/internal/park"
)

// Claimed reports whether somebody holds the device at t.Node, or a partition of
// it, exclusively: a mounted file system, swap, LVM, LUKS, md, a storage target,
// ZFS, also where no list of any of these shows it. It opens t.Node with
// O_RDONLY|O_EXCL|O_NONBLOCK|O_CLOEXEC, which is refused with EBUSY then, and
// closes it, all within the Prober's time-out and ctx.
//
// The kernel looks for a claim before it speaks to the device, so that a dead
// one gives an answer all the same: false, though it cannot be opened. Nothing
// is read or written, and udev hears nothing. For the moment that it takes,
// nobody else can claim the device. A plain open of somebody else's is no claim.
//
// An error says that it could not be found out. (The order is that of bdev_open
// in the kernel's block/bdev.c.)
func (p *Prober) Claimed(ctx context.Context, t Target) (bool, error) {
	within, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	_, err := park.Do(within, p.claims, t.key(), func() (struct{}, error) { return struct{}{}, p.claim(t.Node) })
	var errno syscall.Errno
	switch {
	case err == nil:
		return false, nil
	case !errors.As(err, &errno):
		return false, err
	case errno == syscall.EBUSY:
		return true, nil
	case lost(errno): // what the device itself says, once nobody's claim stood against opening it
		return false, nil
	}
	return false, err
}

// WithClaim replaces the exclusive open and its close, for simulated hosts. fn
// returns an error that matches EBUSY where somebody holds the device.
func WithClaim(fn func(path string) error) Option {
	return func(o *options) { o.claim = fn }
}
