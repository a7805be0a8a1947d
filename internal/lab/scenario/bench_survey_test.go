//go:build lab && linux

package scenario

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A survey against multipath -ll, on 8, 32 and 64 maps, healthy and dead. The LUs
// take 10 ms for a command, as a distant array does.
func TestBenchSurvey(t *testing.T) {
	rows := guest.NewTable(t, "a survey against multipath -ll", "maps", "healthy", "all but one gone")
	d := guest.ScsiDebug(t, 2, 8, "delay=0")
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	s := newSweeper(t, remediate.WithMaxDead(1))
	for _, luns := range []int{8, 32, 64} {
		d.LUNs = luns
		(&bench{Debug: d, all: luns}).regain(t)
		d.SetWhenIdle(t, "delay", "1") // a jiffy is 10 ms
		healthy := against(t, s)
		d.VanishLUNs(t, 1)
		for lun := 1; lun < luns; lun++ {
			guest.WaitFailed(t, d.Map(t, lun))
		}
		dead := against(t, s)
		rows.Row(fmt.Sprint(luns), healthy, dead)
		d.SetWhenIdle(t, "delay", "0")
		d.RestoreLUNs(t)
		waitActive(t, d)
	}
}

// waitActive waits until every path carries again.
func waitActive(t *testing.T, d *guest.Debug) {
	t.Helper()
	guest.WaitFor(t, "every path is active", time.Minute, func() error {
		for lun := range d.LUNs {
			if err := carries(t, d.Map(t, lun), 2); err != nil {
				return err
			}
		}
		return nil
	})
}

// against is the time of a survey where multipath -ll takes 1, the best of three.
func against(t *testing.T, s *remediate.Sweeper) string {
	t.Helper()
	ours := best(3, func() { survey(t, s) })
	theirs := best(3, func() { guest.MultipathLL(t) })
	t.Logf("survey %s, multipath -ll %s", ours, theirs)
	return ratio(ours, theirs)
}

// What maps that queue without a path cost a survey: readers of such a map would
// hang, each until somebody switches queueing off.
func TestBenchHung(t *testing.T) {
	const luns = 40
	rows := guest.NewTable(t, "a survey of 40 maps, some of which queue without a path", "hung maps", "time, none hung = 1")
	d := guest.ScsiDebug(t, 2, luns, "delay=0")
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true, NoPathRetry: "queue"})
	guest.WaitMaps(t, luns, 2)
	s := newSweeper(t, remediate.WithMaxDead(1))
	var none time.Duration
	for _, hung := range []int{0, 1, 8, 32} {
		d.VanishLUNs(t, luns-hung)
		for lun := luns - hung; lun < luns; lun++ {
			guest.WaitFailed(t, d.Map(t, lun))
		}
		took := best(3, func() { survey(t, s) })
		if hung == 0 {
			none = took
		}
		rows.Row(fmt.Sprint(hung), ratio(took, none))
	}
	if stuck, _ := filepath.Glob("/proc/self/task/*"); len(stuck) > 200 {
		t.Errorf("%d threads", len(stuck))
	}
	expectNotStuck(t)
}
