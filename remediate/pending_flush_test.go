package remediate_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// The flush is still under way in multipathd when the run's time is up, and leaves the map
// suspended a moment later: the next run, or Recover, is to know of it.
func TestFlushLeavesSuspendedLater(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.SuspendOnFlush(s.m)
	sys := s.System()
	d := scriptedDaemon{sys: sys}
	later := make(chan struct{})
	d.flush = func(ctx context.Context, name string) error {
		<-ctx.Done()
		go func() {
			time.Sleep(1500 * time.Millisecond)
			_ = d.sys.Daemon.Flush(context.Background(), name)
			close(later)
		}()
		return &multipath.CommandError{Backend: "command", Argv: []string{"multipath", "-f", name}, Uncertain: true, Err: ctx.Err()}
	}
	broken := sys
	broken.Daemon = d
	sw := s.on(t, broken)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	res := executedIn(t, ctx, sw, p)
	t.Log(res.Outcome, res.Reason)
	<-later
	require.True(t, s.find(t).Map.Suspended)
	rec, err := s.sweeper(t).Recover(within(t))
	require.NoError(t, err)
	require.False(t, s.find(t).Map.Suspended, "still suspended, and nobody knows why: %v %s", rec, s.log())
}
