package remediate

import (
	"context"
	stderrors "errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/lockdir"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A Recovery is what was put right on one LU that a killed run had left.
type Recovery struct {
	Unfinished
	Steps []StepResult `json:"steps"`
	Err   error        `json:"-"` // why it is not right yet; nil when it is
	Error string       `json:"error,omitempty"`
}

// Recover puts right what runs that were killed have left on LUs, whatever has
// become of those since: a map that did queue does again, by multipathd where
// there is one; a map that was left suspended is resumed; a path that was
// switched off is set running. It goes by the notes in [WithLockDir] alone, and
// touches only maps and paths that match what was pinned there, in this boot.
// It deletes nothing. A LU that another run is at work on is left to that.
//
// [Sweeper.Execute], [Sweeper.Clear] and [Sweeper.ClearLUN] begin with it. Call
// it before [Sweeper.Plan], which looks and changes nothing: a path that is
// switched off cannot be asked. The error is for the directory; one note that
// cannot be understood is told of as a Recovery without a WWID, and stays. Needs
// root.
func (s *Sweeper) Recover(ctx context.Context) ([]Recovery, error) {
	var here Survey
	if err := s.place(ctx, &here); err != nil {
		return nil, err
	}
	left, bad, err := s.unfinished(ctx, here.BootID)
	out := make([]*Recovery, len(left))
	var wg sync.WaitGroup
	slots := make(chan struct{}, mostLUs)
	for i, u := range left {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil { // each would linger
			out[i] = &Recovery{Unfinished: u, Steps: []StepResult{}, Err: errors.WithStack(err), Error: err.Error()}
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			out[i] = s.recover(ctx, u)
		})
	}
	wg.Wait()
	var done []Recovery
	for _, r := range out {
		if r != nil {
			done = append(done, *r)
		}
	}
	for _, err := range bad {
		done = append(done, Recovery{Steps: []StepResult{}, Err: err, Error: err.Error()})
	}
	s.locks.Tidy(ctx)
	return done, err
}

