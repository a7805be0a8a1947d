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

// Somebody has deleted the disks under a queueing map by hand, the map first
// forgotten and in use for a moment: what is left is a map without any path,
// that waits for ever.
func TestEmptyMap(t *testing.T) {
	d := guest.ScsiDebug(t, 2, 4)
	daemon := guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitMaps(t, 4, 2)
	pattern := guest.WritePattern(t, d.Map(t, 0).Dev(), 6)
	lost, disks := d.Map(t, 3), d.Disks(t, 3)
	d.VanishLUNs(t, 3)
	guest.WaitFailed(t, lost)
	emptied(t, daemon, lost, disks)

	s := newSweeper(t)
	dev := verdict(t, survey(t, s), lost.WWID, remediate.EmptyMap)
	if !dev.Map.Queueing || len(dev.Paths) != 0 {
		t.Errorf("queueing %v, paths %v", dev.Map.Queueing, dev.Paths)
	}
	p := plan(t, s, lost.WWID)
	execute(t, s, p, remediate.Removed)
	expectGone(t, lost, disks...)
	if v := verify(t, s, p.Targets...)[0]; !v.Gone {
		t.Errorf("verify: %v", v.Remains)
	}
	for lun := range 3 {
		m := d.Map(t, lun)
		expectThere(t, m, 2)
		if !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
	pattern.Check(t)
	expectNotStuck(t)
}

// emptied deletes the disks of a map behind multipathd's back. multipathd removes
// a map with its last path, as soon as it hears of that; so the map is open
// until it has heard.
func emptied(t *testing.T, daemon *guest.Multipathd, m guest.Map, disks []string) {
	t.Helper()
	daemon.Freeze(t)
	release := guest.Hold(t, m.Dev(), false)
	for _, disk := range disks {
		guest.Write(t, "/sys/block/"+disk+"/device/delete", "1")
	}
	daemon.Thaw(t)
	waitForgotten(t, disks)
	time.Sleep(time.Second)
	release()
	guest.Stays(t, "the map is there, without paths, and queues", 3*time.Second, func() error {
		if slaves := guest.Ls("/sys/block/" + m.DM + "/slaves"); len(slaves) > 0 || !guest.Queueing(t, m.Name) {
			return fmt.Errorf("its paths are %v: %s", slaves, guest.DmsetupTable(t, m.Name))
		}
		return nil
	})
	said := guest.MultipathLL(t, m.Name)
	t.Logf("multipath -ll says of it:\n%s", said)
	if !strings.Contains(said, "##,##") || strings.Contains(said, "sd") {
		t.Errorf("multipath -ll does not show an empty map:\n%s", said)
	}
}

// waitForgotten waits until multipathd has heard that the disks are gone.
func waitForgotten(t *testing.T, disks []string) {
	t.Helper()
	guest.WaitFor(t, fmt.Sprintf("multipathd has forgotten %v", disks), 20*time.Second, func() error {
		said, err := guest.TryFor(5*time.Second, "multipathd", "show", "paths", "raw", "format", "%d|%w")
		for _, disk := range disks {
			if err == nil && strings.Contains(said, disk+"|") {
				err = fmt.Errorf("it lists %s", said)
			}
		}
		return err
	})
}
