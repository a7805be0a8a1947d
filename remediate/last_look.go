package remediate

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pkg/errors"
)

// free checks, for those of the paths that are neither gone nor switched off, that
// each is the pinned one, that the LU has not come back, and that no map and
// nothing else stands on the disks, in this order: the asking takes time in which
// somebody might come to use one, or have the kernel look again at what has its
// address now.
func (r *run) free(ctx context.Context, paths []*held) error {
	here, err := r.here(ctx, slices.DeleteFunc(slices.Clone(paths), func(h *held) bool { return h.off }))
	if err != nil || len(here) == 0 {
		return err
	}
	if err := r.allLost(ctx, here); err != nil {
		return err
	}
	if err := r.unused(ctx, here, nil); err != nil {
		return err
	}
	if err := r.askAged(ctx, here); err != nil { // what was asked gets no fresher by a long look for users
		return err
	}
	for _, h := range here {
		if err := h.unlessGone(ctx, r.s.matches(ctx, h)); err != nil {
			return err
		}
		h.freed = time.Now()
	}
	return nil
}

// askAged asks those of the paths once more whose answer is not fresh. One that gave none
// would take as long again.
func (r *run) askAged(ctx context.Context, here []*held) error {
	return r.allLost(ctx, slices.DeleteFunc(slices.Clone(here), func(h *held) bool { return h.off || r.leftOff(h) || time.Since(h.asked) <= fresh }))
}

// allLost asks the paths, side by side, whether the LU has not come back.
func (r *run) allLost(ctx context.Context, here []*held) error {
	errs := make([]error, len(here))
	var wg sync.WaitGroup
	for i, h := range here {
		wg.Go(func() { errs[i] = h.unlessGone(ctx, r.stillLost(ctx, h)) })
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// seal makes sure that nobody uses the disk who had come between the look before
// and the moment in which it was switched off: once for all disks that are off.
// One whose link was down could not be, and is looked at right before its delete.
func (r *run) seal(ctx context.Context, h *held, paths []*held) error {
	if h.sealed && h.off {
		return nil
	}
	here, err := r.here(ctx, paths)
	if err == nil && len(here) > 0 {
		err = r.unused(ctx, here, nil)
	}
	for _, h := range paths {
		h.sealed = err == nil
	}
	return err
}

// here lists the paths that can be asked, each proven to be the pinned one.
func (r *run) here(ctx context.Context, paths []*held) ([]*held, error) {
	var out []*held
	for _, h := range paths {
		err := r.s.matches(ctx, h)
		switch {
		case err == nil && h.Dev == "":
			return nil, errors.WithStack(&EvidenceError{WWID: r.t.WWID, Verdict: Transient, Reason: h.HCTL.String() + " has no disk that could be asked"})
		case err == nil:
			out = append(out, h)
		default:
			if err := h.unlessGone(ctx, err); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// unused looks who uses the disks, now, and looks again for a moment where only
// readers are on them: udev and multipath look at a disk that has just changed.
// keeps is the map that they are paths of and that lives on, which is no use; nil
// where there is none. One of the host's own is refused.
func (r *run) unused(ctx context.Context, paths []*held, keeps *Map) error {
	for try := 0; ; try++ {
		users, err := r.users(ctx, paths, keeps)
		if err != nil || len(users) == 0 {
			return err
		}
		stays := slices.ContainsFunc(users, func(u Use) bool { return !u.fleeting() })
		if stays || try == fleetingTries || r.s.pause(ctx, fleetingPause) != nil {
			return errors.WithStack(&InUseError{WWID: r.t.WWID, Users: users})
		}
	}
}

func (r *run) users(ctx context.Context, paths []*held, keeps *Map) ([]Use, error) {
	f := &Facts{WWID: r.t.WWID, Map: keeps}
	var disks []string
	for _, h := range paths {
		f.Paths, disks = append(f.Paths, Path{Dev: h.Dev, HCTL: h.HCTL, InMap: keeps != nil}), append(disks, h.Dev)
	}
	sc := &scene{}
	var err error
	if sc.blocks, err = r.s.sys.above(ctx, disks); err != nil {
		return nil, err
	}
	sc.index()
	sc.readUsers(ctx, r.s.sys, true)
	if ctx.Err() != nil {
		return nil, errors.WithStack(ctx.Err()) // what was not read in time says nothing
	}
	if why := sc.guard.protects(f, r.s.opt.protected); why != "" {
		return nil, errors.WithStack(&ProtectedError{WWID: r.t.WWID, Reason: why})
	}
	if keeps != nil {
		disks = nil
	}
	sc.lookCloser(ctx, r.s.sys, disks)
	var users []Use
	unsure := sc.unsure
	for i, p := range f.Paths {
		if sc.unsure = unsure; paths[i].mapped && (r.flushing || r.t.Keeps) {
			sc.unsure = nil // up to a moment ago the disk was the map's
		}
		users = append(users, sc.diskUsers(f, p)...)
	}
	return users, ctx.Err()
}

// stillLost asks the LU once more, right before its path is switched off.
// Silence will do only where it was what the LU counted as dead for: by its
// owner's or the operator's word. Where the target's word was the proof, it must
// give it again. The operator's rule is for the paths that a map has failed: a
// disk that was found since was alive then.
func (r *run) stillLost(ctx context.Context, h *held) error {
	d, err := h.pin.Device(ctx)
	if err != nil {
		return err
	}
	p := Path{Dev: d.Block, HCTL: d.HCTL, State: d.State, InMap: r.t.Map != nil || r.t.Keeps}
	if t, err := r.s.sys.FS.Transport(ctx, d.HCTL); err == nil {
		p.over(t)
	}
	asked := time.Now()
	r.s.askPath(ctx, &p, &d, r.t.WWID)
	if h.mute = p.Answer == Silent; h.mute && live(p) {
		asked = time.Now()
		r.s.askTarget(ctx, &p)
	}
	if h.silent = p.Answer == Silent; h.silent {
		asked = time.Now() // up to now it has been
	}
	h.asked = asked
	switch {
	case p.Answer == Gone && live(p):
		return nil
	case p.Answer == Silent && r.proof == ByOwner && r.wordAged():
		return r.stillDetached(ctx, h)
	case (p.Answer == Silent || p.Answer == Gone) && (r.proof == ByOwner || r.proof == ByRunbook && live(p) && !h.late):
		return nil
	case p.Identity == IdentityMismatch && r.t.Verdict == Remapped:
		return nil
	}
	return errors.WithStack(&EvidenceError{
		WWID: r.t.WWID, Verdict: Unknown,
		Reason: p.name() + " is " + p.Answer.String() + " when asked a last time " + p.Proof,
	})
}
