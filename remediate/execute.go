package remediate

import (
	"context"
	stderrors "errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/lockdir"
)

func join(errs []error) error { return stderrors.Join(errs...) }

// Execute does what the plan says, LUs side by side and the steps of one LU in
// order. Right before the first change to a LU, and again right before its map
// is flushed, it looks once more: both keys must still hold, and every pin must
// match, by the plan's rule. What no longer fits is refused and nothing of it is changed.
// A target's map that queues only by then is told not to, and a path of the same LU that
// has turned up since, and is as dead as the others, goes with them: no step of the plan
// tells of these two.
//
// It begins with [Sweeper.Recover]. Then, and for as long as it is at work on a LU,
// it holds that LU's lock ([WithLockDir]); one that another run works on is waited
// for, 10 s at most, and refused then (*[LockedError]).
//
// One LU's failure never stops the others; the report says what happened to
// each. The error is for what concerns the plan as a whole: it does not fit this
// host (*[StaleError]), too much looks dead at once (*[BreakerError]), or /sys is
// mounted read-only (syscall.EROFS). When ctx ends, no new step begins; queueing
// is restored on every map that lives.
func (s *Sweeper) Execute(ctx context.Context, p *Plan) (*Report, error) {
	return s.execute(ctx, p, func(all []Device, _ *Plan) []Device { return all })
}

// byName leaves a plan's own targets out of what the breaker looks at: they were
// asked for by name, so that it is no surprise that they look dead.
func byName(all []Device, p *Plan) []Device {
	return slices.DeleteFunc(slices.Clone(all), func(d Device) bool {
		return slices.ContainsFunc(p.Targets, func(t Target) bool { return d.is(t.WWID) })
	})
}

// execute is Execute; suspect chooses the devices that the breaker looks at.
func (s *Sweeper) execute(ctx context.Context, p *Plan, suspect func([]Device, *Plan) []Device) (*Report, error) {
	if p == nil {
		return nil, errors.New("there is no plan to execute")
	}
	s = s.under(p.Rule)
	var here Survey
	if err := s.place(ctx, &here); err != nil {
		return nil, err
	}
	if err := p.fits(here.Host, here.BootID, s.opt.now()); err != nil {
		return nil, err
	}
	if err := s.sys.FS.Writable(ctx); err != nil {
		return nil, opError("delete disks", "", err)
	}
	r := &Report{PlanID: p.ID, Started: s.opt.now()}
	var err error
	if r.Recovered, err = s.Recover(ctx); err != nil {
		return nil, err
	}
	now, err := s.Survey(ctx)
	if err != nil {
		return nil, err
	}
	if err := breaker(suspect(now.Devices, p), s.opt.maxDead, len(p.Targets) > 0); err != nil {
		return nil, err
	}
	r.Results = make([]Result, len(p.Targets))
	var wg sync.WaitGroup
	work, wait := make(room, s.sideBySide(p.Targets)), make(room, waitingAtOnce)
	for i, t := range p.Targets {
		seat := work.enter()
		arrive, done := s.sys.crowd.begin()
		wg.Go(func() {
			defer seat.leave()
			defer done()
			r.Results[i] = s.clear(ctx, p, t, arrive, func() { seat.change(wait) })
		})
	}
	wg.Wait()
	r.Ended = s.opt.now()
	return r, nil
}

// under is the Sweeper that judges by the plan's rule, for one execution.
func (s *Sweeper) under(rule Rule) *Sweeper {
	t := *s
	t.opt.rule, t.due = rule, newDueLooks(s.sys)
	return &t
}

// A run clears one target.
type run struct {
	s    *Sweeper
	plan *Plan
	t    Target
	held []*held // the paths' pins, in the plan's order
	res  Result

	keeps    *Map      // the map that lives on without the paths that go
	proof    Proof     // of death, as the last look found it
	looked   time.Time // when that was
	subject  Subject   // whose owner was asked then
	word     time.Time // when he was last asked
	disabled bool      // queueing was switched off
	flushing bool      // multipathd was told to flush
	touched  bool      // something of the LU was changed for good
	unheard  error     // why multipathd could not be asked whether it has forgotten
	asked    time.Time // since when verification has asked it
	heirs    []string  // who has the names now of what was gone from the start

	misleading []string // what names what is gone and leads to a disk that stays

	names []string // every name that the disks gave the LU when they were held

	locks   []*lockdir.Lock
	notes   *lockdir.Lock // the one of the LU's own name, beside which the note is
	note    Unfinished    // as it was last written
	ajar    bool          // a path may have been left switched off
	pending bool          // a flush that has not come back may be carried out yet

	pendingSince time.Time // when that was ordered

	untold bool // the map queues again by the kernel's word alone, and multipathd may take it back

	righted bool       // nothing is left of what an earlier run had noted
	mu      sync.Mutex // for the result's steps, and word

	udevSlow bool // udev has not begun in time with the end of a disk

	arrive    func() // says that it comes to look at the host
	stepAside func() // gives up its place among the LUs at work, once it only waits

	over <-chan struct{} // closed when the run's own time is up
	undo context.Context // for putting things right: it outlives the work a little
}

