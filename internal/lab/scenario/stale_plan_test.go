//go:build lab && linux

package scenario

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// Between the plan and its execution the host moves on: of one lost LU every
// name (sdX, dm-N, alias, H:C:T:L) goes to another tenant's volume, another's map
// is renamed and its name taken, of a third the map goes and its dm-N is taken.
// Nothing is written to any newcomer, and the report says what was found instead.
func TestStalePlan(t *testing.T) {
	const kept, replaced, renamed, bare = 1, 2, 3, 4
	w := newTwins(t, guest.Conf{Aliases: map[string]string{guest.Backstore{Serial: "ab02"}.WWID(): "vol"}}, kept, replaced, renamed, bare)
	maps, disks := map[int]guest.Map{}, map[int][]string{}
	for lun := range w.lus {
		maps[lun], disks[lun] = w.mapped(t, lun), w.disks(t, lun)
	}
	if maps[replaced].Name != "vol" {
		t.Fatalf("the map is called %s", maps[replaced].Name)
	}
	at := guest.HCTL(t, disks[replaced][0])
	for _, lun := range []int{replaced, renamed, bare} {
		w.unmap(t, lun)
	}
	s := newSweeper(t, remediate.WithMaxDead(1))
	p := plan(t, s, w.wwid(replaced), w.wwid(renamed), w.wwid(bare))

	// Somebody clears the first by hand, and a new volume comes in its place.
	other, _ := newcomer(t, "other", "cd02", 21)
	guest.Run(t, "multipath", "-f", "vol")
	for _, disk := range disks[replaced] {
		guest.Write(t, "/sys/block/"+disk+"/device/delete", "1")
	}
	guest.Udev(t)
	w.a.Map(t, replaced, other)
	w.b.Map(t, replaced, other)
	// multipathd gives no alias to two LUs: the newcomer has it from a person.
	guest.Run(t, "dmsetup", "rename", w.expectFound(t, replaced, other).Name, "vol")
	guest.Udev(t)
	found := w.mapped(t, replaced)
	guest.WaitFor(t, "the newcomer's paths work", 30*time.Second, func() error { return carries(t, found, 2) })
	theirs := guest.WritePattern(t, found.Dev(), 22)
	if found.Name != "vol" || found.DM != maps[replaced].DM || !slices.Equal(sorted(found.Paths), sorted(disks[replaced])) || guest.HCTL(t, disks[replaced][0]) != at {
		t.Fatalf("the newcomer is %+v, the lost one was %+v: the scenario does not show what it is for", found, maps[replaced])
	}
	// The second map is renamed, and something else takes its name.
	guest.Run(t, "dmsetup", "rename", maps[renamed].Name, "elsewhere")
	guest.Run(t, "dmsetup", "create", maps[renamed].Name, "--table", "0 64 error")
	// The third goes, and its dm-N is taken.
	guest.Run(t, "multipath", "-f", maps[bare].Name)
	guest.Run(t, "dmsetup", "create", "taker", "--table", "0 64 error")
	guest.Udev(t)
	if dm := guest.Read(t, "/sys/block/"+maps[bare].DM+"/dm/name"); dm != "taker" {
		t.Fatalf("%s is %s: the scenario does not show what it is for", maps[bare].DM, dm)
	}

	results, trace := apply(t, p)
	belongs(t, trace, only(p, w.wwid(bare)), []guest.Map{found, maps[kept]})
	want := map[string]remediate.Outcome{w.wwid(replaced): remediate.Absent, w.wwid(renamed): remediate.Refused, w.wwid(bare): remediate.Removed}
	for wwid, x := range results {
		if x.Outcome != string(want[wwid]) {
			t.Errorf("%s: %s, want %s: %s", wwid, x.Outcome, want[wwid], x.Reason)
		}
	}
	if why := results[w.wwid(renamed)].Reason; !strings.HasPrefix(why, "stale plan: ") || !strings.Contains(why, "found elsewhere") {
		t.Errorf("the reason does not say that the map is called elsewhere now: %s", why)
	}
	if why := results[w.wwid(replaced)].Reason; !strings.Contains(why, other.WWID()) {
		t.Errorf("the reason does not say who has the names now: %s", why)
	}
	theirs.Check(t)
	expectThere(t, found, 2)
	expectThere(t, maps[kept], 2)
	for _, name := range []string{"taker", maps[renamed].Name, "elsewhere"} {
		if !slices.Contains(guest.DmsetupLs(t), name) {
			t.Errorf("%s is gone; there are %v", name, guest.DmsetupLs(t))
		}
	}
	v := verify(t, s, p.Targets...)
	for i, x := range p.Targets {
		if x.WWID == w.wwid(replaced) && (!v[i].Gone || !strings.Contains(strings.Join(v[i].Notes, " "), other.WWID())) {
			t.Errorf("verify does not say who has the names now: %+v", v[i])
		}
	}
}

// only is the plan without the steps for any other LU.
func only(p *remediate.Plan, wwid string) *remediate.Plan {
	q := *p
	q.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s remediate.Step) bool { return s.WWID != wwid })
	return &q
}
