//go:build lab && linux

package scenario

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// limit bounds every call into the library.
const limit = 90 * time.Second

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// ownsAll is an owner who says that everything is his: the strongest licence to
// remove, so that only the other key holds anything back.
func ownsAll(context.Context, remediate.Subject) (remediate.Claim, error) {
	return remediate.Claim{Owner: remediate.Mine, Source: "the scenario"}, nil
}

// newSweeper is the library on the guest itself, owning everything and with a
// short dwell, unless the options say otherwise.
func newSweeper(t *testing.T, opts ...remediate.Option) *remediate.Sweeper {
	t.Helper()
	tell := func(e remediate.Event) {
		if e.Kind == remediate.EventDone {
			came.done(t, e.WWID, e.Outcome, e.Detail)
		}
		if e.Kind == remediate.EventEnd || e.Kind == remediate.EventDone {
			t.Logf("%s %s %s %s %s %s %s", e.Kind, e.Action, e.Target, e.Outcome, e.For.Round(time.Millisecond), e.Detail, e.Error)
		}
	}
	s, err := remediate.New(append([]remediate.Option{
		remediate.WithOwner(ownsAll), remediate.WithDwell(time.Second),
		remediate.WithProbeTimeout(3 * time.Second), remediate.WithObserver(tell),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// never is an observer of steps that must not be.
func never(t *testing.T) func(remediate.Event) {
	return func(e remediate.Event) {
		if e.Kind == remediate.EventBegin {
			t.Errorf("%s %s was begun", e.Action, e.Target)
		}
	}
}

func survey(t *testing.T, s *remediate.Sweeper) *remediate.Survey {
	t.Helper()
	sv, err := look(bounded(t), t, s)
	return complete(t, sv, err)
}

// complete checks that a survey has no gaps.
func complete(t *testing.T, sv *remediate.Survey, err error) *remediate.Survey {
	t.Helper()
	if err != nil {
		t.Fatalf("survey: %+v", err)
	}
	for _, g := range sv.Gaps {
		t.Errorf("survey, as root, could not see %s", g)
	}
	return sv
}

// plan makes a plan and checks that it is for just these WWIDs.
func plan(t *testing.T, s *remediate.Sweeper, wwids ...string) *remediate.Plan {
	t.Helper()
	p, err := makePlan(t, s)
	return expectPlanned(t, p, err, wwids)
}

func expectPlanned(t *testing.T, p *remediate.Plan, err error, wwids []string) *remediate.Plan {
	t.Helper()
	if err != nil {
		t.Fatalf("plan: %+v", err)
	}
	var got []string
	for _, x := range p.Targets {
		got = append(got, x.WWID)
	}
	slices.Sort(got)
	slices.Sort(wwids)
	if !slices.Equal(got, wwids) {
		t.Fatalf("planned %v, want %v; the survey:\n%s", got, wwids, words(p.Survey))
	}
	return p
}

// execute does a plan and checks that every LU of it comes to the same outcome.
func execute(t *testing.T, s *remediate.Sweeper, p *remediate.Plan, want remediate.Outcome) *remediate.Report {
	t.Helper()
	r, err := carryOut(bounded(t), t, s, p)
	return expectAll(t, r, err, p, want)
}

func expectAll(t *testing.T, r *remediate.Report, err error, p *remediate.Plan, want remediate.Outcome) *remediate.Report {
	t.Helper()
	if err != nil {
		t.Fatalf("execute: %+v", err)
	}
	if len(r.Results) != len(p.Targets) {
		t.Fatalf("%d results for %d targets", len(r.Results), len(p.Targets))
	}
	for _, x := range r.Results {
		if x.Outcome != want {
			t.Fatalf("%s: %s, want %s: %s (%+v)", x.WWID, x.Outcome, want, x.Reason, x.Err)
		}
	}
	return r
}

func verdict(t *testing.T, sv *remediate.Survey, wwid string, want remediate.Verdict) remediate.Device {
	t.Helper()
	d, found := sv.Find(wwid)
	if !found || d.Verdict != want {
		t.Fatalf("%s: verdict %s, want %s; the survey:\n%s", wwid, d.Verdict, want, words(sv))
	}
	return d
}

func words(sv *remediate.Survey) string {
	var b strings.Builder
	for _, d := range sv.Devices {
		fmt.Fprintf(&b, "%s %s removable=%v read=%s in use=%v: %s\n", d.WWID, d.Verdict, d.Removable, d.Read, d.InUse, strings.Join(d.Reasons, "; "))
		for _, p := range d.Paths {
			fmt.Fprintf(&b, "   %s %s %s %s %s link=%d %s %s %q\n", p.Dev, p.HCTL, p.State, p.DMState, p.CheckState, p.Link, p.Answer, p.Identity, p.Proof)
		}
	}
	return b.String()
}

// expectGone asks dmsetup, ls and multipath whether a map and its disks are
// gone, links included.
func expectGone(t *testing.T, m guest.Map, disks ...string) {
	t.Helper()
	for name, i := range guest.DmsetupInfo(t) {
		if name == m.Name || strings.HasSuffix(i.UUID, "mpath-"+m.WWID) {
			t.Errorf("dmsetup info still shows %s: %+v", m.Name, i)
		}
	}
	for _, d := range disks {
		if slices.Contains(guest.Ls("/sys/block"), d) {
			t.Errorf("/sys/block still has %s", d)
		}
	}
	for name, to := range guest.ByID() {
		if strings.Contains(name, m.WWID) || slices.Contains(disks, filepath.Base(to)) {
			t.Errorf("/dev/disk/by-id still has %s -> %s", name, to)
		}
	}
	if said := guest.MultipathLL(t); strings.Contains(said, m.WWID) {
		t.Errorf("multipath -ll still shows it:\n%s", said)
	}
}

// expectThere asks the same of a map that must not have been touched: all its
// paths active, by device-mapper's own word.
func expectThere(t *testing.T, m guest.Map, paths int) {
	t.Helper()
	if err := carries(t, m, paths); err != nil {
		t.Error(err)
	}
}

// carries says why a map does not have this many paths, all active.
func carries(t *testing.T, m guest.Map, paths int) error {
	t.Helper()
	got := guest.DmsetupStatus(t, m.Name)
	failed := slices.ContainsFunc(got.Paths, func(p guest.DMPath) bool { return p.Failed })
	if len(got.Paths) != paths || failed {
		return fmt.Errorf("%s: want %d active paths: %s", m.Name, paths, got.Text)
	}
	return nil
}

// expectNotStuck checks that no thread of this process sleeps uninterruptibly.
func expectNotStuck(t *testing.T) {
	t.Helper()
	guest.WaitFor(t, "none of our threads is in D state", 5*time.Second, func() error {
		tasks, _ := filepath.Glob("/proc/self/task/*/stat")
		for _, f := range tasks {
			b, _ := os.ReadFile(f)
			if rest := string(b[strings.LastIndex(string(b), ")")+1:]); strings.HasPrefix(rest, " D ") {
				return fmt.Errorf("%s", b)
			}
		}
		return nil
	})
}