// lingering is how long after the end of its context a run may go on, to put
// right what it must not leave as it is.
const lingering = 900 * time.Millisecond

// clear takes one target through its steps.
func (s *Sweeper) clear(ctx context.Context, p *Plan, t Target, arrive, stepAside func()) Result {
	r, done := s.newRun(ctx, p, t)
	defer done()
	r.arrive, r.stepAside = arrive, stepAside
	err := r.steps(ctx)
	rerr := r.restore()
	if rerr != nil {
		err = join([]error{err, rerr})
	}
	r.closeNote(rerr, err == nil && !r.t.Keeps)
	r.conclude(err)
	s.tell(Event{Kind: EventDone, PlanID: p.ID, WWID: t.WWID, Outcome: string(r.res.Outcome), Detail: r.res.Reason, Err: err})
	return r.res
}

// closeNote takes the note away where nothing is left to be put right; if it stays,
// whoever reads it finds nothing to do.
func (r *run) closeNote(notRight error, mapGone bool) {
	switch {
	case notRight != nil || r.ajar || !r.righted, r.untold && !mapGone:
	case r.pending && !mapGone:
		m := *r.note.Map
		m.Queueing = false // that is right already
		r.note.Map, r.note.Offline = &m, nil
		r.note.Pending, r.note.PendingSince = true, r.pendingSince
		_ = r.writeNote(r.undo)
	default:
		_ = r.notes.DropNote(r.undo)
	}
}

// newRun begins a run; done ends it.
func (s *Sweeper) newRun(ctx context.Context, p *Plan, t Target) (r *run, done func()) {
	undo, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lingering, cancel) })
	r = &run{s: s, plan: p, t: t, over: ctx.Done(), undo: undo, proof: t.Proof, res: Result{WWID: t.WWID, Steps: []StepResult{}}}
	return r, func() {
		r.release()
		r.unlock()
		stop()
		cancel()
	}
}

// hurried reports whether the run's own time is up, and only a moment is left.
func (r *run) hurried() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// errAbsent says that there is nothing left to do for a target.
var errAbsent = stderrors.New("was gone already")

// steps goes through the order that the plan shows. It is written out here once
// more because it must not be the plan's file that decides what is safe.
func (r *run) steps(ctx context.Context) error {
	if err := r.hold(ctx); err != nil {
		return err
	}
	if err := r.lock(ctx); err != nil {
		return err
	}
	if err := r.underWay(ctx); err != nil {
		return err
	}
	if err := r.putRight(); err != nil {
		return err
	}
	r.righted = true
	r.arrive()
	d, err := r.stillDue(ctx)
	if errors.Is(err, errAbsent) {
		return r.catchUp(ctx)
	}
	if err != nil {
		return err
	}
	for _, h := range r.held {
		h.mapped = anyPath(d.Facts, func(p Path) bool { return p.InMap && p.HCTL == h.HCTL })
	}
	if err := r.clearMap(ctx, d); err != nil {
		return err
	}
	if err := r.clearDisks(ctx); err != nil {
		return err
	}
	r.stepAside()
	if err := r.forget(ctx, r.held); err != nil {
		return err
	}
	if err := r.stragglers(ctx); err != nil {
		return err
	}
	return r.do(ctx, VerifyGone, r.t.WWID, 30*time.Second, r.verify)
}

