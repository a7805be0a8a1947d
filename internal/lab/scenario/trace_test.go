//go:build lab && linux

package scenario

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// traced has the sweep command execute the plan, traced: whatever it
// changes must belong to a step of the plan, or to undoing one, no disk may be
// opened for writing, and the spared maps, there before and after, must not be
// named. Every LU must come to the outcome.
func traced(t *testing.T, p *remediate.Plan, want remediate.Outcome, spared []guest.Map, flags ...string) map[string]result {
	t.Helper()
	results, tr := apply(t, p, flags...)
	belongs(t, tr, p, spared)
	for wwid, x := range results {
		if x.Outcome != string(want) {
			t.Fatalf("%s: %s, want %s: %s", wwid, x.Outcome, want, x.Reason)
		}
	}
	return results
}

// refused is traced for a plan of which nothing may be done.
func refused(t *testing.T, p *remediate.Plan, flags ...string) map[string]result {
	t.Helper()
	results, tr := apply(t, p, flags...)
	does(t, tr, nil, nil)
	for wwid, x := range results {
		if x.Outcome != string(remediate.Refused) {
			t.Errorf("%s: %s, want it refused: %s", wwid, x.Outcome, x.Reason)
		}
	}
	return results
}

// untouched has the sweep command look and plan, traced, for an owner of
// everything: it must change nothing.
func untouched(t *testing.T, flags ...string) {
	t.Helper()
	r, tr := guest.SweepTraced(t, limit, append([]string{"plan", "-own", "all", "-dwell", "0", "-max-dead", "100%"}, flags...)...)
	if r.Code != 0 && r.Code != 3 {
		t.Errorf("sweep plan: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	does(t, tr, nil, nil)
}

// watched does something with the library, traced, that must change nothing.
func watched(t *testing.T, do func()) {
	t.Helper()
	trace := guest.TracedSelf(t)
	do()
	does(t, trace(), nil, nil)
}

// reported does with the library what makes a plan that the scenario does not see:
// whatever is changed must be a step that the report tells of.
func reported(t *testing.T, do func() (*remediate.Report, error)) (*remediate.Report, error) {
	t.Helper()
	was, trace := addresses(t), guest.TracedSelf(t)
	r, err := do()
	tr := trace()
	var steps []guest.Step
	if r != nil {
		for _, x := range r.Results {
			for _, s := range x.Steps {
				steps = append(steps, step(x.WWID, s.Action, s.Target, was))
			}
		}
	}
	came.all(t, r)
	does(t, tr, steps, nil)
	return r, err
}

// swept has the sweep command plan and act by itself, as it does for an operator, and
// traces it: whatever is changed must be a step that its journal tells of.
func swept(t *testing.T, args ...string) guest.Result {
	t.Helper()
	return journaled(t, t.TempDir(), "", args, func(args ...string) (guest.Result, guest.Trace) {
		return guest.SweepTraced(t, limit, args...)
	})
}

// sweptIn is swept in a container.
func sweptIn(t *testing.T, c guest.Container, args ...string) guest.Result {
	t.Helper()
	c.Work = cmp.Or(c.Work, t.TempDir())
	return journaled(t, c.Work, "/handed", append(args, "-root", "/host"), func(args ...string) (guest.Result, guest.Trace) {
		return c.SweepTraced(t, limit, args...)
	})
}

// journaled gives apply a journal in a folder, which the command knows by another name.
func journaled(t *testing.T, dir, as string, args []string, sweep func(...string) (guest.Result, guest.Trace)) guest.Result {
	t.Helper()
	f, err := os.CreateTemp(dir, "journal-")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if args[0] == "apply" {
		args = append(args, "-journal", filepath.Join(cmp.Or(as, dir), filepath.Base(f.Name())))
	}
	was := addresses(t)
	r, tr := sweep(args...)
	does(t, tr, journalSteps(t, f, was), nil)
	return r
}

// journalSteps are the steps that a journal tells were begun, on disks that had these
// addresses before.
func journalSteps(t *testing.T, journal io.Reader, was map[string]string) (steps []guest.Step) {
	t.Helper()
	for lines := json.NewDecoder(journal); ; {
		var e remediate.Event
		switch err := lines.Decode(&e); {
		case errors.Is(err, io.EOF):
			return steps
		case err != nil:
			t.Fatalf("the journal: %v", err)
		case e.Kind == remediate.EventBegin:
			steps = append(steps, step(e.WWID, e.Action, e.Target, was))
		}
	}
}

// addresses are those of the disks that there are.
func addresses(t *testing.T) map[string]string {
	t.Helper()
	hctl := map[string]string{}
	for _, disk := range guest.Ls("/sys/block") {
		if strings.HasPrefix(disk, "sd") {
			hctl[disk] = guest.HCTL(t, disk)
		}
	}
	return hctl
}

func step(wwid string, a remediate.Action, target string, hctl map[string]string) guest.Step {
	return guest.Step{LU: wwid, Action: string(a), Target: target, HCTL: hctl[target], UUID: "mpath-" + wwid}
}

// look, makePlan and carryOut are how the scenarios call the library: watched.
func look(ctx context.Context, t *testing.T, s *remediate.Sweeper) (sv *remediate.Survey, err error) {
	t.Helper()
	watched(t, func() { sv, err = s.Survey(ctx) })
	return sv, err
}

func makePlan(t *testing.T, s *remediate.Sweeper) (p *remediate.Plan, err error) {
	t.Helper()
	watched(t, func() { p, err = s.Plan(bounded(t)) })
	if p != nil && p.Survey != nil {
		came.planned(t, p)
	}
	return p, err
}

// carryOut allows for more steps than the plan's, on what turns up meanwhile.
func carryOut(ctx context.Context, t *testing.T, s *remediate.Sweeper, p *remediate.Plan, more ...guest.Step) (*remediate.Report, error) {
	t.Helper()
	trace := guest.TracedSelf(t)
	r, err := s.Execute(ctx, p)
	does(t, trace(), append(stepsOf(p), more...), nil)
	came.all(t, r)
	return r, err
}

// A result is what sweep apply says of one LU.
type result struct{ WWID, Outcome, Reason string }

// apply runs sweep apply on a plan, traced.
func apply(t *testing.T, p *remediate.Plan, flags ...string) (map[string]result, guest.Trace) {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	const file = "/tmp/plan.json"
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, tr := guest.SweepTraced(t, limit, append([]string{"apply", "-plan", file, "-json", "-max-dead", "100%"}, flags...)...)
	var said struct{ Results []result }
	if err := json.Unmarshal([]byte(r.Stdout), &said); err != nil || len(said.Results) != len(p.Targets) {
		t.Fatalf("sweep apply: exit status %d, %v\n%s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	results := map[string]result{}
	for _, x := range said.Results {
		t.Logf("%s %s: %s", x.WWID, x.Outcome, x.Reason)
		results[x.WWID] = x
		came.done(t, x.WWID, x.Outcome, x.Reason)
	}
	return results, tr
}

// belongs checks a trace against a plan; nil allows nothing.
func belongs(t *testing.T, tr guest.Trace, p *remediate.Plan, spared []guest.Map) {
	t.Helper()
	does(t, tr, stepsOf(p), spared)
}

// does checks a trace against steps, and that no map is named that is to be spared.
func does(t *testing.T, tr guest.Trace, steps []guest.Step, spared []guest.Map) {
	t.Helper()
	t.Logf("of %d calls that might, these change something: %v", tr.Calls, tr.Deeds)
	tr.CheckPlan(t, steps)
	tr.CheckSpared(t, spared...)
}

// stepsOf is the plan in the tracer's words, with the pins that it names.
func stepsOf(p *remediate.Plan) []guest.Step {
	if p == nil {
		return nil
	}
	uuid, hctl := map[string]string{}, map[string]string{}
	for _, x := range p.Targets {
		if x.Map != nil {
			uuid[x.WWID] = x.Map.UUID
		}
		for _, path := range x.Paths {
			hctl[path.Dev] = path.HCTL.String()
		}
	}
	var steps []guest.Step
	queueing := map[string]bool{}
	for _, s := range p.Steps {
		queueing[s.WWID] = queueing[s.WWID] || s.Action == remediate.DisableQueueing
		if s.Action == remediate.FlushMap && !queueing[s.WWID] { // multipathd may have it queue since
			steps = append(steps, guest.Step{LU: s.WWID, Action: string(remediate.DisableQueueing), Target: s.Target, UUID: uuid[s.WWID]})
		}
		steps = append(steps, guest.Step{LU: s.WWID, Action: string(s.Action), Target: s.Target, HCTL: hctl[s.Target], UUID: uuid[s.WWID]})
	}
	return steps
}
