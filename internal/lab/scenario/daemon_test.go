//go:build lab && linux

package scenario

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
)

// multipathd crashes between the plan and its execution.
func TestDaemonKilled(t *testing.T) {
	m := newMixed(t)
	m.lose(t)
	s := newSweeper(t)
	p := plan(t, s, m.wwids()...)
	m.daemon.Kill(t)
	execute(t, s, p, remediate.Removed)
	m.expectCleared(t)
}

// multipathd crashes while the plan is executed, between one step and the next:
// what it has begun goes on by way of the kernel, without an error.
func TestDaemonKilledInBetween(t *testing.T) {
	m := newMixed(t)
	m.lose(t)
	var once sync.Once
	s := newSweeper(t, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventEnd && e.Action == remediate.DisableQueueing {
			once.Do(func() { guest.Aside(func() { m.daemon.Kill(t) }) })
		}
	}))
	p := plan(t, s, m.wwids()...)
	execute(t, s, p, remediate.Removed)
	if len(guest.Processes(func(p guest.Proc) bool { return p.Comm == "multipathd" && p.State != "Z" })) > 0 {
		t.Error("multipathd still runs: the scenario does not show what it is for")
	}
	m.expectCleared(t)
}

// multipathd hangs between the plan and its execution, its socket open: who can
// only speak to it does nothing and says so, in time; who can go round it does.
// When it wakes it finds no order that has become old.
func TestDaemonFrozen(t *testing.T) {
	m := newMixed(t)
	m.lose(t)
	s := newSweeper(t)
	p := plan(t, s, m.wwids()...)
	m.daemon.Freeze(t)

	m.expectNothingDone(t, p, "socket", 40*time.Second)
	m.expectNothingDone(t, p, "command", 50*time.Second) // of which some goes by for what the run before has left
	execute(t, s, p, remediate.Removed)

	m.daemon.Thaw(t)
	guest.WaitFor(t, "multipathd answers again", 10*time.Second, func() error {
		_, err := guest.TryFor(5*time.Second, "multipathd", "show", "daemon")
		return err
	})
	guest.WaitFor(t, "it has asked again the paths whose check it slept through", 20*time.Second, func() error {
		return cmp.Or(carries(t, m.maps[failing], 2), carries(t, m.maps[queueing], 2))
	})
	m.expectCleared(t)
}

// expectNothingDone executes the plan by multipathd alone, to no avail.
func (m *mixed) expectNothingDone(t *testing.T, p *remediate.Plan, backend string, budget time.Duration) {
	t.Helper()
	const overtime = 17 * time.Second
	s := newSweeper(t, remediate.WithBackend(backend))
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	begun := time.Now()
	r, err := carryOut(ctx, t, s, p)
	if took := time.Since(begun); took > budget+overtime {
		t.Errorf("it took %s of %s", took, budget)
	}
	t.Logf("by the %s of a frozen multipathd, in %s: %v", backend, time.Since(begun).Round(time.Second), err)
	if err == nil {
		for _, x := range r.Results {
			t.Logf("%s: %s: %s", x.WWID, x.Outcome, x.Reason)
			if x.Outcome != remediate.Refused && x.Outcome != remediate.Failed || !errors.Is(x.Err, multipath.ErrSilent) {
				t.Errorf("%s: %s, and the error does not say that multipathd does not answer: %v", x.WWID, x.Outcome, x.Err)
			}
		}
	}
	for i, lun := range []int{lostFailing, lostQueueing} {
		if got := guest.Queueing(t, m.maps[lun].Name); got != (i == 1) {
			t.Errorf("%s queues: %v, as it did not before", m.maps[lun].Name, got)
		}
	}
}
