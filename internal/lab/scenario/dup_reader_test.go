//go:build lab && linux

package scenario

import (
	"errors"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A reader that is stuck on a dead, queueing map has its one open on two descriptors, and
// somebody whom no list shows has the map open: the second descriptor does not explain him,
// and queueing stays on. Without him the map goes, and frees the reader, and another one
// with an open of its own.
func TestReaderWithTwoDescriptors(t *testing.T) {
	d, _, maps := runbook(t, "queue")
	m, disks := maps[3], d.Disks(t, 3)
	_, letGo := guest.Holder(t, "flight", m.Dev())
	d.VanishLUNs(t, 3)
	guest.WaitFailed(t, m)
	twice := exec.Command("sh", "-c", "exec 3<"+m.Dev()+"; exec dd of=/dev/null bs=1M count=1 iflag=direct <&3")
	if err := twice.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan bool)
	go func() { _ = twice.Wait(); close(ended) }()
	guest.WaitFor(t, "the reader is stuck", 20*time.Second, func() error {
		if p := guest.Process(twice.Process.Pid); p.Comm != "dd" || p.State != "D" || p.FDs["0"] != p.FDs["3"] {
			return errors.New(p.String())
		}
		return nil
	})
	other := guest.StuckReader(t, m.Dev())
	if n := guest.OpenCount(t, m.Name); n != 3 {
		t.Fatalf("the open count is %d: the scenario does not show what it is for", n)
	}

	s := newSweeper(t)
	found := verdict(t, plan(t, s).Survey, m.WWID, remediate.StaleInUse)
	if !slices.ContainsFunc(found.InUse, func(u remediate.Use) bool { return u.Kind == remediate.UseOpen }) {
		t.Errorf("nobody is said to have it open: %v, beside %v", found.InUse, found.Blocked)
	}
	if !guest.Queueing(t, m.Name) {
		t.Errorf("%s does not queue any more", m.Name)
	}

	letGo()
	execute(t, s, plan(t, s, m.WWID), remediate.Removed)
	expectGone(t, m, disks...)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Errorf("the reader is still there: %s", guest.Process(twice.Process.Pid))
	}
	other.Wait(t, 10*time.Second)
	expectNotStuck(t)
}
