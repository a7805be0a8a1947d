//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// Five of eight maps that queue have lost every path; one of them carries a
// file system with data that is not on disk yet, on others a dd, a blkid and a
// worker of udev's wait. A hundred surveys in a row keep their time and leave
// nothing of their own waiting; then what nobody uses is cleared, and who waited
// for it is free.
func TestQueueingForEver(t *testing.T) {
	const luns, alive, mounted, read, probed, udev = 8, 3, 7, 3, 4, 5
	d := guest.ScsiDebug(t, 2, luns, "delay=0")
	guest.Udev(t) // multipathd waits for udev, map by map
	daemon := guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitMaps(t, luns, 2)
	var maps []guest.Map
	for lun := range luns {
		maps = append(maps, d.Map(t, lun))
	}
	guest.Mkfs(t, "ext4", maps[mounted].Dev())
	dir := guest.Mount(t, maps[mounted].Dev())
	guest.Run(t, "sync", "-f", dir)
	guest.StuckUdev(t, daemon, maps[udev], func() {
		if err := os.WriteFile(dir+"/unwritten", make([]byte, 2<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		d.VanishLUNs(t, alive)
	})
	for _, m := range maps[alive:] {
		guest.WaitFailed(t, m)
	}
	dd := guest.StuckReader(t, maps[read].Dev())
	blkid := stuckBlkid(t, maps[probed].Dev())

	s := newSweeper(t, remediate.WithMaxDead(1))
	worst := hundredSurveys(t, s, maps[mounted].WWID, luns-alive)
	t.Logf("the slowest of a hundred surveys took %s", worst.Round(time.Millisecond))
	if own := guest.Process(os.Getpid()); own.State == "D" {
		t.Errorf("this process waits: %s", own)
	}
	expectNotStuck(t)

	var wwids, disks []string
	for lun := alive; lun < mounted; lun++ {
		wwids, disks = append(wwids, maps[lun].WWID), append(disks, d.Disks(t, lun)...)
	}
	execute(t, s, plan(t, s, wwids...), remediate.Removed)
	for _, m := range maps[alive:mounted] {
		expectGone(t, m, disks...)
	}
	dd.Wait(t, 5*time.Second)
	blkid.Wait(t, 5*time.Second)
	for lun, m := range maps {
		if lun < alive {
			expectThere(t, m, 2)
		}
		if (lun < alive || lun == mounted) && !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
	clearMounted(t, s, maps[mounted], dir)
	for _, p := range guest.Blocked() {
		t.Errorf("still blocked: %s", p)
	}
}

// hundredSurveys returns how long the slowest took. Each must find the mounted
// LU in use and all the dead.
func hundredSurveys(t *testing.T, s *remediate.Sweeper, mounted string, dead int) time.Duration {
	t.Helper()
	const deadline = 10 * time.Second
	worst, threads := time.Duration(0), 0
	for i := range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		begun := time.Now()
		sv, err := s.Survey(ctx)
		cancel()
		if worst = max(worst, time.Since(begun)); worst > deadline+time.Second {
			t.Fatalf("survey %d took %s", i, worst)
		}
		if err != nil {
			t.Fatalf("survey %d: %+v", i, err)
		}
		if n := len(sv.Residual()); n != dead {
			t.Fatalf("survey %d finds %d of %d LUs gone:\n%s", i, n, dead, words(sv))
		}
		verdict(t, sv, mounted, remediate.StaleInUse)
		n := len(guest.Ls("/proc/self/task"))
		if i == 20 {
			threads = n
		}
		if i > 20 && n > 2*threads+16 {
			t.Fatalf("this process had %d threads and has %d", threads, n)
		}
	}
	return worst
}

// stuckBlkid starts a blkid that waits for the device.
func stuckBlkid(t *testing.T, device string) *background {
	t.Helper()
	b := inBackground(t, "blkid", "-p", device)
	guest.WaitFor(t, "blkid waits", 10*time.Second, func() error {
		if p := guest.Process(b.cmd.Process.Pid); p.State != "D" {
			return errors.New(p.String())
		}
		return nil
	})
	return b
}

// clearMounted does as an operator would: gives the data up, unmounts, sweeps.
func clearMounted(t *testing.T, s *remediate.Sweeper, m guest.Map, dir string) {
	t.Helper()
	plan(t, s)
	guest.Run(t, "multipathd", "disablequeueing", "map", m.Name)
	guest.Run(t, "umount", "--lazy", dir)
	guest.WaitFor(t, m.Name+" is closed", 20*time.Second, func() error {
		if n := guest.OpenCount(t, m.Name); n != 0 {
			return fmt.Errorf("open count %d", n)
		}
		return nil
	})
	execute(t, s, plan(t, s, m.WWID), remediate.Removed)
	expectGone(t, m, m.Paths...)
}
