//go:build lab && linux

package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A map into which somebody has loaded another LU's living disk, as a race at
// attach does: data of two volumes behind one name. The disk is a good path of
// its own LU, so that nothing may be deleted; people are told.
func TestForeignPath(t *testing.T) {
	const kept, mixed = 1, 2
	w := newTwins(t, guest.Conf{FriendlyNames: true}, kept, mixed)
	m, of := w.mapped(t, mixed), w.mapped(t, kept)
	pattern := guest.WritePattern(t, of.Dev(), 4)
	foreign := w.disks(t, kept)[0]
	table := strings.Replace(guest.DmsetupTable(t, m.Name), guest.Devt(t, m.Paths[1]), guest.Devt(t, foreign), 1)
	w.daemon.Stop(t) // from 0.10.2 on it puts such a map right by itself
	guest.Run(t, "sh", "-c", fmt.Sprintf("dmsetup reload %s --table '%s' && dmsetup resume --noflush %s", m.Name, table, m.Name))
	if now := guest.MapOf(t, m.Paths[0]); !slices.Contains(now.Paths, foreign) {
		t.Fatalf("%+v: the scenario does not show what it is for", now)
	}
	s := newSweeper(t)
	d := verdict(t, survey(t, s), w.wwid(mixed), remediate.Ambiguous)
	if said := strings.Join(d.Reasons, " "); !strings.Contains(said, foreign) || !strings.Contains(said, w.wwid(kept)) {
		t.Errorf("the reasons do not say which path is whose: %s", said)
	}
	plan(t, s)
	untouched(t)
	pattern.Check(t)
}

// Two LUs with one WWID, as careless cloning makes them: whatever happens to
// them, nobody can say which is which, and neither is touched.
func TestTwoWithOneWWID(t *testing.T) {
	const kept, doubled = 1, 2
	w := newTwins(t, guest.Conf{FriendlyNames: true}, kept)
	small := guest.NewBackstore(t, "small", 16, "ee77")
	large := guest.NewBackstore(t, "large", 32, "ee77")
	w.a.Map(t, doubled, small)
	w.b.Map(t, doubled, large)
	w.a.Rescan(t)
	w.b.Rescan(t)
	guest.WaitFor(t, "both disks are there, and a map over one at least", 30*time.Second, func() error {
		if maps := guest.Maps(); len(maps) != 2 {
			return fmt.Errorf("%+v", maps)
		}
		return nil
	})
	guest.Udev(t)
	disks := w.disks(t, doubled)
	if len(disks) != 2 || guest.SgWWID(t, disks[0]) != guest.SgWWID(t, disks[1]) {
		t.Fatalf("%v do not have one WWID: the scenario does not show what it is for", disks)
	}
	s := newSweeper(t)
	look := func(when string) {
		sv := survey(t, s)
		if d, _ := sv.Find(small.WWID()); d.Verdict != remediate.Ambiguous || !strings.Contains(strings.Join(d.Reasons, " "), "differ in size") {
			t.Errorf("%s the verdict is %s:\n%s", when, d.Verdict, words(sv))
		}
		plan(t, s)
		untouched(t)
	}
	look("while both answer")
	w.a.Unmap(t, doubled)
	time.Sleep(3 * time.Second)
	look("when one of them has gone")
	w.b.Unmap(t, doubled)
	time.Sleep(3 * time.Second)
	look("when both have gone")
	expectThere(t, w.mapped(t, kept), 2)
}
