//go:build lab && linux

package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A path that multipathd was told to forget and that was switched off, as by a
// run that was killed there, runs again: its map, which lives, does not take it
// back by itself, also when the session is scanned. The survey says so, and the
// order that it names is enough.
func TestForgottenPath(t *testing.T) {
	g, lus := array(t, 1, guest.Conf{FriendlyNames: true})
	disks := g.Disks(t, 0)
	m, lost := guest.MapOf(t, disks[0]), disks[1]
	guest.Run(t, "multipathd", "del", "path", lost)
	guest.WaitFor(t, "the map has one path", 20*time.Second, func() error { return carries(t, m, 1) })
	state := "/sys/block/" + lost + "/device/state"
	guest.Write(t, state, "offline\n")
	guest.Write(t, state, "running\n")
	guest.Run(t, "iscsiadm", "-m", "node", "-T", g.IQN, "--rescan")
	guest.Udev(t)
	guest.Stays(t, "the map has one path", 12*time.Second, func() error { return carries(t, m, 1) })

	d := verdict(t, survey(t, newSweeper(t)), lus[0].WWID(), remediate.Healthy)
	order := "multipathd add path " + lost
	if said := strings.Join(d.Reasons, "; "); !strings.Contains(said, order) {
		t.Errorf("the survey says %q, and not %q", said, order)
	}
	guest.Run(t, strings.Fields(order)...)
	guest.WaitFor(t, "the map has its path back", 20*time.Second, func() error { return carries(t, m, 2) })
	d = verdict(t, survey(t, newSweeper(t)), lus[0].WWID(), remediate.Healthy)
	if said := fmt.Sprint(d.Reasons); strings.Contains(said, "add path") {
		t.Errorf("the survey still says %s", said)
	}
}
