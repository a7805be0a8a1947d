//go:build lab && linux

package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// The array gives LUNs to other tenants' volumes, and nobody rescans: the old
// disks read fine, and what they read is somebody else's. With paths that are
// checked once a minute, so that nobody but the library learns of it.
func TestReuse(t *testing.T) { testReuse(t, guest.Conf{PollingInterval: 60}, false) }

// The same with a multipathd that has seen the paths fail in between, and does
// not ask again which LU it is, as is the default.
func TestReuseSeen(t *testing.T) {
	testReuse(t, guest.Conf{Defaults: []string{"recheck_wwid no"}}, true)
}

// The same with a multipathd that does ask again: where it has seen the paths fail it takes them out
// of the map and has the kernel ask again, so that the disks are the newcomer's,
// under their own name, before the library looks. LUN 0 never fails, and a LUN
// that was reused in one go is not asked again.
func TestReuseRechecked(t *testing.T) {
	testReuse(t, guest.Conf{Defaults: []string{"recheck_wwid yes"}}, true)
}

func testReuse(t *testing.T, c guest.Conf, seen bool) {
	const zero, kept, mounted, half, five = 0, 1, 2, 3, 5
	w := newTwins(t, c, zero, kept, mounted, half, five)
	maps, disks := map[int]guest.Map{}, map[int][]string{}
	for lun := range w.lus {
		maps[lun], disks[lun] = w.mapped(t, lun), w.disks(t, lun)
	}
	ours := guest.WritePattern(t, maps[half].Dev(), 1)
	keeps := guest.WritePattern(t, maps[kept].Dev(), 2)
	guest.Mkfs(t, "ext4", maps[mounted].Dev())
	guest.MountReadOnly(t, maps[mounted].Dev())

	var theirs []guest.Pattern
	var others = map[int]guest.Backstore{}
	for i, lun := range []int{zero, mounted, half, five} {
		b, pattern := newcomer(t, "other"+string(rune('0'+lun)), "cd0"+string(rune('0'+lun)), uint64(10+i))
		others[lun], theirs = b, append(theirs, pattern)
	}
	for _, lun := range []int{zero, mounted, five} {
		if seen && lun != mounted {
			w.a.Unmap(t, lun)
			w.b.Unmap(t, lun)
			if lun != zero { // LUN 0 never fails: LIO has a virtual LU there
				guest.WaitFailed(t, maps[lun])
			}
			w.a.Map(t, lun, others[lun])
			w.b.Map(t, lun, others[lun])
			continue
		}
		w.remap(t, lun, others[lun])
	}
	w.b.Remap(t, half, others[half])
	for _, disk := range disks[five] { // the unit attention that tells of it is spent on somebody else
		for range 3 {
			guest.SgTurs(t, disk)
		}
		if got := guest.SgWWID(t, disk); got != others[five].WWID() {
			t.Fatalf("%s is %s: the scenario does not show what it is for", disk, got)
		}
	}
	if seen {
		time.Sleep(6 * time.Second) // multipathd's checkers come round
		guest.Udev(t)
	}

	s := newSweeper(t, remediate.WithMaxDead(1))
	sv := survey(t, s)
	reused := []int{zero, half, five}
	if _, found := sv.Find(w.wwid(five)); !found && seen {
		t.Logf("multipathd has seen to %s itself", w.wwid(five))
		verdict(t, sv, others[five].WWID(), remediate.Healthy)
		reused = []int{zero, half}
	}
	var wwids []string
	for _, lun := range reused {
		wwids = append(wwids, w.wwid(lun))
		verdict(t, sv, w.wwid(lun), remediate.Remapped)
	}
	verdict(t, sv, w.wwid(mounted), remediate.RemappedInUse)
	verdict(t, sv, w.wwid(kept), remediate.Healthy)
	untouched(t)
	p := plan(t, s, wwids...)
	traced(t, p, remediate.Removed, []guest.Map{maps[kept], maps[mounted]})

	for _, lun := range slices.DeleteFunc(reused, func(lun int) bool { return lun == half }) {
		expectGone(t, maps[lun], disks[lun]...)
	}
	if slices.Contains(guest.Ls("/sys/block"), disks[half][1]) {
		t.Errorf("the foreign path %s is still there", disks[half][1])
	}
	expectThere(t, maps[half], 1)
	expectThere(t, maps[kept], 2)
	ours.Check(t)
	keeps.Check(t)
	for _, pattern := range theirs {
		pattern.Check(t)
	}
	if now := guest.MapOf(t, disks[mounted][0]); now.Name != maps[mounted].Name {
		t.Errorf("%s was mounted, and its disks are in %s now", maps[mounted].Name, now.Name)
	}
	for _, lun := range []int{zero, five} {
		w.expectFound(t, lun, others[lun])
	}
	for _, pattern := range theirs {
		pattern.Check(t)
	}
}
