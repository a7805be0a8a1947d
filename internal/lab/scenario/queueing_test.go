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

// Four of five maps that queue have lost every path: one carries a file system
// with data that is not on disk yet, on the others a dd, a blkid and a worker of
// udev's wait.
type waiting struct {
	s         *remediate.Sweeper
	maps      []guest.Map
	dir       string // where the file system is mounted
	dd        *guest.Reader
	blkid     *background
	unwritten guest.Map
}

const aliveLUN, readLUN, probedLUN, udevLUN, mountedLUN, waitingLUNs = 0, 1, 2, 3, 4, 5

func newWaiting(t *testing.T) *waiting {
	t.Helper()
	d := guest.ScsiDebug(t, 2, waitingLUNs, "delay=0")
	daemon := guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitMaps(t, waitingLUNs, 2)
	w := &waiting{s: newSweeper(t, remediate.WithMaxDead(1))}
	for lun := range waitingLUNs {
		w.maps = append(w.maps, d.Map(t, lun))
	}
	w.unwritten = w.maps[mountedLUN]
	guest.Mkfs(t, "ext4", w.unwritten.Dev())
	w.dir = guest.Mount(t, w.unwritten.Dev())
	guest.Run(t, "sync", "-f", w.dir)
	guest.StuckUdev(t, daemon, w.maps[udevLUN], func() {
		if err := os.WriteFile(w.dir+"/unwritten", make([]byte, 2<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		d.VanishLUNs(t, aliveLUN+1)
	})
	for _, m := range w.maps[aliveLUN+1:] {
		guest.WaitFailed(t, m)
	}
	w.dd = guest.StuckReader(t, w.maps[readLUN].Dev())
	w.blkid = stuckBlkid(t, w.maps[probedLUN].Dev())
	return w
}

// A hundred surveys in a row keep their time and leave nothing of their own
// waiting.
func TestQueueingForEver(t *testing.T) {
	w := newWaiting(t)
	worst := hundredSurveys(t, w.s, w.unwritten.WWID, waitingLUNs-1)
	t.Logf("the slowest of a hundred surveys took %s", worst.Round(time.Millisecond))
	if own := guest.Process(os.Getpid()); own.State == "D" {
		t.Errorf("this process waits: %s", own)
	}
	expectNotStuck(t)
	guest.Run(t, "multipathd", "disablequeueing", "maps") // so that the guest can end
}

// What nobody uses is cleared, and who waited for it is free; what is mounted
// stays until the operator has given it up.
func TestQueueingCleared(t *testing.T) {
	w := newWaiting(t)
	var wwids, disks []string
	for _, m := range w.maps[aliveLUN+1 : mountedLUN] {
		wwids, disks = append(wwids, m.WWID), append(disks, m.Paths...)
	}
	execute(t, w.s, plan(t, w.s, wwids...), remediate.Removed)
	for _, m := range w.maps[aliveLUN+1 : mountedLUN] {
		expectGone(t, m, disks...)
	}
	w.dd.Wait(t, 5*time.Second)
	w.blkid.Wait(t, 5*time.Second)
	expectThere(t, w.maps[aliveLUN], 2)
	for _, m := range []guest.Map{w.maps[aliveLUN], w.unwritten} {
		if !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
	clearMounted(t, w.s, w.unwritten, w.dir)
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
		sv, err := look(ctx, t, s)
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
