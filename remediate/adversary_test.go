package remediate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

func (s *scenario) log() string { return strings.Join(s.Actions(), "; ") }

// The LUN goes to a new volume while the work goes on, and that volume's disk is
// mounted at once under its old name: the path must not be pulled from under it.
func TestPathMountedDuringTheWork(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("sdi state offline", func() {
		s.Remap(s.lu, s.another("vol-n"), s.b)
		s.Mount("sdj", "/new")
	})
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "delete", "%s %s", res.Outcome, res.Reason)
	for _, d := range s.find(t).Paths {
		require.Equal(t, "running", d.State)
	}
}

// As above, with a process that writes to the disk.
func TestPathOpenedDuringTheWork(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("multipath -f", func() {
		s.Remap(s.lu, s.another("vol-n"))
		s.Open("sdi", 41702, "qemu", remediatetest.Writing)
	})
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "sdi delete", "%s %s", res.Outcome, res.Reason)
}

// A path that has come back is asked before it is taken out of its living map.
func TestRevivedPathTakenOut(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	c := s.target(41)
	three := s.another("vol-3").Path("sdm", s.a, 9).Path("sdn", s.b, 9).Path("sdo", c, 9)
	s.Map("mpathc", "dm-13", three, remediatetest.Fail)
	s.Unmap(three, s.b, c)
	sw := s.sweeper(t)
	p := planned(t, sw, three.WWID())
	s.Restore(three, c)
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "del path sdo", "%s %s", res.Outcome, res.Reason)
}

// The breaker judges by the plan's rule, as the work does.
func TestBreakerByThePlansRule(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	p := planned(t, s.sweeper(t, remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume)), s.lu.WWID())
	_, err := s.sweeper(t).Execute(within(t), p) // the breaker of 0.5: 2 of 2 maps look dead
	var e *remediate.BreakerError
	require.ErrorAs(t, err, &e, s.log())
	require.Empty(t, s.Actions())
}

// Planned on the target's word, done on the operator's rule: not without its read.
func TestProofChangesToTheRunbook(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.Patience(50 * time.Millisecond)
	opts := []remediate.Option{remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume)}
	p := planned(t, s.sweeper(t, opts...), s.lu.WWID())
	require.Equal(t, remediate.ByTarget, p.Targets[0].Proof)
	s.Vanish(s.lu)
	s.Vanish(s.healthy) // nobody lists LUNs any more: silence
	s.HangRead("dm-12")
	res := executed(t, s.sweeper(t, opts...), p)
	require.NotContains(t, s.log(), "multipath -f", "%s %v", res.Reason, did(res))
}

// A flush that found the map busy is not sent again once the LU has come back.
func TestFlushAgainAfterRevival(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.BusyOnFlush(s.m, 1)
	s.After("map in use", func() { s.Restore(s.lu) })
	res := executed(t, sw, p)
	sv, err := sw.Survey(within(t))
	require.NoError(t, err)
	d, _ := sv.Find(s.lu.WWID())
	require.NotNil(t, d.Map, "the map of a living LU was flushed: %s: %s %s", s.log(), res.Outcome, res.Reason)
}

// "Could not be asked" is not "does not answer".
func TestNotAskedIsNotSilent(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	full := false
	open := sys.OpenLU
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		if full { // as package park says when no place has come free in time
			return nil, &scsi.OpError{Op: "open", Path: path, Err: &park.LimitError{Key: path, Limit: 64, Cause: context.DeadlineExceeded}}
		}
		return open(ctx, path)
	}
	sw := s.on(t, sys)
	p := planned(t, sw, s.lu.WWID())
	s.After("multipath -f", func() { s.Restore(s.lu); full = true })
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "delete", "a living LU's paths: %s %s", res.Outcome, res.Reason)
}

// After the flush the sessions go down: an outage, and the paths stay.
func TestOutageBeforeTheDelete(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("multipath -f", func() { s.Restore(s.lu); s.Outage(s.a, s.b) })
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "delete", "%s %s", res.Outcome, res.Reason)
}

// A daemon is a multipathd of which tests replace single orders.
type scriptedDaemon struct {
	sys      remediate.System
	flush    func(ctx context.Context, name string) error
	restored func(ctx context.Context, name string) error
}

func (d scriptedDaemon) Topology(ctx context.Context) (*multipath.Topology, error) {
	return d.sys.Daemon.Topology(ctx)
}
func (d scriptedDaemon) Paths(ctx context.Context) ([]multipath.DaemonPath, error) {
	return d.sys.Daemon.Paths(ctx)
}
func (d scriptedDaemon) DisableQueueing(ctx context.Context, name string) error {
	return d.sys.Daemon.DisableQueueing(ctx, name)
}
func (d scriptedDaemon) RestoreQueueing(ctx context.Context, name string) error {
	if d.restored != nil {
		return d.restored(ctx, name)
	}
	return d.sys.Daemon.RestoreQueueing(ctx, name)
}
func (d scriptedDaemon) Flush(ctx context.Context, name string) error {
	if d.flush != nil {
		return d.flush(ctx, name)
	}
	return d.sys.Daemon.Flush(ctx, name)
}
func (d scriptedDaemon) ForgetPath(ctx context.Context, dev string) error {
	return d.sys.Daemon.ForgetPath(ctx, dev)
}
func (d scriptedDaemon) Backend() string { return "command" }

// What comes to stand on the disk, and on that in turn, is found when its path is
// looked at a last time.
func TestPathStackedOnDuringTheWork(t *testing.T) {
	t.Parallel()
	for _, stack := range []func(*scenario){
		func(s *scenario) { s.LVM("sdi", "dm-20", "vg-lv") },
		func(s *scenario) { s.Partition("sdi", 1, "sdi1"); s.LUKS("sdi1", "dm-20", "secret") },
	} {
		s := lost(t, remediatetest.Fail)
		sw := s.sweeper(t)
		p := planned(t, sw, s.lu.WWID())
		s.After("multipath -f", func() { stack(s) })
		res := executed(t, sw, p)
		require.NotContains(t, s.log(), "sdi delete", "%s %s", res.Outcome, res.Reason)
		var inUse *remediate.InUseError
		require.ErrorAs(t, res.Err, &inUse)
	}
}
