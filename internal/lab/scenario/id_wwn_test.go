//go:build lab && linux

package scenario

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// multipath takes the LUs' names from another of udev's properties, so that its maps go by
// 0x6001405…: a LU is protected by its usual name all the same, a lost path goes and the
// LU lives on, and what is dead goes and is verified by the usual name, too.
func TestMapsByIDWWN(t *testing.T) {
	const kept, half, lost, named = 1, 2, 3, 4
	w := newTwins(t, guest.Conf{FriendlyNames: true, Defaults: []string{`uid_attrs "sd:ID_WWN_WITH_EXTENSION"`}}, kept, half, lost, named)
	maps, disks, pattern := map[int]guest.Map{}, map[int][]string{}, guest.WritePattern(t, w.mapped(t, half).Dev(), 6)
	for lun := range w.lus {
		maps[lun], disks[lun] = w.mapped(t, lun), w.disks(t, lun)
		if m := maps[lun]; m.WWID != "0x"+w.wwid(lun)[1:] {
			t.Fatalf("%s is %s: the scenario does not show what it is for", m.Name, m.WWID)
		}
	}
	w.unmap(t, lost)
	w.unmap(t, named)
	w.b.Unmap(t, half)
	guest.WaitFor(t, "one path has failed", 30*time.Second, func() error {
		if s := guest.DmsetupStatus(t, maps[half].Name); !slices.ContainsFunc(s.Paths, func(p guest.DMPath) bool { return p.Failed }) {
			return errors.New(s.Text)
		}
		return nil
	})

	s := newSweeper(t, remediate.WithMaxDead(1), remediate.WithProtected(w.wwid(named)))
	execute(t, s, plan(t, s, maps[lost].WWID, maps[half].WWID), remediate.Removed)
	expectGone(t, maps[lost], disks[lost]...)
	expectThere(t, maps[half], 1)
	if slices.Contains(guest.Ls("/sys/block"), disks[half][1]) {
		t.Errorf("%s is there still", disks[half][1])
	}
	pattern.Check(t)
	gone := func(lun int) bool { return verify(t, s, remediate.Target{WWID: w.wwid(lun)})[0].Gone }
	if !gone(lost) || gone(named) || gone(kept) {
		t.Errorf("gone: the lost one %v, the protected one %v, the healthy one %v", gone(lost), gone(named), gone(kept))
	}

	s = newSweeper(t, remediate.WithMaxDead(1))
	execute(t, s, plan(t, s, maps[named].WWID), remediate.Removed)
	expectGone(t, maps[named], disks[named]...)
	expectThere(t, maps[kept], 2)
}
