//go:build lab && linux

package scenario

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// surveyIn is how long a survey took that was given limit, and what came of it.
func surveyIn(t *testing.T, s *remediate.Sweeper, limit time.Duration) (time.Duration, *remediate.Survey, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	begun := time.Now()
	sv, err := look(ctx, t, s)
	took := time.Since(begun)
	if took > limit+time.Second {
		t.Errorf("a survey that was given %s took %s", limit, took)
	}
	return took, sv, err
}

// A session that is being recovered: its disks are blocked, commands to them would
// wait. Nobody waits, and nothing is left behind.
func TestSessionInRecovery(t *testing.T) {
	g := guest.NewTarget(t, "t0")
	for lun := range 3 {
		g.Map(t, lun, guest.NewBackstore(t, fmt.Sprintf("b%d", lun), 16, fmt.Sprintf("a%d00", lun)))
	}
	guest.StartInitiator(t, guest.Patience{Replacement: 60}, false)
	g.Login(t, 3)
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue"})
	guest.WaitMaps(t, 3, 2)
	g.Disable(t)
	guest.WaitFor(t, "the disks are blocked", 30*time.Second, func() error {
		for lun := range 3 {
			for _, disk := range g.Disks(t, lun) {
				if state := guest.Read(t, "/sys/block/"+disk+"/device/state"); state != "blocked" {
					return fmt.Errorf("%s is %s", disk, state)
				}
			}
		}
		return nil
	})
	s := newSweeper(t, remediate.WithMaxDead(1))
	took, sv, err := surveyIn(t, s, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := allAre(sv, remediate.Transient); err != nil {
		t.Error(err)
	}
	if left := s.Stuck(); len(left) > 0 {
		t.Errorf("stuck are %+v", left)
	}
	t.Logf("the survey took %s", took.Round(time.Millisecond))
	g.Enable(t)
	g.WaitSessions(t, "LOGGED_IN", 60*time.Second)
}
