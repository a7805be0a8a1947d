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
	rows := ratios(t)
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
		rows.Row(fmt.Sprintf("a survey of %d healthy maps", luns), "`multipath -ll`", healthy, "")
		rows.Row(fmt.Sprintf("a survey of %d maps of which one lives", luns), "`multipath -ll`", dead, "")
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
	ours := best(3, func() { unseen(t, s) })
	theirs := best(3, func() { guest.MultipathLL(t) })
	t.Logf("survey %s, multipath -ll %s", ours, theirs)
	return ratio(ours, theirs)
}

// What disks that hang cost a survey: every command to one is dropped, so that
// nothing comes back within the time-out of a probe.
func TestBenchHung(t *testing.T) {
	const luns, timeout = 16, 3 * time.Second // of two paths each
	d := guest.ScsiDebug(t, 2, luns, "delay=0")
	s := newSweeper(t, remediate.WithMaxDead(1), remediate.WithBackend("dm"), remediate.WithProbeTimeout(timeout))
	none := best(3, func() { unseen(t, s) })
	release := hang(t, d)
	first := timed(func() { unseen(t, s) })
	second := timed(func() { unseen(t, s) }) // of which nothing is started twice
	release()
	rows := ratios(t)
	rows.Row("what 32 disks that hang add to a survey", "one time-out of a probe", ratio(first-none, timeout), "")
	rows.Row("the same while they still hang, at the second survey", "one time-out of a probe", ratio(second-none, timeout), "")
	t.Logf("none hung %s, 32 hung %s, once more %s", none, first, second)
}

// What maps that queue without a path cost a survey: readers of such a map would
// hang, each until somebody switches queueing off.
func TestBenchQueueing(t *testing.T) {
	const luns = 40
	rows := ratios(t)
	d := guest.ScsiDebug(t, 2, luns, "delay=0")
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true, NoPathRetry: "queue"})
	guest.WaitMaps(t, luns, 2)
	s := newSweeper(t, remediate.WithMaxDead(1))
	none := best(3, func() { unseen(t, s) })
	for _, queueing := range []int{1, 8, 32} {
		d.VanishLUNs(t, luns-queueing)
		for lun := luns - queueing; lun < luns; lun++ {
			guest.WaitFailed(t, d.Map(t, lun))
		}
		took := best(3, func() { unseen(t, s) })
		rows.Row(fmt.Sprintf("a survey of 40 maps of which %d queue without a path", queueing), "the same while none does", ratio(took, none), "")
	}
	if threads, _ := filepath.Glob("/proc/self/task/*"); len(threads) > 200 {
		t.Errorf("%d threads", len(threads))
	}
	expectNotStuck(t)
}

// unseen is a survey that nobody watches, for it is measured.
func unseen(t *testing.T, s *remediate.Sweeper) {
	t.Helper()
	sv, err := s.Survey(bounded(t))
	complete(t, sv, err)
}
