//go:build lab && linux

package scenario

import (
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A whole survey over the socket, every LU asked and every map read, takes less
// time than multipath -ll alone: while all is well, and with half of the LUs gone.
func TestSurveySpeed(t *testing.T) {
	const luns = 16 // multipathd and udev take seconds for each on a busy machine
	d := guest.ScsiDebug(t, 2, luns, "delay=0")
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	guest.WaitMaps(t, luns, 2)
	d.SetWhenIdle(t, "delay", "1") // a jiffy of 10 ms for each command
	s := newSweeper(t, remediate.WithBackend("socket"), remediate.WithMaxDead(1))
	expectFaster(t, "healthy", s)

	d.VanishLUNs(t, luns/2)
	for lun := luns / 2; lun < luns; lun++ {
		guest.WaitFailed(t, d.Map(t, lun))
	}
	expectFaster(t, "half gone", s)
}

// expectFaster compares the best of three of each, in turn.
func expectFaster(t *testing.T, what string, s *remediate.Sweeper) {
	t.Helper()
	ours, theirs := time.Hour, time.Hour
	for range 3 {
		begun := time.Now()
		unseen(t, s)
		ours = min(ours, time.Since(begun))
		begun = time.Now()
		guest.MultipathLL(t)
		theirs = min(theirs, time.Since(begun))
	}
	t.Logf("%s: survey %s, multipath -ll %s: ratio %.2f", what, ours.Round(time.Millisecond), theirs.Round(time.Millisecond), float64(ours)/float64(theirs))
	if ours >= theirs {
		t.Errorf("%s: the survey is not faster", what)
	}
}
