//go:build lab && linux

package scenario

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A multipathd that deletes disconnected paths by itself (purge_disconnected,
// 0.14 and later) while we do: the same end, and what it took first is no error.
// Older versions do not know the option, and leave everything to us.
func TestPurgeRace(t *testing.T) {
	const luns, first, alone = 8, 2, 7 // LUNs 2 to 6 are raced for, 7 is left to multipathd
	g, daemon := purging(t, luns)
	purges := strings.Contains(guest.Run(t, "multipathd", "show", "config"), `purge_disconnected "yes"`)
	pattern := guest.WritePattern(t, guest.MapOf(t, g.Disks(t, 0)[0]).Dev(), 8)
	maps, disks := map[int]guest.Map{}, map[int][]string{}
	for lun := range luns {
		disks[lun] = g.Disks(t, lun)
		maps[lun] = guest.MapOf(t, disks[lun][0])
	}
	g.Unmap(t, alone)
	expectPurge(t, purges, disks[alone])
	if purges {
		guest.WaitFor(t, "multipathd removes the map, too", 20*time.Second, func() error {
			if slices.ContainsFunc(guest.Maps(), func(m guest.Map) bool { return m.WWID == maps[alone].WWID }) {
				return fmt.Errorf("%s is there", maps[alone].Name)
			}
			return nil
		})
	}

	daemon.Freeze(t)
	var lost []string
	for lun := first; lun < alone; lun++ {
		g.Unmap(t, lun)
		lost = append(lost, maps[lun].WWID)
	}
	if !purges {
		lost = append(lost, maps[alone].WWID)
	}
	var once sync.Once
	s := newSweeper(t, remediate.WithDwell(0), remediate.WithMaxDead(1), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin {
			once.Do(func() { guest.Aside(func() { daemon.Thaw(t) }) })
		}
	}))
	p := plan(t, s, lost...)
	r, err := carryOut(bounded(t), t, s, p)
	if err != nil {
		t.Fatalf("execute: %+v", err)
	}
	expectNoErrors(t, r, purges)

	for lun := first; lun < luns; lun++ {
		expectGone(t, maps[lun], disks[lun]...)
	}
	for lun := range first {
		expectThere(t, maps[lun], 2)
	}
	pattern.Check(t)
}

// purging is a target with luns LUs, and a multipathd that purges where it can.
func purging(t *testing.T, luns int) (*guest.Target, *guest.Multipathd) {
	t.Helper()
	g := guest.NewTarget(t, "array")
	for i := range luns {
		g.Map(t, i, guest.NewBackstore(t, fmt.Sprintf("b%d", i), 8, fmt.Sprintf("cd0%d", i)))
	}
	guest.StartInitiator(t, guest.Patience{}, false)
	g.Login(t, luns)
	daemon := guest.StartMultipathd(t, guest.Conf{
		FriendlyNames: true, Defaults: []string{"purge_disconnected yes"},
		Extra: []string{"overrides {\nno_path_retry fail\npath_checker tur\n}"},
	})
	guest.WaitMaps(t, luns, 2)
	return g, daemon
}

// expectPurge checks that multipathd deletes unmapped disks by itself, or that
// it does not.
func expectPurge(t *testing.T, purges bool, disks []string) {
	t.Helper()
	left := func() error {
		for _, have := range guest.Ls("/sys/block") {
			if have == disks[0] || have == disks[1] {
				return fmt.Errorf("%s is there", have)
			}
		}
		return nil
	}
	if purges {
		guest.WaitFor(t, fmt.Sprintf("multipathd purges %v", disks), 20*time.Second, left)
		return
	}
	guest.Stays(t, fmt.Sprintf("%v are there", disks), 4*time.Second, func() error {
		if left() == nil {
			return fmt.Errorf("gone, and nobody was to take them")
		}
		return nil
	})
}

// expectNoErrors checks that no LU and no step came to grief, and, where nobody
// else was at it, that it was us who removed everything.
func expectNoErrors(t *testing.T, r *remediate.Report, raced bool) {
	t.Helper()
	for _, x := range r.Results {
		t.Logf("%s: %s in %d steps", x.WWID, x.Outcome, len(x.Steps))
		if x.Err != nil || x.Outcome != remediate.Removed && (!raced || x.Outcome != remediate.Absent) {
			t.Errorf("%s: %s: %s (%+v)", x.WWID, x.Outcome, x.Reason, x.Err)
		}
		for _, step := range x.Steps {
			if step.Err != nil {
				t.Errorf("%s: %s %s: %v", x.WWID, step.Action, step.Target, step.Err)
			}
		}
	}
}
