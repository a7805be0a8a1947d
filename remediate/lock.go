package remediate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/lockdir"
)

// lockPatience is how long a LU that another run works on is waited for.
const lockPatience = 10 * time.Second

// lock takes the LU for this run alone, until release: by the target's WWID and
// by whatever else its paths are called, for another plan may know it by that.
// What an earlier run has left undone is put right first.
func (r *run) lock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	names := []string{r.t.WWID}
	for _, h := range r.held {
		if h.pin == nil {
			continue
		}
		if d, err := h.pin.Device(ctx); err == nil {
			names, r.names = append(names, believed(&d)), append(r.names, claimed(&d)...)
		}
	}
	return r.lockNames(ctx, names)
}

// lockNames takes locks in an order that all runs share.
func (r *run) lockNames(ctx context.Context, names []string) error {
	slices.Sort(names)
	r.note.Names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" })
	who := r.s.signature(ctx)
	for _, name := range r.note.Names {
		l, err := r.s.locks.Lock(ctx, name, who)
		var held *lockdir.HeldError
		if errors.As(err, &held) {
			return errors.WithStack(&LockedError{WWID: r.t.WWID, Holder: held.Holder})
		}
		if err != nil {
			return opError("lock", r.t.WWID, err)
		}
		r.locks = append(r.locks, l)
		if name == r.t.WWID {
			r.notes = l
		}
	}
	return nil
}

func (r *run) unlock() {
	for _, l := range r.locks {
		l.Unlock()
	}
	r.locks, r.notes = nil, nil
}

// signature is what others are told of who holds a lock: the program, and its
// number in the host's /proc.
func (s *Sweeper) signature(ctx context.Context) string {
	return fmt.Sprintf("%s (pid %d)", filepath.Base(os.Args[0]), s.sys.FS.Self(ctx))
}
