//go:build lab && linux

package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// Outages while applications write and somebody sweeps all the time, by whom
// everything is owned: no LU is ever taken for lost, everything comes back as
// the very devices that it was, and what was written is there.

// impatient sessions give up within an outage of 30 s, and before a map with 120
// retries does; patient ones bear one of 5 s.
const impatient, patient = 12, 60

// 5 s are less than the sessions wait: nobody sees an error, whatever the maps
// do without paths.
func TestOutage5sOnePortal(t *testing.T) {
	outage5s(t, func(*busy) { guest.Cut(t, portal2) }, func(*busy) { guest.Mend(t, portal2) })
}

// 5 s on all portals, where nothing is answered any more: no error either.
func TestOutage5sStalled(t *testing.T) {
	outage5s(t, func(*busy) { cutBoth(t) }, func(*busy) { mendBoth(t) })
}

// 5 s on all portals, which refuse who comes back: no error either.
func TestOutage5sRefused(t *testing.T) {
	outage5s(t, func(b *busy) { b.g.Disable(t) }, func(b *busy) { b.g.Enable(t) })
}

func outage5s(t *testing.T, breaks, mends func(*busy)) {
	t.Helper()
	b := newBusy(t, patient, writesFailing, writesRetries, writesQueueing, idleFailing, idleQueueing)
	b.outage(t, 5*time.Second, func() { breaks(b) }, func() { mends(b) })
	b.expectBack(t)
	b.expectWriting(t, writesFailing, writesRetries, writesQueueing)
	b.expectData(t)
}

// The portals can be cut, which the address that the guest itself answers by cannot.
const portal1, portal2 = "127.0.0.2", "127.0.0.3"

func cutBoth(t *testing.T)  { t.Helper(); guest.Cut(t, portal1); guest.Cut(t, portal2) }
func mendBoth(t *testing.T) { t.Helper(); guest.Mend(t, portal1); guest.Mend(t, portal2) }

// 30 s on one of two portals: the sessions give up, and the other path carries
// everything, without an error.
func TestOutage30sOnePortal(t *testing.T) {
	b := newBusy(t, impatient, writesFailing, writesRetries, writesQueueing, idleFailing, idleQueueing)
	b.outage(t, 30*time.Second, func() { guest.Cut(t, portal2) }, func() { guest.Mend(t, portal2) }, remediate.Degraded)
	b.expectBack(t)
	b.expectWriting(t, writesFailing, writesRetries, writesQueueing)
	b.expectData(t)
}

// 30 s on all portals, which is more than the sessions wait and less than maps
// with 120 retries do: only the map that fails at once gives its writer an error.
func TestOutage30sStalled(t *testing.T) {
	outage30s(t, func(*busy) { cutBoth(t) }, func(*busy) { mendBoth(t) })
}

// 30 s on all portals, which refuse who comes back.
func TestOutage30sRefused(t *testing.T) {
	outage30s(t, func(b *busy) { b.g.Disable(t) }, func(b *busy) { b.g.Enable(t) })
}

func outage30s(t *testing.T, breaks, mends func(*busy)) {
	t.Helper()
	b := newBusy(t, impatient, writesFailing, writesRetries, writesQueueing, idleFailing, idleQueueing)
	b.outage(t, 30*time.Second, func() { breaks(b) }, func() { mends(b) }, remediate.Unreachable)
	b.expectBack(t)
	b.expectWriting(t, writesRetries, writesQueueing)
	b.expectData(t)
}

// 90 s on all portals: the disks are transport-offline and every map but those
// that queue for ever has given up. Dead sessions are not dead LUs, and stay.
func TestOutage90s(t *testing.T) {
	b := newBusy(t, impatient, writesQueueing, idleFailing)
	b.outage(t, 90*time.Second, func() { cutBoth(t) }, func() {
		b.expectOffline(t, portal1, portal2)
		mendBoth(t)
	}, remediate.Unreachable)
	b.expectBack(t)
	b.expectWriting(t, writesQueueing)
	b.expectData(t)
}

// 90 s on one of two portals.
func TestOutage90sOnePortal(t *testing.T) {
	b := newBusy(t, impatient, writesFailing, idleQueueing)
	b.outage(t, 90*time.Second, func() { guest.Cut(t, portal2) }, func() {
		b.expectOffline(t, portal2)
		guest.Mend(t, portal2)
	}, remediate.Degraded)
	b.expectBack(t)
	b.expectWriting(t, writesFailing)
	b.expectData(t)
}

// expectOffline checks that the sessions through these portals have given up,
// and with them the disks. It ends no test: who calls it must go on and mend.
func (b *busy) expectOffline(t *testing.T, portals ...string) {
	t.Helper()
	for _, p := range portals {
		if got := b.states(p); !slices.Equal(got, []string{"transport-offline"}) {
			t.Errorf("the disks behind %s are %v", p, got)
		}
	}
	for _, s := range b.g.Sessions() {
		if slices.Contains(portals, s.Portal) && s.State == "LOGGED_IN" {
			t.Errorf("%s is %s", s.Name, s.State)
		}
	}
}
