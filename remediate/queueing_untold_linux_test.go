package remediate_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A busy multipathd has taken the order to disable queueing, and has no time for the one
// to restore it.
type busyLater struct{ *multipath.Command }

func (busyLater) RestoreQueueing(context.Context, string) error {
	return &multipath.CommandError{Backend: "socket", Argv: []string{"restorequeueing"}, Err: multipath.ErrBusy}
}

// multipathd goes by its mark that the map must not queue until it is told otherwise,
// whatever the kernel was told meanwhile: it stays on record that it has to be told.
func TestQueueingRestoredPastMultipathd(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.BusyOnFlush(s.m, 1000)
	sys := s.System()
	sys.Daemon = busyLater{sys.Daemon.(*multipath.Command)}
	p := planned(t, s.sweeper(t), s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	executedIn(t, ctx, s.on(t, sys), p)
	require.True(t, s.m.Queueing())
	require.Contains(t, s.log(), "multipathd disablequeueing map mpathb")
	_, err := s.sweeper(t).Recover(within(t)) // multipathd answers again
	require.NoError(t, err)
	require.Contains(t, s.log(), "multipathd restorequeueing map mpathb", "nobody tells multipathd any more")
}

// The same where the next run takes away one path of the LU, whose map lives on: that run
// being a success is not multipathd having been told.
func TestQueueingRestoredPastMultipathdOfAMapThatStays(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.BusyOnFlush(s.m, 1000)
	sys := s.System()
	sys.Daemon = busyLater{sys.Daemon.(*multipath.Command)}
	p := planned(t, s.sweeper(t), s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	executedIn(t, ctx, s.on(t, sys), p)
	noteOf(t, s)
	s.Restore(s.lu)
	s.Unmap(s.lu, s.a)
	sw := s.on(t, sys)
	p = planned(t, sw, s.lu.WWID())
	require.True(t, p.Targets[0].Keeps)
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	_, err := s.sweeper(t).Recover(within(t)) // multipathd answers again
	require.NoError(t, err)
	require.Contains(t, s.log(), "multipathd restorequeueing map mpathb", "nobody tells multipathd any more")
}

// The time is up while it is being found out who keeps a map busy: what is left of it is
// for having the map queue again.
func TestTimeIsUpWhileUsersAreNamed(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	for pid := 41700; pid < 41732; pid++ {
		s.Open("dm-11", pid, "qemu", remediatetest.Writing)
	}
	s.BusyOnFlush(s.m, 1000)
	sys := s.System()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	begun := time.Time{}
	var once sync.Once
	sys.Daemon = &flushing{sys.Daemon.(*multipath.Command), func() {
		if begun.IsZero() {
			begun = time.Now()
		}
		if time.Since(begun) < 10*time.Second {
			return
		}
		once.Do(func() { // /proc answers slowly from now on
			for pid := 41700; pid < 41732; pid++ {
				infos, _ := filepath.Glob(filepath.Join(s.Tree(), fmt.Sprintf("proc/%d/fdinfo/*", pid)))
				neverRead(t, infos[0])
			}
			time.AfterFunc(300*time.Millisecond, cancel)
		})
	}}
	sw := s.on(t, sys)
	p := planned(t, s.sweeper(t), s.lu.WWID())
	executedIn(t, ctx, sw, p)
	require.True(t, s.m.Queueing(), "the run has ended, and queueing is still off: %v", s.Actions())
}
