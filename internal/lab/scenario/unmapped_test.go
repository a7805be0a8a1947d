//go:build lab && linux

package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// array is a target with LUs at LUN 0 to n-1, logged in to and mapped by
// multipath.
func array(t *testing.T, n int, c guest.Conf) (g *guest.Target, lus []guest.Backstore) {
	t.Helper()
	g = guest.NewTarget(t, "array")
	for i := range n {
		b := guest.NewBackstore(t, "b"+string(rune('0'+i)), 16, "ab0"+string(rune('0'+i)))
		lus = append(lus, b)
		g.Map(t, i, b)
	}
	guest.StartInitiator(t, guest.Patience{}, false)
	g.Login(t, n)
	guest.StartMultipathd(t, c)
	guest.WaitMaps(t, n, 2)
	return g, lus
}

// An array unmaps two LUNs, LUN 0 among them, and keeps the sessions: the
// target's own word is the proof, also where multipath sees nothing wrong.
func TestUnmapped(t *testing.T) {
	g, lus := array(t, 4, guest.Conf{FriendlyNames: true})
	kept := guest.MapOf(t, g.Disks(t, 1)[0])
	pattern := guest.WritePattern(t, kept.Dev(), 3)
	lost0, disks0 := guest.MapOf(t, g.Disks(t, 0)[0]), g.Disks(t, 0)
	lost2, disks2 := guest.MapOf(t, g.Disks(t, 2)[0]), g.Disks(t, 2)
	g.Unmap(t, 0)
	g.Unmap(t, 2)
	guest.WaitFailed(t, lost2)
	if said := guest.MultipathLL(t, lost0.Name); !strings.Contains(said, "active ready running") {
		t.Logf("multipath, for once, sees that LUN 0 is gone:\n%s", said)
	}

	s := newSweeper(t)
	sv := survey(t, s)
	d := verdict(t, sv, lus[2].WWID(), remediate.Stale)
	for _, p := range d.Paths {
		if !strings.Contains(p.Proof, "05/25/00") || !strings.Contains(p.Transport, "LOGGED_IN") {
			t.Errorf("%s: proof %q over %q", p.Dev, p.Proof, p.Transport)
		}
	}
	d = verdict(t, sv, lus[0].WWID(), remediate.Stale)
	for _, p := range d.Paths {
		if !p.NotConnected {
			t.Errorf("%s, LUN 0: proof %q", p.Dev, p.Proof)
		}
	}
	p := plan(t, s, lus[0].WWID(), lus[2].WWID())
	traced(t, p, remediate.Removed, []guest.Map{kept})
	expectGone(t, lost0, disks0...)
	expectGone(t, lost2, disks2...)
	expectThere(t, kept, 2)
	pattern.Check(t)
	for _, session := range g.Sessions() {
		if session.State != "LOGGED_IN" {
			t.Errorf("%s is %s", session.Name, session.State)
		}
	}
}

// After clearing, a new volume comes in under the old names, at the same LUN
// and as the same sdX: it is no leftover, and the old plan cannot hurt it.
func TestNewcomer(t *testing.T) {
	g, lus := array(t, 3, guest.Conf{FriendlyNames: true})
	lost, disks := guest.MapOf(t, g.Disks(t, 2)[0]), g.Disks(t, 2)
	g.Unmap(t, 2)
	guest.WaitFailed(t, lost)
	s := newSweeper(t)
	p := plan(t, s, lus[2].WWID())
	execute(t, s, p, remediate.Removed)
	expectGone(t, lost, disks...)

	fresh := guest.NewBackstore(t, "fresh", 16, "cd99")
	g.Map(t, 2, fresh)
	g.Rescan(t)
	guest.WaitMaps(t, 3, 2)
	if got := g.Disks(t, 2); !slices.Equal(sorted(got), sorted(disks)) {
		t.Fatalf("the newcomer is %v, not %v: the scenario does not show what it is for", got, disks)
	}
	m := guest.MapOf(t, disks[0])
	pattern := guest.WritePattern(t, m.Dev(), 7)

	v := verify(t, s, p.Targets...)[0]
	if !v.Gone || len(v.Notes) == 0 {
		t.Errorf("verify: gone=%v, remains %v, notes %v", v.Gone, v.Remains, v.Notes)
	}
	execute(t, s, p, remediate.Absent)
	verdict(t, survey(t, s), fresh.WWID(), remediate.Healthy)
	expectThere(t, m, 2)
	pattern.Check(t)
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}
