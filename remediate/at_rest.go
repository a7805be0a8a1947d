package remediate

import (
	"context"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// offFor is how long a disk may have been off when it is deleted: it cannot be asked, and
// its LU may be back. It is long enough for a look and for udev, which come between.
const offFor = 5 * time.Second

// overdue reports whether a disk is to be asked again before its delete: it has been off
// for long, or its link, or somebody, has set it running.
func (h *held) overdue(ctx context.Context, byOwner bool) (running, overdue bool) {
	state, err := h.pin.State(ctx)
	running = err == nil && state == sysfs.StateRunning
	return running, running || (h.off || h.mute || byOwner && h.silent) && time.Since(h.asked) > offFor
}

// leftOff reports whether a disk itself is not asked again: it gave no answer, and its
// owner, who does not go by its answers, attests that it is detached.
func (r *run) leftOff(h *held) bool { return h.silent && r.proof == ByOwner }

// askAgain asks once more whether the LU is still lost: the disk, switched on for a moment
// where it is off, and switched off anew; or, of a silent one, who spoke for it. That is
// left off: the kernel scans a disk that is set running, and waits for its answers.
func (r *run) askAgain(ctx context.Context, h *held, running bool, all []*held) error {
	switch {
	case running:
	case !h.off:
		return r.stillLost(ctx, h) // somebody else had switched it off: it is not for us to switch on
	case r.leftOff(h):
		return r.stillDetached(ctx, h)
	case h.mute && !h.silent:
		return r.stillUnlisted(ctx, h)
	default:
		if err := r.online(ctx, h); err != nil {
			return err
		}
	}
	h.off, h.sealed, h.freed = false, false, time.Time{}
	return r.offline(ctx, h, all)
}

// stillDetached asks the owner once more about the disk.
func (r *run) stillDetached(ctx context.Context, h *held) error {
	c, err := r.s.askOwner(ctx, r.subject)
	switch {
	case err != nil:
		return evidence(r.t.WWID, Unknown, "its owner could not be asked once more: "+err.Error())
	case c.Owner != Mine || !c.Detached:
		return evidence(r.t.WWID, Unknown, "its owner does not attest any more that it is detached")
	}
	h.asked = time.Now() // up to now he has
	r.attested(h.asked)
	return nil
}

// attested puts on record until when the owner has attested that the LU is detached.
func (r *run) attested(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.word = at
}

// wordAged reports whether the owner's word is too old to delete a silent disk by.
func (r *run) wordAged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.word) > offFor
}

// stillUnlisted asks the disk's target once more.
func (r *run) stillUnlisted(ctx context.Context, h *held) error {
	p, asked := Path{Dev: h.Dev, HCTL: h.HCTL, Answer: Silent}, time.Now()
	r.s.askTarget(ctx, &p)
	if p.Answer != Gone {
		return evidence(r.t.WWID, Unknown, p.name()+" is "+p.Answer.String()+" when its target is asked a last time "+p.Proof)
	}
	h.asked = asked
	return nil
}

// atRestTries is how often a disk is asked again whose last looks took too long.
const atRestTries = 3

// atRest makes sure of a disk, right before its delete, that nobody uses it, that it is the
// pinned one, that it is off, and that it was asked not long ago; or, of one whose link is
// down, the first two alone.
func (r *run) atRest(ctx context.Context, h *held, all []*held) error {
	for try := 0; ; try++ {
		if err := r.seal(ctx, h, all); err != nil {
			return err
		}
		if err := r.s.matches(ctx, h); err != nil {
			return h.unlessGone(ctx, err)
		}
		running, overdue := h.overdue(ctx, r.proof == ByOwner)
		if !overdue {
			return nil
		}
		if try == atRestTries {
			return errors.WithStack(&EvidenceError{WWID: r.t.WWID, Verdict: Transient, Reason: "the last looks at " + h.name() + " take too long, or somebody sets it running"})
		}
		if err := r.askAgain(ctx, h, running, all); err != nil {
			return err
		}
	}
}
