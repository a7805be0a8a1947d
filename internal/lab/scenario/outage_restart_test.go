//go:build lab && linux

package scenario

import (
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// An array restarts: its portals are back some seconds before its LUNs are, and
// meanwhile it says over live sessions that there is no such LU, to every path
// of every LUN. The evidence does not hold for the dwell time, nor is it enough
// for what was planned then. A disk that the kernel has read as one of no size
// meanwhile needs a rescan, and must be there for it.
func TestArrayRestarts(t *testing.T) {
	g, lus := array(t, 3, guest.Conf{FriendlyNames: true, NoPathRetry: "queue"})
	pattern := guest.WritePattern(t, guest.MapOf(t, g.Disks(t, 1)[0]).Dev(), 12)
	maps := guest.Maps()
	lost := []guest.Map{guest.MapOf(t, g.Disks(t, 1)[0]), guest.MapOf(t, g.Disks(t, 2)[0])} // LUN 0 goes on to look ready
	g.Disable(t)
	for lun := range lus {
		g.Unmap(t, lun)
	}
	g.Enable(t)
	g.WaitSessions(t, "LOGGED_IN", 30*time.Second)
	for _, m := range lost {
		guest.WaitFailed(t, m)
	}
	hasty := newSweeper(t, remediate.WithDwell(0), remediate.WithMaxDead(1))
	planned := plan(t, hasty, lus[0].WWID(), lus[1].WWID(), lus[2].WWID())

	time.AfterFunc(5*time.Second, func() {
		guest.Aside(func() {
			for lun, b := range lus {
				g.Map(t, lun, b)
			}
		})
	})
	s := newSweeper(t, remediate.WithDwell(20*time.Second), remediate.WithMaxDead(1), remediate.WithObserver(never(t)))
	plan(t, s)
	for _, x := range execute(t, s, planned, remediate.Refused).Results {
		t.Logf("%s: %s", x.WWID, x.Reason)
	}
	g.Rescan(t)
	for _, m := range maps {
		guest.WaitFor(t, m.Name+" has its paths back", 30*time.Second, func() error { return carries(t, m, 2) })
		if !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
	pattern.Check(t)
	guest.WaitFor(t, "the survey finds them healthy", 20*time.Second, func() error {
		return allAre(survey(t, s), remediate.Healthy)
	})
}
