//go:build lab && linux

package scenario

import (
	"context"
	"slices"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// LUNs are given to other volumes behind one of two targets, and the kernel is
// had to ask again: maps of one volume have disks of another. multipathd, which
// sees to that where it sees the disk answer, is not running. Maps that are dead
// on every path by the target's word go, and what is another volume's disk is
// that volume's from then on.
func TestForeignDisk(t *testing.T) {
	const dead, alive, half, kept, theirs = 1, 2, 3, 4, 5
	w := newTwins(t, guest.Conf{Defaults: []string{"queue_without_daemon yes"}}, dead, alive, half, kept, theirs)
	w.daemon.Stop(t)
	maps, disks, others := map[int]guest.Map{}, map[int][]string{}, map[int]guest.Backstore{}
	var patterns []guest.Pattern
	for lun := range w.lus {
		maps[lun], disks[lun] = w.mapped(t, lun), w.disks(t, lun)
		if lun == kept {
			continue
		}
		b, pattern := newcomer(t, "other"+string(rune('0'+lun)), "cd0"+string(rune('0'+lun)), uint64(10+lun))
		others[lun], patterns = b, append(patterns, pattern)
		w.b.Remap(t, lun, b)
		guest.RescanDisk(t, disks[lun][1])
		if got := guest.CachedWWID(disks[lun][1]); got != b.WWID() {
			t.Fatalf("the kernel takes %s for %s: the scenario does not show what it is for", disks[lun][1], got)
		}
	}
	for _, lun := range []int{dead, theirs} {
		w.a.Unmap(t, lun)
		w.b.Unmap(t, lun)
	}
	w.a.Unmap(t, alive)
	keeps, halves := guest.WritePattern(t, maps[kept].Dev(), 2), w.lus[half].Content(t)
	for lun, m := range maps {
		if got := guest.MapOf(t, disks[lun][1]); got.Name != m.Name {
			t.Fatalf("multipathd has moved %s from %s to %s", disks[lun][1], m.Name, got.Name)
		}
	}

	s := newSweeper(t, remediate.WithBackend("dm"), remediate.WithMaxDead(1), remediate.WithOwner(allBut(others[theirs].WWID())))
	sv := survey(t, s)
	verdict(t, sv, w.wwid(dead), remediate.Stale)
	verdict(t, sv, others[dead].WWID(), remediate.StaleInUse)
	verdict(t, sv, w.wwid(alive), remediate.Remapped)
	verdict(t, sv, others[alive].WWID(), remediate.Healthy)
	verdict(t, sv, w.wwid(half), remediate.Ambiguous)
	verdict(t, sv, others[half].WWID(), remediate.Healthy)
	if d := verdict(t, sv, w.wwid(theirs), remediate.Stale); d.Removable {
		t.Errorf("%s is removable, and has a disk of somebody else's LU: %v", d.WWID, d.Reasons)
	}
	p := plan(t, s, w.wwid(dead), w.wwid(alive))
	traced(t, p, remediate.Removed, []guest.Map{maps[half], maps[kept], maps[theirs]}, "-backend", "dm")
	for _, lun := range []int{dead, alive} {
		if left := guest.Ls("/sys/block"); !slices.Contains(left, disks[lun][1]) || slices.Contains(left, disks[lun][0]) || slices.Contains(left, maps[lun].DM) {
			t.Errorf("of %s, %s and another LU's %s there are %v", maps[lun].DM, disks[lun][0], disks[lun][1], left)
		}
	}

	execute(t, s, plan(t, s, others[dead].WWID()), remediate.Removed)
	expectGone(t, maps[dead], disks[dead]...)
	plan(t, s)
	expectThere(t, maps[kept], 2)
	if got := guest.DmsetupStatus(t, maps[half].Name); len(got.Paths) != 2 { // nobody reinstates a path that has failed
		t.Errorf("a map that was left alone has changed: %s", got.Text)
	}
	keeps.Check(t)
	for _, pattern := range patterns {
		pattern.Check(t)
	}
	if !slices.Equal(w.lus[half].Content(t), halves) {
		t.Error("a volume that was left alone has changed")
	}
	if got := guest.SgWWID(t, disks[alive][1]); got != others[alive].WWID() {
		t.Errorf("%s is %s", disks[alive][1], got)
	}
}

// allBut owns everything but one LU, of which it knows nothing.
func allBut(wwid string) remediate.Owner {
	return func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
		if sub.WWID == wwid {
			return remediate.Claim{}, nil
		}
		return remediate.Claim{Owner: remediate.Mine}, nil
	}
}
