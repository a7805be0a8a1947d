package remediate

import (
	"context"
	"io/fs"
	"slices"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// clearPath takes one path away, once its map is gone: asked a last time,
// offline, deleted, and forgotten by multipathd.
func (r *run) clearPath(ctx context.Context, h *held) error {
	name := or(h.Dev, h.HCTL.String())
	switch {
	case h.pin == nil && r.t.Keeps:
		return nil // its name may be that of a living path by now
	case h.pin == nil:
		return r.forget(ctx, h, name)
	case r.t.Keeps:
		if err := r.do(ctx, ForgetPath, name, 15*time.Second, func(ctx context.Context) error { return r.takeOut(ctx, h) }); err != nil {
			return err
		}
	}
	offlined := false
	err := r.do(ctx, OfflinePath, name, 15*time.Second, func(ctx context.Context) error {
		var err error
		offlined, err = r.offline(ctx, h)
		return err
	})
	if err == nil {
		err = r.do(ctx, DeletePath, name, 60*time.Second, func(ctx context.Context) error { return r.remove(ctx, h) })
	}
	switch {
	case err != nil && r.t.Keeps && !stuck(err):
		err = r.backOnline(h, offlined, err)
		return errors.WithMessagef(err, "%s is out of its map, where it comes back by order alone (multipathd add path %[1]s)", name)
	case err != nil:
		return r.backOnline(h, offlined, err)
	case r.t.Keeps:
		return nil
	}
	return r.forget(ctx, h, name)
}

// offline is the last moment to find out that the LU is alive after all. It
// reports whether it switched the path off.
func (r *run) offline(ctx context.Context, h *held) (bool, error) {
	if d, err := h.pin.Device(ctx); err == nil && d.State == sysfs.StateRunning {
		if err := r.notePath(ctx, h.PathPin); err != nil {
			return false, err
		}
	}
	if err := r.free(ctx, h); err != nil {
		return false, h.unlessGone(ctx, err)
	}
	if d, err := h.pin.Device(ctx); err != nil || d.State != sysfs.StateRunning {
		return false, absentOrGone(err) // whatever else it is, nothing waits for it; the kernel takes no other order
	}
	if err := h.pin.SetState(ctx, sysfs.StateOffline); err != nil {
		err = stuckOr(err, "offline of "+h.Dev)
		return stuck(err), absentOrGone(err) // it may be taken yet
	}
	r.touched = true
	return true, nil
}

// free checks that the path is the pinned one, that the LU has not come back,
// and that no map and nothing else stands on the disk, in this order: the asking
// takes time in which somebody might come to use it, or have the kernel look again
// at what has its address now.
func (r *run) free(ctx context.Context, h *held) error {
	if err := r.s.matches(ctx, *h); err != nil {
		return err
	}
	if h.Dev == "" {
		return errors.WithStack(&EvidenceError{WWID: r.t.WWID, Verdict: Transient, Reason: h.HCTL.String() + " has no disk that could be asked"})
	}
	if err := r.stillLost(ctx, h); err != nil {
		return err
	}
	if err := r.unused(ctx, h, nil); err != nil {
		return err
	}
	return r.s.matches(ctx, *h)
}

// unused looks who uses the disk, now, and looks again for a moment where only
// readers are on it: udev and multipath look at a disk that has just changed.
// keeps is the map that it is a path of and that lives on, which is no use; nil
// where there is none. One of the host's own is refused.
func (r *run) unused(ctx context.Context, h *held, keeps *Map) error {
	for try := 0; ; try++ {
		users, err := r.users(ctx, h, keeps)
		if err != nil || len(users) == 0 {
			return err
		}
		stays := slices.ContainsFunc(users, func(u Use) bool { return !u.fleeting() })
		if stays || try == 5 || r.s.pause(ctx, 200*time.Millisecond) != nil {
			return errors.WithStack(&InUseError{WWID: r.t.WWID, Users: users})
		}
	}
}

func (r *run) users(ctx context.Context, h *held, keeps *Map) ([]Use, error) {
	sc, err := r.s.above(ctx, h.Dev)
	if err != nil {
		return nil, err
	}
	sc.readUsers(ctx, r.s.sys)
	p := Path{Dev: h.Dev, HCTL: h.HCTL}
	f := &Facts{WWID: r.t.WWID, Map: keeps, Paths: []Path{p}}
	if why := sc.guard.protects(f, r.s.opt.protected); why != "" {
		return nil, errors.WithStack(&ProtectedError{WWID: r.t.WWID, Reason: why})
	}
	var alone []string
	if keeps == nil {
		alone = []string{h.Dev}
	}
	sc.lookCloser(ctx, r.s.sys, alone)
	return sc.diskUsers(f, p), ctx.Err()
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
	r.s.askPath(ctx, &p, &d, r.t.WWID)
	if p.Answer == Silent && live(p) {
		r.askTarget(ctx, &p)
	}
	switch {
	case p.Answer == Gone && live(p):
		return nil
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

// askTarget asks for the inventory of a silent path's target, through the LUs
// beside it.
func (r *run) askTarget(ctx context.Context, p *Path) {
	sc, err := r.s.devices(ctx)
	if err != nil {
		return
	}
	beside := &Facts{}
	for i := range sc.devices {
		d := &sc.devices[i]
		if d.HCTL != p.HCTL && d.HCTL.SameTarget(p.HCTL) && isDisk(d) {
			beside.Paths = append(beside.Paths, sc.path(d, false))
		}
	}
	others := make([]*Path, len(beside.Paths))
	for i := range beside.Paths {
		others[i] = &beside.Paths[i]
	}
	r.s.askUntilAnswered(ctx, sc, others)
	alone := &Facts{Paths: []Path{*p}}
	r.s.inventories(ctx, []*Facts{alone, beside})
	*p = alone.Paths[0]
}

// remove deletes the SCSI device through the held directory, and waits until
// it is gone.
func (r *run) remove(ctx context.Context, h *held) error {
	if err := r.s.matches(ctx, *h); err != nil {
		return h.unlessGone(ctx, err)
	}
	if d, err := h.pin.Device(ctx); err == nil && d.State == sysfs.StateRunning { // its link, or somebody, has brought it back
		if err := r.free(ctx, h); err != nil {
			return h.unlessGone(ctx, err)
		}
	}
	r.touched, h.deleting = true, true
	if err := h.pin.Delete(ctx); err != nil {
		return absentOrGone(stuckOr(err, "delete of "+h.Dev))
	}
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		return h.gone(ctx), nil
	}, func() error {
		return &TimeoutError{What: "delete of " + h.Dev, Stuck: true, Err: context.DeadlineExceeded}
	})
}

// backOnline undoes the offline where the delete did not come about, and is not
// still under way.
func (r *run) backOnline(h *held, offlined bool, cause error) error {
	if !offlined {
		return cause
	}
	if h.deleting && stuck(cause) {
		r.ajar = true
		return cause // a delete that is under way takes no other order
	}
	ctx, cancel := r.grace()
	defer cancel()
	if err := r.online(ctx, h); err != nil {
		r.ajar = true
		return join([]error{cause, err})
	}
	return cause
}

// unheardFor is how long a multipathd that does not answer is asked again.
const unheardFor = 4 * time.Second

// forget waits until multipathd no longer lists the path, and tells it to where
// it does not by itself. A newcomer of the same name is left alone. Where there
// is no multipathd, there is nothing to forget.
func (r *run) forget(ctx context.Context, h *held, name string) error {
	return r.do(ctx, ForgetPath, name, 15*time.Second, func(ctx context.Context) error {
		begun := time.Now()
		told := false
		patience := unheardFor
		if r.unheard != nil {
			patience = 0 // it was waited for at the path before
		}
		return poll(ctx, 25*time.Millisecond, func() (bool, error) {
			paths, err := r.s.sys.Paths(ctx)
			if nobody(err) || err == nil && !listed(paths, h.Dev, r.t.WWID) {
				return true, nil
			}
			if err != nil { // busy, or silent
				r.unheard = err
				//nolint:nilerr // it is asked again, and told of in the end
				return time.Since(begun) > patience, nil
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
	})
}

// takeOut lets multipathd take the path out of a map that lives on. It is told
// by name, so the name must be the pinned path's up to that moment.
func (r *run) takeOut(ctx context.Context, h *held) error {
	if err := r.s.matches(ctx, *h); err != nil {
		return h.unlessGone(ctx, err)
	}
	if err := r.stillLost(ctx, h); err != nil {
		return h.unlessGone(ctx, err)
	}
	if err := r.unused(ctx, h, r.keeps); err != nil {
		return err
	}
	if err := r.s.matches(ctx, *h); err != nil { // the asking takes time
		return h.unlessGone(ctx, err)
	}
	r.touched = true
	return absentOrGone(r.s.sys.Daemon.ForgetPath(ctx, h.Dev))
}

// stragglers takes away disks of the same identity that turned up in the
// meantime, as long as they are as dead as the rest. A living one means that
// the LU is back.
func (r *run) stragglers(ctx context.Context) error {
	if r.t.Keeps {
		return nil
	}
	for range 3 {
		sc, err := r.s.devices(ctx)
		if err != nil {
			return err
		}
		late, err := r.newcomers(ctx, sc)
		if err != nil || len(late) == 0 {
			return err
		}
		for i := range late {
			if err := r.clearPath(ctx, &late[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// newcomers pins the disks that claim the target's identity and are not in the
// plan. One that somebody uses, and goes on using, ends the work.
func (r *run) newcomers(ctx context.Context, sc *scene) ([]held, error) {
	var out []held
	for i := range sc.devices {
		d := &sc.devices[i]
		if !isDisk(d) || !slices.Contains(claimed(d), r.t.WWID) || !r.alike(d) {
			continue
		}
		if d.Block == "" || settling(d.State) {
			return nil, errors.WithStack(&EvidenceError{WWID: r.t.WWID, Verdict: Transient, Reason: d.HCTL.String() + " is only just coming, or going"})
		}
		pin, err := r.s.sys.FS.Pin(ctx, d.HCTL)
		if err != nil {
			continue
		}
		h := held{PathPin: pinOf(sc.path(d, false)), pin: pin, late: true}
		r.held = append(r.held, h)
		if err := h.unlessGone(ctx, r.unused(ctx, &h, nil)); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// alike reports whether the disk's own page 0x83 agrees with that of the planned
// paths, where there was one: different LUs may share a weak name.
func (r *run) alike(d *sysfs.SCSIDevice) bool {
	own, err := scsi.ParseDesignators(d.VPD83)
	if err != nil {
		return false
	}
	for _, h := range r.held {
		planned, err := scsi.ParseDesignators(h.page83)
		if err != nil || len(planned) == 0 {
			continue
		}
		same, sure := scsi.SameLU(planned, own)
		return same && sure
	}
	return derivable(r.t.WWID)
}

// unlessGone turns err into success where the device itself is gone, or goes
// within a moment. That anything else was missing does not mean that it is: a
// check that could not be made is no check.
func (h *held) unlessGone(ctx context.Context, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		return h.gone(ctx), nil
	}, func() error { return err })
}

// gone reports whether the device is not there any more. What has come of a step
// can be read for a moment after ctx has ended.
func (h *held) gone(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lingering/2)
	defer cancel()
	_, err := h.pin.Device(ctx)
	return errors.Is(err, fs.ErrNotExist)
}

// absentOrGone turns "no such device" into success: somebody else was faster.
func absentOrGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func stuck(err error) bool {
	var timeout *TimeoutError
	return errors.As(err, &timeout) && timeout.Stuck
}

// stuckOr marks an error as stuck where the write has not come back.
func stuckOr(err error, what string) error {
	var stuck *park.StuckError
	if errors.As(err, &stuck) {
		return errors.WithStack(&TimeoutError{What: what, Stuck: true, Err: err})
	}
	return opError("write", what, err)
}
