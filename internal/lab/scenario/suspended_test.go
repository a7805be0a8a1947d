//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// Somebody has suspended two maps by hand, one dead and one alive: both are
// called suspended, nothing waits with whoever waits for them, and nothing is
// done to them until they are resumed.
func TestSuspended(t *testing.T) {
	d, _, maps := runbook(t, "queue")
	alive, dead := maps[2], maps[3]
	disks := d.Disks(t, 3)
	d.VanishLUNs(t, 3)
	guest.WaitFailed(t, dead)
	s := newSweeper(t)
	planned := plan(t, s, dead.WWID)
	suspend(t, alive, dead)
	dd := guest.StuckReader(t, alive.Dev())

	for _, rule := range [][]remediate.Option{nil, {remediate.WithRunbook()}} {
		s := newSweeper(t, append(rule, remediate.WithObserver(never(t)))...)
		begun := time.Now()
		for _, m := range []guest.Map{alive, dead} {
			dev := verdict(t, survey(t, s), m.WWID, remediate.Suspended)
			if !strings.Contains(dev.Reasons[0], "dmsetup --noudevsync resume "+m.Name) {
				t.Errorf("the reason does not say what to do: %q", dev.Reasons[0])
			}
		}
		plan(t, s)
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("it took %s", took)
		}
		expectRefused(t, s, planned, remediate.Suspended)
	}
	for _, m := range []guest.Map{alive, dead} {
		if i := guest.DmsetupInfo(t)[m.Name]; !i.Suspended {
			t.Errorf("%s was resumed, which was not our suspension: %+v", m.Name, i)
		}
		// Otherwise dmsetup would wait for udev, which waits for the dead map.
		guest.Run(t, "dmsetup", "--noudevsync", "resume", m.Name)
	}
	if code := dd.Wait(t, 10*time.Second); code != 0 {
		t.Errorf("dd on the living map ends with %d", code)
	}
	execute(t, s, plan(t, s, dead.WWID), remediate.Removed)
	expectGone(t, dead, disks...)
	expectThere(t, alive, 2)
	expectNotStuck(t)
}

// suspend suspends maps as dmsetup does, without waiting for what is under way.
func suspend(t *testing.T, maps ...guest.Map) {
	t.Helper()
	for _, m := range maps {
		guest.Run(t, "dmsetup", "suspend", "--noflush", "--nolockfs", m.Name)
	}
}

// expectRefused executes a plan whose LUs are not what they were.
func expectRefused(t *testing.T, s *remediate.Sweeper, p *remediate.Plan, want remediate.Verdict) {
	t.Helper()
	for _, x := range execute(t, s, p, remediate.Refused).Results {
		var evidence *remediate.EvidenceError
		if !errors.As(x.Err, &evidence) || evidence.Verdict != want {
			t.Errorf("%s: %v", x.WWID, x.Err)
		}
	}
}

