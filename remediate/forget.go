package remediate

import (
	"context"
	"time"

	"github.com/pkg/errors"
)

// unheardFor is how long a multipathd that does not answer is asked again.
const unheardFor = 4 * time.Second

// forget waits until multipathd no longer lists the paths, all of which are gone,
// and tells it to where it does not by itself. A newcomer of the same name is left
// alone. Where there is no multipathd, there is nothing to forget.
func (r *run) forget(ctx context.Context, paths []*held) error {
	if r.t.Keeps {
		return nil // what is gone has its names no more, and multipathd was told before
	}
	begun := time.Now()
	for _, h := range paths {
		err := r.do(ctx, ForgetPath, h.name(), 15*time.Second, func(ctx context.Context) error { return r.forgotten(ctx, h, begun) })
		if err != nil {
			return err
		}
	}
	return nil
}

// forgotten waits for one path, since begun.
func (r *run) forgotten(ctx context.Context, h *held, begun time.Time) error {
	told := false
	return poll(ctx, 25*time.Millisecond, func() (bool, error) {
		paths, err := r.s.calm.Paths(ctx)
		if nobody(err) || err == nil && !listed(paths, h.Dev, r.t.WWID) {
			return true, nil
		}
		if err != nil { // busy, or silent
			r.unheard = err
			//nolint:nilerr // it is asked again, and told of in the end
			return time.Since(begun) > unheardFor, nil
		}
		r.unheard = nil
		if !told && time.Since(begun) > 2*time.Second && !there(ctx, r.s.sys, h.Dev) {
			err := r.s.sys.Daemon.ForgetPath(ctx, h.Dev)
			told = !notTaken(err)
			if told {
				return false, absentOrGone(err) // it may have heard of the end itself meanwhile
			}
		}
		return false, nil
	}, func() error {
		return errors.WithStack(&RemainsError{WWID: r.t.WWID, Remains: []string{"multipathd's entry for " + h.Dev}})
	})
}

// takeOut lets multipathd take the path out of a map that lives on. It is told
// by name, so the name must be the pinned path's up to that moment.
func (r *run) takeOut(ctx context.Context, h *held) error {
	if err := r.s.matches(ctx, h); err != nil {
		return h.unlessGone(ctx, err)
	}
	if err := r.stillLost(ctx, h); err != nil {
		return h.unlessGone(ctx, err)
	}
	if err := r.unused(ctx, []*held{h}, r.keeps); err != nil {
		return err
	}
	if err := r.s.matches(ctx, h); err != nil { // the asking takes time
		return h.unlessGone(ctx, err)
	}
	r.touched = true
	return absentOrGone(r.s.sys.Daemon.ForgetPath(ctx, h.Dev))
}
