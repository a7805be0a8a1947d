package remediate

import (
	"context"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/multipath"
)

const (
	// unheardFor is how long a multipathd that does not answer is asked again.
	unheardFor = 4 * time.Second
	// hearing is how long it may take to answer. It says itself, after 4 s, that it
	// has no time (uxsock_timeout, multipath.conf(5)), unless it was told to wait longer.
	hearing = 10 * time.Second
)

// heard are the paths that multipathd lists. It must not take all the time that
// there is for looking at the rest.
func (s *Sweeper) heard(ctx context.Context) ([]multipath.DaemonPath, error) {
	ctx, cancel := halfOf(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, hearing)
	defer cancel()
	return s.calm.Paths(ctx)
}

// entries is heard, for a run: who has not answered it is not asked again.
func (r *run) entries(ctx context.Context) ([]multipath.DaemonPath, error) {
	if r.unheard != nil {
		return nil, r.unheard
	}
	return r.s.heard(ctx)
}

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
		paths, err := r.entries(ctx)
		if nobody(err) || err == nil && !listed(paths, h.Dev, r.t.WWID) {
			return true, nil
		}
		if err != nil { // busy, or silent
			return r.givesUp(err, begun), nil
		}
		if !told && time.Since(begun) > 2*time.Second && !there(ctx, r.s.sys, h.Dev) {
			err := r.s.sys.Daemon.ForgetPath(ctx, h.Dev)
			told = !notTaken(err)
			if told {
				return false, absentOrGone(err) // it may have heard of the end itself meanwhile
			}
		}
		return false, nil
	}, func() error {
		return errors.WithStack(&RemainsError{WWID: r.t.WWID, Remains: []string{entryWords(multipath.DaemonPath{Dev: h.Dev})}})
	})
}

// hear is entries, for verification.
func (r *run) hear(ctx context.Context) ([]multipath.DaemonPath, error) {
	paths, err := r.entries(ctx)
	if err != nil && !nobody(err) {
		r.givesUp(err, r.asked)
	}
	return paths, err
}

// givesUp reports whether multipathd has been asked for long enough, since begun; it
// is told of in the end.
func (r *run) givesUp(err error, begun time.Time) bool {
	if time.Since(begun) > unheardFor {
		r.unheard = err
	}
	return r.unheard != nil
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
	err := r.s.sys.Daemon.ForgetPath(ctx, h.Dev)
	if r.keeps == nil && nobody(err) {
		return nil // it is in no map, and nobody is there to be told
	}
	return absentOrGone(err)
}
