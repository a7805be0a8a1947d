package remediate

import (
	"context"
	"io/fs"
	"slices"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// Clear removes what is left of the LUs with these WWIDs on this host, and
// nothing else: [Sweeper.Plan] and [Sweeper.Execute] for LUs that the caller
// names, by the same two keys, dwell and pins. It is what a CSI driver calls
// when a volume is to leave the node. A WWID is a name in a form of
// [scsi.ParseName].
//
// What is gone already is Absent, without waiting: calling it again is no error.
// One LU that must stay does not keep the others. The error joins what the
// report says of those that stay ([Report.Err]); a WWID that names nothing
// matches fs.ErrInvalid, and then nothing is done.
//
// The circuit breaker looks at the other maps of the host only: that those asked
// for by name look dead is no surprise.
func (s *Sweeper) Clear(ctx context.Context, wwids ...string) (*Report, error) {
	r := &Report{Started: s.opt.now(), Results: []Result{}}
	names, err := named(wwids)
	if err != nil {
		return nil, err
	}
	if r.Recovered, err = s.Recover(ctx); err != nil {
		return nil, err
	}
	known, err := s.aliases(ctx)
	if err != nil {
		return nil, err
	}
	sv, err := s.agree(ctx, func(f *Facts) bool {
		return slices.ContainsFunc(names, func(n scsi.Name) bool { return known.goesBy(f, n) })
	}, nil)
	if err != nil {
		return nil, err
	}
	var due []Device
	for _, d := range sv.Devices {
		if err := refusal(d); err != nil {
			r.refuse(d.WWID, err)
			continue
		}
		due = append(due, d)
	}
	for i, n := range names {
		if !slices.ContainsFunc(sv.Devices, func(d Device) bool { return known.goesBy(&d.Facts, n) }) {
			r.Results = append(r.Results, s.traces(ctx, wwids[i], n))
		}
	}
	return s.carryOut(ctx, r, sv, due)
}

// named reads WWIDs.
func named(wwids []string) ([]scsi.Name, error) {
	names := make([]scsi.Name, len(wwids))
	for i, w := range wwids {
		var err error
		if names[i], err = scsi.ParseName(w); err != nil {
			return nil, opError("understand the WWID", w, errors.WithMessage(fs.ErrInvalid, err.Error()))
		}
	}
	return names, nil
}

// aliases are all the WWIDs that the cached pages of each disk allow.
type aliases map[sysfs.HCTL][]string

func (s *Sweeper) aliases(ctx context.Context) (aliases, error) {
	sc, err := s.sys.scene(ctx)
	if err != nil {
		return nil, err
	}
	all := aliases{}
	for i := range sc.devices {
		if d := &sc.devices[i]; isDisk(d) {
			all[d.HCTL] = claimed(d)
		}
	}
	return all, nil
}

// goesBy reports whether a LU has this name: it is called so, or one of its
// paths was found under this name and under the one that it is called by.
func (a aliases) goesBy(f *Facts, n scsi.Name) bool {
	return f.is(n.WWID()) || slices.Contains(writings(f.WWID), n.WWID()) || slices.ContainsFunc(f.Paths, func(p Path) bool {
		all := a[p.HCTL]
		return slices.Contains(all, n.WWID()) && slices.Contains(all, f.WWID)
	})
}

// agree looks at the LUs that wanted chooses, and where one of them is to go,
// waits for the dwell time and looks again. refuse ends it at the first look.
func (s *Sweeper) agree(ctx context.Context, wanted func(*Facts) bool, refuse func(context.Context, []Device) error) (*Survey, error) {
	first, err := s.survey(ctx, wanted)
	if err != nil {
		return nil, err
	}
	if refuse != nil {
		if err := refuse(ctx, first.Devices); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(first.Devices, func(d Device) bool { return d.Removable }) {
		return first, nil
	}
	back, err := s.dwell(ctx, first)
	if err != nil {
		return nil, err
	}
	second, err := s.survey(ctx, wanted)
	if err != nil {
		return nil, err
	}
	second = agreed(first, second, back)
	if refuse != nil {
		err = refuse(ctx, second.Devices)
	}
	return second, err
}

// refusal says why a device must stay, nil where it may go.
func refusal(d Device) error {
	inUse := d.Verdict == StaleInUse || d.Verdict == RemappedInUse || d.Verdict.Actionable()
	switch {
	case d.Removable:
		return nil
	case d.Protected != "":
		return errors.WithStack(&ProtectedError{WWID: d.WWID, Reason: d.Protected})
	case inUse && len(usersOf(d)) > 0:
		return errors.WithStack(&InUseError{WWID: d.WWID, Users: usersOf(d)})
	case d.Verdict.Actionable() && !ours(d.Facts):
		return notOwned(d.Facts)
	}
	if d.Verdict.Actionable() { // but two looks did not agree
		return evidence(d.WWID, Transient, d.Reasons[len(d.Reasons)-1])
	}
	return evidence(d.WWID, d.Verdict, d.Reasons[0])
}

// carryOut executes a plan for the devices, and adds its results to the report.
func (s *Sweeper) carryOut(ctx context.Context, r *Report, sv *Survey, due []Device) (*Report, error) {
	r.Ended = s.opt.now()
	if len(due) == 0 {
		return r, r.Err()
	}
	p := s.newPlan(sv)
	for _, d := range due {
		p.add(d)
	}
	p.settle()
	done, err := s.execute(ctx, p, byName)
	if err != nil {
		return r, err
	}
	done.Started, done.Results = r.Started, append(r.Results, done.Results...)
	done.Recovered = append(r.Recovered, done.Recovered...)
	return done, done.Err()
}

func (r *Report) refuse(wwid string, err error) {
	r.Results = append(r.Results, Result{WWID: wwid, Outcome: Refused, Reason: err.Error(), Steps: []StepResult{}, Err: err})
}

// traces waits until nothing names a LU any more of which no device is left: a
// run before may have been ended between the last delete and the last link.
func (s *Sweeper) traces(ctx context.Context, wwid string, name scsi.Name) Result {
	res := Result{WWID: wwid, Outcome: Absent, Reason: errAbsent.Error(), Steps: []StepResult{}}
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var left []string
	res.Err = poll(limited, 200*time.Millisecond, func() (bool, error) {
		all, err := s.Verify(limited, Target{WWID: name.WWID()})
		if len(all) == 1 {
			left = all[0].Remains
		}
		return err == nil && len(left) == 0, err
	}, func() error { return errors.WithStack(&RemainsError{WWID: wwid, Remains: left}) })
	if res.Err != nil {
		res.Outcome, res.Reason = Failed, res.Err.Error()
	}
	return res
}
