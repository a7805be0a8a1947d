package remediate_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A disk that the kernel finds while the operator's rule is being carried out: the
// LU has answered the scan, so it was there, and its map had never failed that
// path. That it is silent a moment later is an outage.
func TestStragglerByTheOperatorsRule(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	c := s.target(41)
	sw := s.sweeper(t, remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume))
	p := planned(t, sw, s.lu.WWID())
	require.Equal(t, remediate.ByRunbook, p.Targets[0].Proof)
	s.After("multipath -f", func() { s.lu.Path("sdk", c, 1); s.Vanish(s.lu) })
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "sdk", "%s %s", res.Outcome, res.Reason)
	var evidence *remediate.EvidenceError
	require.ErrorAs(t, res.Err, &evidence)
}

// A renaming device-mapper gives a map another name at some point.
type renaming struct {
	remediate.System
	to atomic.Pointer[string]
}

func (r *renaming) Tables(ctx context.Context) ([]multipath.Table, error) {
	return r.System.Kernel.Tables(ctx)
}

func (r *renaming) Table(ctx context.Context, uuid string) (multipath.Table, error) {
	t, err := r.System.Kernel.Table(ctx, uuid)
	if to := r.to.Load(); to != nil && err == nil {
		t.Name = *to
	}
	return t, err
}

func (r *renaming) Partitions(ctx context.Context) ([]multipath.PartitionMap, error) {
	return r.System.Kernel.Partitions(ctx)
}
func (r *renaming) FailIfNoPath(ctx context.Context, uuid string) error {
	return r.System.Kernel.FailIfNoPath(ctx, uuid)
}
func (r *renaming) QueueIfNoPath(ctx context.Context, uuid string) error {
	return r.System.Kernel.QueueIfNoPath(ctx, uuid)
}
func (r *renaming) Resume(ctx context.Context, uuid string) error {
	return r.System.Kernel.Resume(ctx, uuid)
}

// The map gets another alias while its queueing is off. It is not the planned one
// any more, and queues again: it is the same map.
func TestRenamedWhileQueueingIsOff(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sys := s.System()
	r := &renaming{System: sys}
	sys.Kernel = r
	sw := s.on(t, sys)
	p := planned(t, sw, s.lu.WWID())
	s.After("disablequeueing", func() { name := "orders"; r.to.Store(&name) })
	res := executed(t, sw, p)
	require.Equal(t, remediate.Failed, res.Outcome, res.Reason)
	var stale *remediate.StaleError
	require.ErrorAs(t, res.Err, &stale)
	require.NotContains(t, s.log(), "multipath -f")
	require.True(t, s.find(t).Map.Queueing, res.Reason)
}
