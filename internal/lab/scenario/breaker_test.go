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

// An array loses three quarters of its LUs at once, and its own word is that
// they are gone. That is somebody's mistake, not leftovers: nothing is planned,
// nor is done what was planned before.
func TestBreaker(t *testing.T) {
	const luns = 8
	d := guest.ScsiDebug(t, 2, luns)
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitMaps(t, luns, 2)
	var maps []guest.Map
	for lun := range luns {
		maps = append(maps, d.Map(t, lun))
	}
	pattern, canary := guest.WritePattern(t, maps[0].Dev(), 4), guest.StartCanary(t, maps[1].Dev())
	d.VanishLUNs(t, luns-1)
	guest.WaitFailed(t, maps[luns-1])
	s := newSweeper(t, remediate.WithObserver(never(t)))
	before := plan(t, s, maps[luns-1].WWID)

	d.VanishLUNs(t, 2)
	for _, m := range maps[2:] {
		guest.WaitFailed(t, m)
	}
	p, err := makePlan(t, s)
	expectTripped(t, err, 6, luns, "maps")
	if len(p.Targets) != 0 || len(p.Survey.Residual()) != 6 {
		t.Errorf("%d targets; %d of 6 are said to be left behind", len(p.Targets), len(p.Survey.Residual()))
	}
	_, err = carryOut(bounded(t), t, s, before)
	expectTripped(t, err, 6, luns, "maps")
	r := swept(t, "apply", "-yes", "-own", "all", "-dwell", "1s")
	if r.Code != 3 || !strings.Contains(r.Stdout+r.Stderr, "6 of 8") {
		t.Errorf("sweep apply: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}

	d.RestoreLUNs(t)
	for _, m := range maps {
		guest.WaitFor(t, m.Name+" has its paths back", 20*time.Second, func() error { return carries(t, m, 2) })
		if !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
	pattern.Check(t)
	canary.Check(t, 2*time.Second)
	guest.WaitFor(t, "the survey finds them healthy", 20*time.Second, func() error {
		return allAre(survey(t, s), remediate.Healthy)
	})
	plan(t, s)
}

// Three quarters of a host's LUs are lost, and it has no multipath: disks count, too.
func TestBreakerDisks(t *testing.T) {
	const luns = 8
	guest.Modprobe(t, "dm-multipath") // without it some versions of multipath refuse to look
	d := guest.ScsiDebug(t, 1, luns)
	s := newSweeper(t, remediate.WithObserver(never(t)))
	d.VanishLUNs(t, 2)
	before := guest.Ls("/sys/block")
	p, err := makePlan(t, s)
	expectTripped(t, err, 6, luns, "LUs")
	if len(p.Targets) != 0 {
		t.Errorf("%d targets", len(p.Targets))
	}
	if after := guest.Ls("/sys/block"); !slices.Equal(before, after) {
		t.Errorf("/sys/block had %v and has %v", before, after)
	}
	d.RestoreLUNs(t)
	plan(t, s)
}

// The disks of three quarters of the maps have gone, as the kernel itself takes them
// away in a long outage on Fibre Channel: maps without a path count, too, and are
// as they were when the disks are back.
func TestBreakerEmptyMaps(t *testing.T) {
	const luns = 8
	d := guest.ScsiDebug(t, 2, luns)
	daemon := guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitMaps(t, luns, 2)
	var maps []guest.Map
	for lun := range luns {
		maps = append(maps, d.Map(t, lun))
	}
	deleteByHand(t, daemon, false, maps[2:])
	s := newSweeper(t, remediate.WithObserver(never(t)))
	before := guest.DmsetupLs(t)
	p, err := makePlan(t, s)
	expectTripped(t, err, 6, luns, "maps")
	if len(p.Targets) != 0 {
		t.Errorf("%d targets", len(p.Targets))
	}
	if after := guest.DmsetupLs(t); !slices.Equal(before, after) {
		t.Errorf("dmsetup ls had %v and has %v", before, after)
	}
}

func expectTripped(t *testing.T, err error, dead, all int, of string) {
	t.Helper()
	var tripped *remediate.BreakerError
	if !errors.As(err, &tripped) || tripped.Dead != dead || tripped.All != all || tripped.Of != of {
		t.Errorf("the circuit breaker is not tripped by %d of %d %s: %v", dead, all, of, err)
	}
}
