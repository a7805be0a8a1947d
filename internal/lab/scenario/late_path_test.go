//go:build lab && linux

package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A path turns up in the midst of the removal, as after a slow login: found when
// the map has just gone, and dead like the others. It is found by its identity,
// no plan having named it, and goes with the rest.
func TestLatePath(t *testing.T) {
	const kept, lost = 1, 2
	w := newTwins(t, guest.Conf{FriendlyNames: true}, kept, lost)
	m, disks := w.mapped(t, lost), w.disks(t, lost)
	early, late := disks[0], disks[1]
	var goes []guest.Step // of a path that no plan names
	for _, a := range []remediate.Action{remediate.OfflinePath, remediate.DeletePath, remediate.ForgetPath} {
		goes = append(goes, step(m.WWID, a, late, addresses(t)))
	}
	guest.Write(t, "/sys/block/"+late+"/device/delete", "1") // it is not there yet
	guest.Udev(t)
	w.a.Unmap(t, lost)
	guest.WaitFor(t, "the map has one path, which has failed", 20*time.Second, func() error {
		if s := guest.DmsetupStatus(t, m.Name); len(s.Paths) != 1 || !s.Paths[0].Failed {
			return errors.New(s.Text)
		}
		return nil
	})
	w.b.Unmap(t, lost)
	joins := remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventEnd && e.Action == remediate.FlushMap {
			guest.Aside(func() {
				w.b.Map(t, lost, w.lus[lost])
				w.b.Rescan(t)
				w.b.Unmap(t, lost)
			})
		}
	})
	s := newSweeper(t, joins)
	p := plan(t, s, w.wwid(lost))
	if named := p.Targets[0].Paths; len(named) != 1 || named[0].Dev != early {
		t.Fatalf("the plan names %+v", named)
	}
	r, err := carryOut(bounded(t), t, s, p, goes...)
	if err != nil {
		t.Fatalf("execute: %+v", err)
	}
	if x := r.Results[0]; x.Outcome != remediate.Removed {
		t.Logf("the first run says %s: %s", x.Outcome, x.Reason)
		guest.WaitFor(t, "a plan for what is left", 30*time.Second, func() (err error) {
			if p, err = makePlan(t, newSweeper(t)); err == nil && len(p.Targets) != 1 {
				err = errors.New(words(p.Survey))
			}
			return err
		})
		execute(t, newSweeper(t), p, remediate.Removed)
	}
	expectGone(t, m, disks...)
	for _, line := range strings.Split(guest.Lsscsi(t), "\n") {
		if strings.Contains(line, ":0:0:2]") {
			t.Errorf("lsscsi still shows LUN 2: %s", line)
		}
	}
	expectThere(t, w.mapped(t, kept), 2)
}

// A path that turns up between plan and execution, and lives: the LU was not
// unmapped from every target, and nothing of it may go. When it dies, too, a new
// plan takes all of it.
func TestLatePathAlive(t *testing.T) {
	const kept, lost = 1, 2
	w := newTwins(t, guest.Conf{FriendlyNames: true}, kept, lost)
	m, disks := w.mapped(t, lost), w.disks(t, lost)
	guest.Write(t, "/sys/block/"+disks[1]+"/device/delete", "1")
	guest.Udev(t)
	w.a.Unmap(t, lost)
	s := newSweeper(t)
	var p *remediate.Plan
	guest.WaitFor(t, "the LU looks dead on its one path", 30*time.Second, func() (err error) {
		if p, err = makePlan(t, s); err == nil && len(p.Targets) != 1 {
			err = errors.New(words(p.Survey))
		}
		return err
	})
	guest.Run(t, "udevadm", "control", "--stop-exec-queue") // multipathd does not hear of it
	w.b.Rescan(t)
	guest.WaitFor(t, "the late path is there", 20*time.Second, func() error {
		if !slices.Contains(guest.Ls("/sys/block"), disks[1]) {
			return errors.New(strings.Join(guest.Ls("/sys/block"), " "))
		}
		return nil
	})
	if why := refused(t, p)[w.wwid(lost)].Reason; !strings.Contains(why, disks[1]) {
		t.Errorf("the reason does not name %s: %s", disks[1], why)
	}
	if !slices.Contains(guest.DmsetupLs(t), m.Name) {
		t.Errorf("%s is gone", m.Name)
	}
	guest.Run(t, "udevadm", "control", "--start-exec-queue")
	guest.Udev(t)
	w.b.Unmap(t, lost)
	guest.WaitFailed(t, m)
	execute(t, s, plan(t, s, w.wwid(lost)), remediate.Removed)
	expectGone(t, m, disks...)
	expectThere(t, w.mapped(t, kept), 2)
}
