package remediate_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A flushing multipathd tells what became of each flush.
type flushing struct {
	*multipath.Command
	after func()
}

func (f *flushing) Flush(ctx context.Context, name string) error {
	err := f.Command.Flush(ctx, name)
	f.after()
	return err
}

// The owner takes his word back while multipathd takes its time over the flush: the disks
// stay.
func TestAttachedAgainWhileFlushing(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	var back atomic.Bool
	owner := s.detachedUntil(&back)
	sys := s.System()
	sys.Daemon = &flushing{sys.Daemon.(*multipath.Command), func() {
		back.Store(true)
		time.Sleep(long)
	}}
	sw := s.on(t, sys, owner, remediate.WithMaxDead(1))
	p := planned(t, s.sweeper(t, owner, remediate.WithMaxDead(1)), s.lu.WWID())
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "delete", "%s: attached again for 5 s", res.Outcome)
}

// What goes by its owner's word stays once that is taken back, also where its link is
// down, so that it could not be switched off.
func TestAttachedAgainWhileTheLinkIsDown(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	s.Outage()
	var back atomic.Bool
	owner := s.detachedUntil(&back)
	sw := s.sweeper(t, owner, remediate.WithMaxDead(1), beforeDelete(func() {
		back.Store(true)
		time.Sleep(3 * long)
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.NotContains(t, s.log(), "delete", "%s: attached again for 15 s", res.Outcome)
}
