//go:build lab && linux

package scenario

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// traced has the sweep command execute the plan, under strace: whatever it
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
	belongs(t, tr, nil, nil)
	for wwid, x := range results {
		if x.Outcome != string(remediate.Refused) {
			t.Errorf("%s: %s, want it refused: %s", wwid, x.Outcome, x.Reason)
		}
	}
	return results
}

// untouched has the sweep command look and plan, under strace, for an owner of
// everything: it must change nothing.
func untouched(t *testing.T, flags ...string) {
	t.Helper()
	r, tr := guest.SweepTraced(t, limit, append([]string{"plan", "-own", "all", "-dwell", "0", "-max-dead", "100%"}, flags...)...)
	if r.Code != 0 && r.Code != 3 {
		t.Errorf("sweep plan: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	belongs(t, tr, nil, nil)
}

// watched does something with the library, in which the scenario itself must do nothing:
// under strace, whatever is changed must belong to the plan; nil allows nothing.
func watched(t *testing.T, p *remediate.Plan, do func()) {
	t.Helper()
	trace := guest.TracedSelf(t)
	do()
	belongs(t, trace(), p, nil)
}

func watchedPlan(t *testing.T, s *remediate.Sweeper) (p *remediate.Plan, err error) {
	t.Helper()
	watched(t, nil, func() { p, err = s.Plan(bounded(t)) })
	if p != nil && p.Survey != nil {
		came.planned(t, p)
	}
	return p, err
}

func watchedExecute(ctx context.Context, t *testing.T, s *remediate.Sweeper, p *remediate.Plan) (r *remediate.Report, err error) {
	t.Helper()
	watched(t, p, func() { r, err = s.Execute(ctx, p) })
	came.all(t, r)
	return r, err
}

// A result is what sweep apply says of one LU.
type result struct{ WWID, Outcome, Reason string }

// apply runs sweep apply on a plan, under strace.
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
	t.Logf("of %d traced calls these change something: %v", tr.Lines, tr.Deeds)
	tr.CheckPlan(t, stepsOf(p))
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
	for _, s := range p.Steps {
		steps = append(steps, guest.Step{LU: s.WWID, Action: string(s.Action), Target: s.Target, HCTL: hctl[s.Target], UUID: uuid[s.WWID]})
	}
	return steps
}