// A multipath whose -f leaves the map suspended, as some versions do when the
// map changes under their hands: the map is resumed, queueing is restored, and
// a later try with a sound multipath succeeds.
func TestFlushSuspends(t *testing.T) {
	d := guest.ScsiDebug(t, 2, 7)
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitMaps(t, 7, 2)
	var maps []guest.Map
	for lun := range 7 {
		maps = append(maps, d.Map(t, lun))
	}
	var disks []string
	for lun := 4; lun < 7; lun++ {
		disks = append(disks, d.Disks(t, lun)...)
	}
	d.VanishLUNs(t, 4)
	var lost []string
	for _, m := range maps[4:] {
		guest.WaitFailed(t, m)
		lost = append(lost, m.WWID)
	}
	s := newSweeper(t, remediate.WithBackend("command"))
	for i, end := range []string{"exit 1", "exit 0", "kill -9 $$"} {
		flushSuspends(t, s, maps[4+i], end)
	}
	execute(t, s, plan(t, s, lost...), remediate.Removed)
	for _, m := range maps[4:] {
		expectGone(t, m, disks...)
	}
	for _, m := range maps[:4] {
		expectThere(t, m, 2)
		if !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
	expectNotStuck(t)
}

// flushSuspends executes a plan for one LU with a multipath that suspends its
// map and then ends like this.
func flushSuspends(t *testing.T, s *remediate.Sweeper, lost guest.Map, end string) {
	t.Helper()
	only := newSweeper(t, remediate.WithBackend("command"), remediate.WithOwner(ownsOnly(lost.WWID)))
	p := plan(t, only, lost.WWID)
	called, restore := suspender(t, end)
	r := execute(t, s, p, remediate.Failed)
	restore()
	t.Logf("it suspends, then %s: %v", end, r.Results[0].Err)
	if _, err := os.Stat(called); err != nil {
		t.Fatalf("multipath -f was not called, the scenario does not show what it is for: %v", err)
	}
	i, found := guest.DmsetupInfo(t)[lost.Name]
	if !found || i.Suspended {
		t.Errorf("the map should be there, and not suspended: %+v", i)
	}
	if !guest.Queueing(t, lost.Name) {
		t.Errorf("%s does not queue any more: %s", lost.Name, guest.DmsetupTable(t, lost.Name))
	}
}

// ownsOnly is an owner of these WWIDs and of nothing else.
func ownsOnly(wwids ...string) remediate.Owner {
	return func(_ context.Context, s remediate.Subject) (remediate.Claim, error) {
		if slices.Contains(wwids, s.WWID) {
			return remediate.Claim{Owner: remediate.Mine}, nil
		}
		return remediate.Claim{Owner: remediate.NotMine}, nil
	}
}

// suspender puts a multipath before the real one that suspends the map it is
// told to flush, leaves a mark in the file called, and ends like this.
func suspender(t *testing.T, end string) (called string, restore func()) {
	t.Helper()
	dir := t.TempDir()
	called = dir + "/called"
	script := fmt.Sprintf("#!/bin/sh\n[ \"$2\" = -f ] || exec %s \"$@\"\n"+
		"dmsetup suspend --noflush --nolockfs \"$3\" && touch %s\n%s\n", guest.Run(t, "sh", "-c", "command -v multipath"), called, end)
	if err := os.WriteFile(dir+"/multipath", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", dir+":"+path)
	return called, func() { t.Setenv("PATH", path) }
}

// udev's blkid, and others who look at every device, open and close the map
// again and again while it is flushed: it goes or it stays, and is never left
// suspended.
func TestFlushAmongReaders(t *testing.T) {
	const luns = 6
	d := guest.ScsiDebug(t, 2, luns)
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	guest.WaitMaps(t, luns, 2)
	var lost []guest.Map
	var wwids, disks []string
	for lun := 3; lun < luns; lun++ {
		m := d.Map(t, lun)
		lost, wwids, disks = append(lost, m), append(wwids, m.WWID), append(disks, d.Disks(t, lun)...)
	}
	d.VanishLUNs(t, 3)
	for _, m := range lost {
		guest.WaitFailed(t, m)
		guest.Start(t, "blkid.log", "sh", "-c", "while [ -e "+m.Dev()+" ]; do blkid -p "+m.Dev()+"; sleep 0.02; done")
	}
	s := newSweeper(t)
	for begun := time.Now(); ; {
		if time.Since(begun) > 90*time.Second {
			t.Fatalf("not cleared in %s", time.Since(begun))
		}
		p, err := makePlan(t, s)
		if err != nil {
			t.Fatal(err)
		}
		r, err := carryOut(bounded(t), t, s, p)
		if err != nil {
			t.Fatal(err)
		}
		for name, i := range guest.DmsetupInfo(t) {
			if i.Suspended {
				t.Fatalf("%s is left suspended: %+v", name, r.Results)
			}
		}
		if len(guest.Maps()) == 3 {
			break
		}
	}
	for _, v := range verify(t, s, targets(wwids)...) {
		if !v.Gone {
			t.Errorf("%s remains: %v", v.WWID, v.Remains)
		}
	}
	for _, m := range lost {
		expectGone(t, m, disks...)
	}
}

func targets(wwids []string) []remediate.Target {
	var out []remediate.Target
	for _, w := range wwids {
		out = append(out, remediate.Target{WWID: w})
	}
	return out
}