// recover puts one LU right; nil where another run has taken that over.
func (s *Sweeper) recover(ctx context.Context, u Unfinished) *Recovery {
	r, done := s.newRun(ctx, &Plan{ID: u.PlanID, BootID: u.BootID}, Target{WWID: u.WWID})
	defer done()
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := r.lockNames(soon, append(slices.Clone(u.Names), u.WWID))
	var locked *LockedError
	if errors.As(err, &locked) {
		return nil
	}
	if err == nil {
		err = r.putRight()
	}
	if err == nil && r.untold {
		err = errUntold
	}
	if err == nil && r.pending && len(r.res.Steps) == 0 {
		return nil // there was nothing to be put right yet
	}
	out := &Recovery{Unfinished: u, Steps: r.res.Steps, Err: err}
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

// errUntold says that a map queues again by the kernel's word alone.
var errUntold = stderrors.New("multipathd has not been told that the map is to queue again")

// putRight does, under this run's lock, what the LU's note says a run before has
// left to be done, and then takes the note away. It works for a moment longer
// than the run's own time.
func (r *run) putRight() error {
	n, err := r.readNote()
	if err != nil || n.Text == nil {
		return opError("read what an earlier run has left of", r.t.WWID, err)
	}
	u, err := readUnfinished(n)
	if err != nil {
		return err
	}
	if u.BootID == r.plan.BootID && u.WWID == r.t.WWID {
		err = r.revive(u)
	}
	if err != nil {
		return err
	}
	ctx, cancel := r.grace()
	defer cancel()
	if r.untold {
		r.note.Map = u.Map
		return r.writeNote(ctx)
	}
	if r.pending {
		r.note = u
		r.note.Offline = nil // they are right
		return nil
	}
	return opError("forget what an earlier run has left of", r.t.WWID, r.notes.DropNote(ctx))
}

func (r *run) readNote() (lockdir.Note, error) {
	ctx, cancel := r.grace()
	defer cancel()
	return r.notes.Note(ctx)
}

func (r *run) revive(u Unfinished) error {
	was := &run{s: r.s, plan: r.plan, t: Target{WWID: u.WWID, Map: u.Map}, notes: r.notes, note: u, over: r.over, undo: r.undo}
	defer func() { r.res.Steps = append(r.res.Steps, was.res.Steps...) }()
	errs := make([]error, 1+len(u.Offline))
	var wg sync.WaitGroup
	wg.Go(func() { errs[0] = was.reviveMap() })
	for i, p := range u.Offline {
		wg.Go(func() { errs[1+i] = was.revivePath(p) }) // one that hangs must not keep the others off
	}
	wg.Wait()
	r.untold = was.untold
	resumed := slices.ContainsFunc(was.res.Steps, func(s StepResult) bool { return s.Action == ResumeMap })
	r.pending = u.Pending && was.flushing && !resumed && r.s.opt.now().Sub(u.PendingSince) < pendingFor
	r.pendingSince = u.PendingSince
	return join(errs)
}

// reviveMap makes the noted map what it was, if it is still there.
func (r *run) reviveMap() error {
	if r.t.Map == nil {
		return nil
	}
	t, err := r.lasting()
	switch {
	case errors.Is(err, multipath.ErrNoMap):
		return nil
	case err != nil:
		return opError("read the table of", r.t.Map.Name, err)
	case t.Devt != r.t.Map.Devt:
		return nil // made anew since, by its own settings
	}
	if anew, err := r.anew(); anew || err != nil {
		return err
	}
	r.flushing, r.disabled = true, r.t.Map.Queueing
	return r.restore()
}

// anew reports whether the map is another than the noted one, which had its name,
// its number and its uuid: kernels count every disk that they make. By a note
// without that count it cannot be told; that the count cannot be read now is no
// leave to take the map for the noted one.
func (r *run) anew() (bool, error) {
	if r.t.Map.DiskSeq == 0 {
		return false, nil
	}
	ctx, cancel := r.grace()
	defer cancel()
	b, err := r.s.sys.FS.Block(ctx, r.t.Map.DM)
	if err == nil && b.DiskSeq == 0 {
		err = errors.Errorf("%s has no diskseq", b.Name)
	}
	if err != nil {
		return false, opError("tell whether it is still the noted map", r.t.Map.Name, err)
	}
	return b.Devt != r.t.Map.Devt || b.DiskSeq != r.t.Map.DiskSeq, nil
}

// lasting is the table of the noted map; where it is suspended, it has been for
// a second: multipathd suspends a map for a moment when it changes it.
func (r *run) lasting() (t multipath.Table, err error) {
	ctx, cancel := r.grace()
	defer cancel()
	begun := time.Now()
	err = poll(ctx, 100*time.Millisecond, func() (bool, error) {
		t, err = r.s.sys.Kernel.Table(ctx, r.t.Map.UUID)
		return !t.Suspended || r.hurried() || time.Since(begun) > time.Second, err
	}, ctx.Err)
	return t, err
}

// revivePath sets a noted path running, if it is still there and switched off.
func (r *run) revivePath(p PathPin) error {
	ctx, cancel := r.grace()
	defer cancel()
	h, err := r.s.holdPath(ctx, p)
	var stale *StaleError
	if errors.As(err, &stale) {
		return nil // its address is somebody else's now
	}
	if err != nil || h.pin == nil {
		return err
	}
	defer h.pin.Close()
	state, err := h.pin.State(ctx)
	if err == nil && r.beingSet(h) {
		return errors.WithStack(&TimeoutError{What: "offline of " + h.Dev, Stuck: true, Err: errUnderWay})
	}
	if err != nil || state != sysfs.StateOffline {
		return absentOrGone(err)
	}
	return r.online(ctx, h)
}

// beingSet reports whether a write to the path's state has not come back: what is read of
// it now is not what it will be.
func (r *run) beingSet(h *held) bool {
	return slices.ContainsFunc(r.s.sys.FS.Stuck(), func(c sysfs.Stuck) bool {
		return !strings.HasPrefix(c.Key, "read ") && strings.HasSuffix(c.Key, "/"+h.HCTL.String()+"/state")
	})
}

// online sets a path running that was switched off.
func (r *run) online(ctx context.Context, h *held) error {
	return r.do(ctx, OnlinePath, h.name(), 15*time.Second, func(ctx context.Context) error {
		err := h.pin.SetState(ctx, sysfs.StateRunning)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return stuckOr(err, "running of "+h.Dev)
	})
}
