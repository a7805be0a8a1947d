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

// Maps with the names that people give them: dots, dashes, underscores, plus
// signs, which every backend must get right.
func TestAliases(t *testing.T) {
	aliases := []string{"db.prod-01", "well_0.1-a", "web_2.lost-1", "lost+0.1-a", "one..more-lost.map", "x-1.y"}
	d := guest.ScsiDebug(t, 2, len(aliases))
	c := guest.Conf{NoPathRetry: "queue", Aliases: map[string]string{}}
	for lun, alias := range aliases {
		c.Aliases[guest.UdevWWID(t, d.Disks(t, lun)[0])] = alias
	}
	guest.StartMultipathd(t, c)
	guest.WaitMaps(t, len(aliases), 2)
	const healthy = 2
	pattern := guest.WritePattern(t, d.Map(t, 1).Dev(), 3)

	for i, backend := range []string{"socket", "command", "dm", "auto"} {
		lun := len(aliases) - 1 - i
		lost, disks := d.Map(t, lun), d.Disks(t, lun)
		d.VanishLUNs(t, lun)
		guest.WaitFailed(t, lost)
		t.Logf("%q, by %s", aliases[lun], backend)
		s := newSweeper(t, remediate.WithBackend(backend))
		if dev := verdict(t, survey(t, s), lost.WWID, remediate.Stale); dev.Map.Name != aliases[lun] {
			t.Errorf("map %q is called %q", aliases[lun], dev.Map.Name)
		}
		p := plan(t, s, lost.WWID)
		execute(t, s, p, remediate.Removed)
		expectGone(t, lost, disks...)
		if v := verify(t, s, p.Targets...)[0]; !v.Gone {
			t.Errorf("verify: %v", v.Remains)
		}
	}
	for lun := range healthy {
		m := d.Map(t, lun)
		expectThere(t, m, 2)
		if !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
	pattern.Check(t)
}

// An alias with a space in it, which multipathd itself takes apart: it hears of
// the map as "lost\x20one", and may go on to fight over its paths with itself.
func TestAliasSpace(t *testing.T) {
	d := guest.ScsiDebug(t, 2, 3)
	lostWWID, alias := guest.UdevWWID(t, d.Disks(t, 2)[0]), "lost one"
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true, Aliases: map[string]string{lostWWID: alias}})
	guest.WaitFor(t, "there are 3 maps of 2 paths", 30*time.Second, func() error {
		maps := guest.Maps()
		if len(maps) != 3 || slices.ContainsFunc(maps, func(m guest.Map) bool { return len(m.Paths) != 2 }) {
			return fmt.Errorf("%+v", maps)
		}
		return nil
	})
	guest.Udev(t)
	pattern := guest.WritePattern(t, d.Map(t, 0).Dev(), 3)
	lost, disks := d.Map(t, 2), d.Disks(t, 2)
	d.VanishLUNs(t, 2)

	s := newSweeper(t)
	if dev := verdict(t, survey(t, s), lost.WWID, remediate.Stale); dev.Map.Name != alias {
		t.Errorf("map %q is called %q", alias, dev.Map.Name)
	}
	var p *remediate.Plan
	guest.WaitFor(t, "two looks in a row find it", 30*time.Second, func() (err error) { // the fight shows as a suspended map
		if p, err = makePlan(t, s); err == nil && len(p.Targets) != 1 {
			err = fmt.Errorf("%s", words(p.Survey))
		}
		return err
	})
	execute(t, s, p, remediate.Removed)
	guest.WaitFor(t, "udev is through with the events of the fight", 20*time.Second, func() error {
		for name := range guest.ByID() {
			if strings.Contains(name, lost.WWID) {
				return fmt.Errorf("%s", name)
			}
		}
		return nil
	})
	expectGone(t, lost, disks...)
	expectThere(t, d.Map(t, 0), 2)
	expectThere(t, d.Map(t, 1), 2)
	pattern.Check(t)
	expectNotStuck(t)
}

// Maps that are called by their WWIDs.
func TestWWIDNames(t *testing.T) {
	m := mixedNamed(t, false)
	for _, x := range m.maps {
		if x.Name != x.WWID {
			t.Fatalf("map %s of %s: the scenario does not show what it is for", x.Name, x.WWID)
		}
	}
	m.lose(t)
	m.sweep(t, "auto", "socket")
	m.expectCleared(t)
}
