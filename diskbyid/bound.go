package diskbyid

import (
	"context"
	"errors"
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
)

// A Stuck is one look at the host's file system that has not come back although
// its caller has gone.
type Stuck struct {
	What  string // "read /dev/disk/by-id", "read /run/udev"
	Since time.Time
	WChan string // the kernel function that it sleeps in; "" where that is not to be seen
}

// Stuck lists the looks that have not come back, oldest first.
func (d *Dir) Stuck() []Stuck {
	var out []Stuck
	for _, s := range d.lot.Stuck() {
		out = append(out, Stuck{What: s.Key, Since: s.Since, WChan: s.WChan})
	}
	return out
}

// bounded runs fn, which looks at what is below dir, until ctx ends. There is one
// look at a time, so that a directory that hangs is left behind once and not for
// each that asks.
func bounded[T any](ctx context.Context, d *Dir, dir string, fn func() (T, error)) (T, error) {
	return park.Do(ctx, d.lot, "read "+dir, fn)
}

// isStuck reports whether err says that a look has not come back, or has not been
// begun because others have not.
func isStuck(err error) bool {
	var stuck *park.StuckError
	var full *park.LimitError
	return errors.As(err, &stuck) || errors.As(err, &full)
}
