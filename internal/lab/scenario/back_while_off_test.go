//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A LU comes back while its disks, switched off, wait for deletes of other LUs
// that the kernel does not get done. When their turn comes they are asked again
// first: they stay, switched on, and multipathd makes the map anew when it is told.
func TestBackWhileOff(t *testing.T) {
	const kept, victim, first = 0, 1, 2
	d := guest.ScsiDebug(t, 2, first+4)
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	guest.WaitMaps(t, first+4, 2)
	pattern := guest.WritePattern(t, d.Map(t, kept).Dev(), 1)
	m, disks := d.Map(t, victim), d.Disks(t, victim)

	var mine atomic.Value // of map[string]bool
	owner := func(_ context.Context, x remediate.Subject) (remediate.Claim, error) {
		if mine.Load().(map[string]bool)[x.WWID] {
			return remediate.Claim{Owner: remediate.Mine, Source: "the scenario"}, nil
		}
		return remediate.Claim{Owner: remediate.NotMine, Source: "the scenario"}, nil
	}
	s := newSweeper(t, remediate.WithOwner(owner), remediate.WithMaxDead(1))

	before, wwids, slow := map[string]bool{}, []string{}, []string{}
	for lun := first; lun < first+4; lun++ {
		lost := d.Map(t, lun)
		before[lost.WWID], wwids, slow = true, append(wwids, lost.WWID), append(slow, onFirstHost(t, d.Disks(t, lun)))
	}
	swallowed(t, d, 45*time.Second, slow...) // within the time that a delete has
	mine.Store(before)
	d.VanishLUNs(t, first)
	for lun := first; lun < first+4; lun++ {
		guest.WaitFailed(t, d.Map(t, lun))
	}
	planned := plan(t, s, wwids...)
	trace := guest.TracedSelf(t)
	held := beside(t, s, planned)
	guest.WaitFor(t, "four deletes are in the kernel", 30*time.Second, func() error {
		if list := deletes(); len(list) != 4 {
			return fmt.Errorf("%d: %v", len(list), list)
		}
		return nil
	})

	mine.Store(map[string]bool{m.WWID: true})
	guest.Aside(func() {
		d.VanishLUNs(t, victim)
		guest.WaitFailed(t, m)
	})
	second, err := s.Plan(bounded(t))
	expectPlanned(t, second, err, []string{m.WWID})
	waits := beside(t, s, second)
	guest.WaitFor(t, "the disks are off", 30*time.Second, func() error { return inState(disks, "offline") })
	off := time.Now()
	guest.Aside(func() { d.RestoreLUNs(t) })

	x := (<-waits).Results[0]
	var evidence *remediate.EvidenceError
	if x.Outcome != remediate.Failed || !errors.As(x.Err, &evidence) || !strings.Contains(x.Reason, "multipathd add path") {
		t.Errorf("the LU was to be found alive: %s: %s (%+v)", x.Outcome, x.Reason, x.Err)
	}
	if took := time.Since(off); took < 6*time.Second {
		t.Errorf("the deletes before it took %s, which proves nothing", took)
	}
	if err := inState(disks, "running"); err != nil {
		t.Error(err)
	}
	<-held
	does(t, trace(), slices.Concat(stepsOf(planned), stepsOf(second)), nil)
	pattern.Check(t)
	expectThere(t, d.Map(t, kept), 2)
	guest.WaitFor(t, "the LU has its map again", time.Minute, func() error {
		for _, disk := range disks { // as the reason says; a busy one may refuse at first
			_, _ = guest.TryFor(10*time.Second, "multipathd", "add", "path", disk)
		}
		for _, again := range guest.Maps() {
			if again.WWID == m.WWID {
				return carries(t, again, 2)
			}
		}
		return errors.New("it has none")
	})
	guest.Udev(t) // which makes the map's node
	guest.Run(t, "dd", "if="+d.Map(t, victim).Dev(), "of=/dev/null", "iflag=direct", "bs=1M", "count=1")
	plan(t, s) // nothing is left to do
	expectNotStuck(t)
}

// beside does a plan beside the scenario.
func beside(t *testing.T, s *remediate.Sweeper, p *remediate.Plan) <-chan *remediate.Report {
	t.Helper()
	ctx, done := bounded(t), make(chan *remediate.Report, 1)
	go func() {
		r, err := s.Execute(ctx, p)
		came.all(t, r)
		if err != nil {
			t.Errorf("execute: %+v", err)
			r = &remediate.Report{Results: make([]remediate.Result, len(p.Targets))}
		}
		done <- r
	}()
	return done
}

// onFirstHost is the disk on the SCSI host with the lowest number, which a plan
// names first.
func onFirstHost(t *testing.T, disks []string) string {
	t.Helper()
	lowest, at := "", -1
	for _, disk := range disks {
		link, err := os.Readlink("/sys/block/" + disk + "/device")
		if err != nil {
			t.Fatal(err)
		}
		var host int
		if _, err := fmt.Sscanf(link[strings.LastIndex(link, "/")+1:], "%d:", &host); err != nil {
			t.Fatalf("%s: %v", link, err)
		}
		if at < 0 || host < at {
			lowest, at = disk, host
		}
	}
	return lowest
}

func inState(disks []string, want string) error {
	for _, disk := range disks {
		got, err := os.ReadFile("/sys/block/" + disk + "/device/state")
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(got)) != want {
			return fmt.Errorf("%s is %q", disk, got)
		}
	}
	return nil
}

// A LU comes back when its disks are off and were looked at for the last time, and
// somebody sets one running and opens it, as iscsid and a pod would: right before its
// delete it is asked and looked at again, and nothing of the LU goes.
func TestSetRunningBySomebody(t *testing.T) {
	d, _, maps := runbook(t, "fail")
	m, disks := maps[3], d.Disks(t, 3)
	d.VanishLUNs(t, 3)
	guest.WaitFailed(t, m)
	var once sync.Once
	taken, release := "", func() {}
	s := newSweeper(t, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind != remediate.EventBegin || e.Action != remediate.DeletePath {
			return
		}
		once.Do(func() {
			guest.Aside(func() {
				d.RestoreLUNs(t)
				taken = e.Target
				guest.Write(t, "/sys/block/"+taken+"/device/state", "running\n")
				release = guest.Hold(t, "/dev/"+taken, true)
			})
		})
	}))
	r, err := carryOut(bounded(t), t, s, plan(t, s, m.WWID))
	if err != nil {
		t.Fatalf("execute: %+v", err)
	}
	if x := r.Results[0]; x.Outcome != remediate.Failed || taken == "" {
		t.Errorf("%s, of which %q was taken: %s", x.Outcome, taken, x.Reason)
	}
	if err := inState(disks, "running"); err != nil {
		t.Error(err)
	}
	release()
	expectThere(t, maps[0], 2)
	expectNotStuck(t)
}
