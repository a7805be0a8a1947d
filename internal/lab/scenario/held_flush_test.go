//go:build lab && linux

package scenario

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// Somebody opens the map at the last moment, so that its flush fails: the disks
// stay under it, and the holder is named. After that the links in by-id get lost,
// too; the rest is found by its identity all the same, and goes.
func TestHeldFlush(t *testing.T) {
	const kept, lost = 1, 2
	w := newTwins(t, guest.Conf{FriendlyNames: true}, kept, lost)
	m, disks := w.mapped(t, lost), w.disks(t, lost)
	w.unmap(t, lost)
	var holder *exec.Cmd
	holds := remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.FlushMap {
			guest.Aside(func() { holder = guest.Start(t, "holder.log", "sh", "-c", "exec sleep 1000 <"+m.Dev()) })
			guest.WaitFor(t, "it has the map open", 10*time.Second, func() error {
				if p := guest.Process(holder.Process.Pid); p.Comm != "sleep" {
					return errors.New(p.String())
				}
				return nil
			})
		}
	})
	s := newSweeper(t, holds)
	p := plan(t, s, w.wwid(lost))
	r, err := carryOut(bounded(t), t, s, p)
	if err != nil {
		t.Fatalf("execute: %+v", err)
	}
	var inUse *remediate.InUseError
	x := r.Results[0]
	if x.Outcome == remediate.Removed || !errors.As(x.Err, &inUse) || inUse.Users[0].PID != holder.Process.Pid {
		t.Errorf("%s, %v: want it in use by process %d", x.Outcome, x.Err, holder.Process.Pid)
	}
	for _, disk := range disks {
		if got := guest.Read(t, "/sys/block/"+disk+"/device/state"); got != "running" {
			t.Errorf("%s is %s", disk, got)
		}
	}
	if now := guest.MapOf(t, disks[0]); now.Name != m.Name || len(now.Paths) != 2 {
		t.Errorf("%+v is left of %+v", now, m)
	}

	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for name := range guest.ByID() {
		if strings.Contains(name, m.WWID[1:]) {
			if err := os.Remove(filepath.Join("/dev/disk/by-id", name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s = newSweeper(t)
	p = plan(t, s, w.wwid(lost))
	traced(t, p, remediate.Removed, []guest.Map{w.mapped(t, kept)})
	expectGone(t, m, disks...)
	expectThere(t, w.mapped(t, kept), 2)
}
