//go:build lab && linux

package scenario

import (
	"context"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// udev is frozen: what was removed is still in /dev/disk/by-id. Execute comes back
// in time and says so; once udev goes on, nothing is left to do.
func TestUdevFrozen(t *testing.T) {
	m := newMixed(t)
	m.lose(t)
	s := newSweeper(t)
	p := plan(t, s, m.wwids()...)
	guest.FreezeUdev(t)
	const budget = 20 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	begun := time.Now()
	r, err := carryOut(ctx, t, s, p)
	if took := time.Since(begun); took > budget+time.Second {
		t.Errorf("it took %s of %s", took, budget)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Results {
		t.Logf("%s: %s: %s", x.WWID, x.Outcome, x.Reason)
		if x.Outcome == remediate.Removed {
			t.Errorf("%s: %s, while its links are there", x.WWID, x.Outcome)
		}
	}
	guest.ThawUdev(t)
	guest.Udev(t)
	r, err = carryOut(bounded(t), t, s, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Results {
		if x.Outcome != remediate.Removed && x.Outcome != remediate.Absent {
			t.Errorf("%s: %s: %s", x.WWID, x.Outcome, x.Reason)
		}
	}
	m.expectCleared(t)
}