// clearDisks takes the pinned paths away: of a LU that lives on one by one.
func (r *run) clearDisks(ctx context.Context) error {
	if !r.t.Keeps {
		return r.mapless(r.clearPaths(ctx, r.held))
	}
	for _, h := range r.held {
		if err := r.clearLost(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// mapless says what has become of the map of disks that stay, their LU being back, or in
// use.
func (r *run) mapless(err error) error {
	if r.t.Map == nil || !errors.As(err, new(*EvidenceError)) && !errors.As(err, new(*InUseError)) {
		return err
	}
	return errors.WithMessagef(err, "map %s was flushed before, and comes back by order alone (multipathd add path, for each of its disks)", r.t.Map.Name)
}

// catchUp waits until multipathd and /dev/disk/by-id, too, have heard that the
// devices are gone, which a run before may not have lived to see. No device of
// the target is there, so that nothing but their memory is to be changed.
func (r *run) catchUp(ctx context.Context) error {
	all, err := r.s.Verify(ctx, r.t)
	if len(all) != 1 {
		return err
	}
	r.heirs = all[0].Notes
	if err == nil && all[0].Gone {
		return errAbsent
	}
	r.stepAside()
	if err := r.forget(ctx, r.held); err != nil {
		return err
	}
	if err := r.do(ctx, VerifyGone, r.t.WWID, 30*time.Second, r.verify); err != nil {
		return err
	}
	return errAbsent
}

// conclude turns the error that ended the work into the result's outcome.
func (r *run) conclude(err error) {
	var timeout *TimeoutError
	r.res.Err = err
	switch {
	case err == nil:
		r.res.Outcome, r.res.Reason = Removed, r.whence()
	case errors.Is(err, errAbsent):
		r.res.Outcome, r.res.Reason, r.res.Err = Absent, strings.Join(append([]string{"was gone already"}, r.heirs...), "; "), nil
	case errors.As(err, &timeout) && timeout.Stuck:
		r.res.Outcome, r.res.Reason = Stuck, err.Error()
	case r.touched || r.disabled:
		r.res.Outcome, r.res.Reason = Failed, err.Error()
	default:
		r.res.Outcome, r.res.Reason = Refused, err.Error()
	}
}

// whence says where the target is gone from, and what could not be proven or put
// right of that.
func (r *run) whence() string {
	switch {
	case r.unheard != nil:
		return "gone from the kernel and /dev/disk/by-id; multipathd could not be asked: " + r.unheard.Error()
	case len(r.misleading) > 0:
		return "gone from the kernel; until udev looks at another LU's disk again that was in its map (udevadm trigger): " + strings.Join(r.misleading, ", ")
	}
	return "gone from the kernel, multipathd and /dev/disk/by-id"
}

// do runs one step within its budget: journalled before and after, timed, told
// to the observer. It does not begin once ctx has ended.
func (r *run) do(ctx context.Context, a Action, target string, budget time.Duration, step func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return errors.WithMessagef(err, "%s %s was not begun", a, target)
	}
	e := Event{Kind: EventBegin, PlanID: r.plan.ID, WWID: r.t.WWID, Action: a, Target: target}
	unwritten := r.record(ctx, e)
	if unwritten != nil && !a.undoes() {
		return unwritten
	}
	r.s.tell(e)
	begun := time.Now()
	limited, cancel := context.WithTimeout(ctx, budget)
	err := late(limited, string(a)+" "+target, step(limited))
	cancel()
	res := StepResult{Action: a, Target: target, Outcome: stepOutcome(err), Err: err, Took: time.Since(begun)}
	r.mu.Lock()
	r.res.Steps = append(r.res.Steps, res)
	r.mu.Unlock()
	e.Kind, e.Outcome, e.Err, e.For = EventEnd, res.Outcome, err, res.Took
	r.s.tell(e)
	if jerr := r.record(ctx, e); unwritten == nil {
		unwritten = jerr
	}
	if err == nil {
		err = unwritten
	}
	return err
}

// record writes the journal. What puts things right does not wait for it long.
func (r *run) record(ctx context.Context, e Event) error {
	if !e.Action.undoes() {
		return r.s.opt.journal.write(ctx, e)
	}
	ctx, cancel := context.WithTimeout(ctx, lingering/4)
	defer cancel()
	return r.s.opt.journal.write(ctx, e)
}

// undoes reports whether a step puts right what must not stay: it is done even
// where the journal cannot be written.
func (a Action) undoes() bool { return a == RestoreQueueing || a == ResumeMap || a == OnlinePath }

func stepOutcome(err error) string {
	var timeout *TimeoutError
	switch {
	case err == nil, errors.Is(err, errAbsent):
		return "done"
	case errors.As(err, &timeout) && timeout.Stuck:
		return "stuck"
	}
	return "failed"
}
