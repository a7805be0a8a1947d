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

// udev stops in the midst of a removal, and when the disks are gone another LU
// comes that gets their address and their names: the links of the old LU lead to
// the newcomer. It is not touched, the LU is not called gone before its links
// are, and once udev goes on nothing is left to do.
func TestUdevStopsMidway(t *testing.T) {
	const kept, lost = 1, 2
	w := newTwins(t, guest.Conf{FriendlyNames: true}, kept, lost)
	m, disks, keptMap := w.mapped(t, lost), w.disks(t, lost), w.mapped(t, kept)
	fresh, pattern := newcomer(t, "fresh", "cd77", 7)
	keeps := guest.WritePattern(t, keptMap.Dev(), 2)
	w.unmap(t, lost)
	guest.Udev(t)

	midway, goOn := make(chan remediate.Action), make(chan bool)
	deleted := 0
	s := newSweeper(t, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventEnd && e.Action == remediate.DeletePath {
			deleted++
		}
		if e.Kind == remediate.EventEnd && (e.Action == remediate.FlushMap || e.Action == remediate.DeletePath && deleted == len(disks)) {
			midway <- e.Action
			<-goOn
		}
	}))
	p := plan(t, s, w.wwid(lost))
	done := make(chan *remediate.Report)
	go func() {
		r, err := carryOut(bounded(t), t, s, p)
		if err != nil {
			t.Errorf("execute: %+v", err)
		}
		close(midway)
		done <- r
	}()
	for a := range midway {
		guest.Aside(func() {
			if a == remediate.FlushMap {
				guest.FreezeUdev(t)
				return
			}
			w.a.Map(t, lost, fresh)
			w.b.Map(t, lost, fresh)
			w.a.Rescan(t)
			w.b.Rescan(t)
			guest.WaitFor(t, "the newcomer has the old names", 30*time.Second, func() error { return known(disks, fresh.WWID()) })
		})
		goOn <- true
	}
	r := <-done
	if r == nil || len(r.Results) != 1 {
		t.Fatalf("%+v", r)
	}
	x := r.Results[0]
	// Where multipathd, which hears of it from udev, still lists the paths, that is told.
	if x.Outcome != remediate.Failed || !strings.Contains(x.Reason, "is still there: ") {
		t.Errorf("%s while its links lead to another LU: %s", x.Outcome, x.Reason)
	}
	if err := known(disks, fresh.WWID()); err != nil {
		t.Errorf("the newcomer was touched: %v", err)
	}

	guest.ThawUdev(t)
	guest.Udev(t)
	guest.WaitFor(t, "nothing is left of it", time.Minute, func() error {
		_, err := reported(t, func() (*remediate.Report, error) { return s.Clear(bounded(t), w.wwid(lost)) })
		return err
	})
	if left := guest.Ls("/sys/block"); slices.Contains(left, m.DM) && guest.MapOf(t, disks[0]).WWID == m.WWID {
		t.Errorf("%s is there", m.DM)
	}
	for name, to := range guest.ByID() {
		if strings.Contains(name, m.WWID) {
			t.Errorf("/dev/disk/by-id still has %s -> %s", name, to)
		}
	}
	w.expectFound(t, lost, fresh)
	expectThere(t, keptMap, 2)
	keeps.Check(t)
	pattern.Check(t)
}

// known says why the disks are not those of a LU to the kernel.
func known(disks []string, wwid string) error {
	for _, d := range disks {
		if got := guest.CachedWWID(d); got != wwid {
			return fmt.Errorf("%s is %s", d, got)
		}
	}
	return nil
}
