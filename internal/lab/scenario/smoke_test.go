//go:build lab && linux

package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// The lab itself: two hosts that show the same LUs, multipathd over them, and
// LUs that go away.
func TestSmokeDebugMaps(t *testing.T) {
	d := guest.ScsiDebug(t, 2, 4)
	guest.StartMultipathd(t, guest.Conf{})
	guest.WaitMaps(t, 4, 2)
	healthy := guest.WritePattern(t, d.Map(t, 0).Dev(), 1)
	canary := guest.StartCanary(t, d.Map(t, 0).Dev())

	d.VanishLUNs(t, 2)
	for lun := 2; lun < 4; lun++ {
		guest.WaitFailed(t, d.Map(t, lun))
	}
	for lun := range 4 {
		m := d.Map(t, lun)
		want := 2 * (lun / 2)
		guest.WaitFor(t, fmt.Sprintf("multipath -ll shows %d failed paths of %s", want, m.Name), 10*time.Second, func() error {
			if said := guest.MultipathLL(t, m.Name); strings.Count(said, "failed faulty running") != want {
				return fmt.Errorf("%s", said)
			}
			return nil
		})
	}
	healthy.Check(t)
	canary.Check(t, 2*time.Second)

	d.RestoreLUNs(t)
	guest.WaitMaps(t, 4, 2)
}

// The array in miniature: what LIO answers for a LUN that it has unmapped, and
// for LUN 0, which is different.
func TestSmokeISCSI(t *testing.T) {
	g := guest.NewTarget(t, "t0")
	b0 := guest.NewBackstore(t, "b0", 16, "aa00")
	b1 := guest.NewBackstore(t, "b1", 16, "bb11")
	g.Map(t, 0, b0)
	g.Map(t, 1, b1)
	guest.StartInitiator(t, guest.Patience{}, false)
	g.Login(t, 2)
	guest.StartMultipathd(t, guest.Conf{})
	guest.WaitMaps(t, 2, 2)
	lun0, lun1 := g.Disks(t, 0), g.Disks(t, 1)
	for disk, want := range map[string]string{lun0[0]: b0.WWID(), lun1[0]: b1.WWID()} {
		if got, m := guest.SgWWID(t, disk), guest.MapOf(t, disk); got != want || m.WWID != want {
			t.Fatalf("%s: the LU says %s and the map %s, want %s", disk, got, m.WWID, want)
		}
	}
	g.Unmap(t, 1)
	g.Unmap(t, 0)
	for i := range lun1 {
		guest.WaitFor(t, lun1[i]+" answers that it is gone", 5*time.Second, func() error { // a unit attention may come first
			if got := guest.SgTurs(t, lun1[i]); got != "05/25/00" {
				return fmt.Errorf("it answers %q", got)
			}
			return nil
		})
		if got := guest.SgQualifier(t, lun0[i]); got != 1 {
			t.Fatalf("%s, LUN 0 and unmapped, has the peripheral qualifier %d", lun0[i], got)
		}
		if got := guest.SgTurs(t, lun0[i]); got != "" {
			t.Fatalf("%s, LUN 0 and unmapped, is not ready: %s", lun0[i], got)
		}
	}
	if _, err := guest.SgVPD(lun1[0], 0x83); err == nil {
		t.Fatalf("%s gives a page 0x83 although it is gone", lun1[0])
	}
}

// A reader of a queueing map without paths: no signal ends it, failing the
// queue does.
func TestSmokeStuckReader(t *testing.T) {
	d := guest.ScsiDebug(t, 2, 2)
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue"})
	guest.WaitMaps(t, 2, 2)
	m := d.Map(t, 1)
	d.VanishLUNs(t, 1)
	guest.WaitFailed(t, m)
	if !guest.Queueing(t, m.Name) {
		t.Fatalf("%s does not queue: %s", m.Name, guest.DmsetupTable(t, m.Name))
	}
	r := guest.StuckReader(t, m.Dev())
	guest.Run(t, "kill", "-9", fmt.Sprint(r.PID))
	guest.Stays(t, "dd is beyond a kill", time.Second, func() error {
		if r.Ended() {
			return fmt.Errorf("it has ended")
		}
		return nil
	})
	t.Logf("the reader: %s; open count %d", guest.Process(r.PID), guest.OpenCount(t, m.Name))
	guest.Run(t, "multipathd", "disablequeueing", "map", m.Name)
	if code := r.Wait(t, 5*time.Second); code == 0 {
		t.Fatalf("dd could read a map without paths")
	}
}

// An outage: the target says nothing at all, then comes back.
func TestSmokeOutage(t *testing.T) {
	g := guest.NewTarget(t, "t0")
	g.Map(t, 0, guest.NewBackstore(t, "b0", 16, "aa00"))
	g.Map(t, 1, guest.NewBackstore(t, "b1", 16, "bb11"))
	guest.StartInitiator(t, guest.Patience{}, false)
	g.Login(t, 2)
	guest.StartMultipathd(t, guest.Conf{})
	guest.WaitMaps(t, 2, 2)

	guest.Cut(t, "127.0.0.2")
	g.WaitSessions(t, "FAILED", 20*time.Second, "127.0.0.2")
	guest.Mend(t, "127.0.0.2")
	g.WaitSessions(t, "LOGGED_IN", 20*time.Second)
	guest.WaitMaps(t, 2, 2)

	g.Disable(t)
	g.WaitSessions(t, "FAILED", 20*time.Second)
	for _, m := range guest.Maps() {
		guest.WaitFailed(t, m)
	}
	g.Enable(t)
	g.WaitSessions(t, "LOGGED_IN", 20*time.Second)
	guest.WaitMaps(t, 2, 2)
}

// Udev's own casualty: a worker whose blkid reads a queueing map without paths.
// It is a process of the host's, named (udev-worker) or systemd-udevd; it holds
// the map open for reading and pins it, until the queue is failed.
func TestSmokeStuckUdev(t *testing.T) {
	d := guest.ScsiDebug(t, 2, 2)
	daemon := guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue"})
	guest.WaitMaps(t, 2, 2)
	m := d.Map(t, 1)
	p := guest.StuckUdev(t, daemon, m, func() { d.VanishLUNs(t, 1) })
	t.Logf("the worker: %s", p)
	if n := guest.OpenCount(t, m.Name); n != 1 {
		t.Fatalf("%s has the open count %d, and one worker on it", m.Name, n)
	}
	if said, err := guest.Try("multipath", "-f", m.Name); err == nil {
		t.Fatalf("multipath -f could remove %s: %s", m.Name, said)
	}
	guest.Run(t, "multipathd", "disablequeueing", "map", m.Name)
	guest.WaitFor(t, "the worker lets go of "+m.Name, 10*time.Second, func() error {
		if n := guest.OpenCount(t, m.Name); n != 0 {
			return fmt.Errorf("open count %d", n)
		}
		return nil
	})
	guest.WaitFor(t, "multipath -f removes "+m.Name, 10*time.Second, func() error { // udev may look once more
		_, err := guest.Try("multipath", "-f", m.Name)
		return err
	})
}
