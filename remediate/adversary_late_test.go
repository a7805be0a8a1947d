package remediate_test

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
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
	return r.Kernel.Tables(ctx)
}

func (r *renaming) Table(ctx context.Context, uuid string) (multipath.Table, error) {
	t, err := r.Kernel.Table(ctx, uuid)
	if to := r.to.Load(); to != nil && err == nil {
		t.Name = *to
	}
	return t, err
}

func (r *renaming) Partitions(ctx context.Context) ([]multipath.PartitionMap, error) {
	return r.Kernel.Partitions(ctx)
}
func (r *renaming) FailIfNoPath(ctx context.Context, uuid string) error {
	return r.Kernel.FailIfNoPath(ctx, uuid)
}
func (r *renaming) QueueIfNoPath(ctx context.Context, uuid string) error {
	return r.Kernel.QueueIfNoPath(ctx, uuid)
}
func (r *renaming) Resume(ctx context.Context, uuid string) error {
	return r.Kernel.Resume(ctx, uuid)
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

// Somebody attaches the volume that has the LUN now, and has the kernel look at it
// again, while the path is asked a last time: the disk is that volume's then, and is
// not switched off under it, not for a moment.
func TestRescannedWhileAsked(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	other := s.another("vol-n")
	s.Remap(s.lu, other)
	id, _ := hex.DecodeString(other.WWID()[1:])
	page := filepath.Join(s.Tree(), "sys/bus/scsi/devices/39:0:0:1/vpd_pg83")
	sys := s.System()
	open := sys.OpenLU
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		lu, err := open(ctx, path)
		if filepath.Base(path) == "sdi" && strings.Contains(s.log(), "multipath -f") {
			require.NoError(t, os.WriteFile(page, scsireply.Identification(scsireply.NAA(id)), 0o600))
		}
		return lu, err
	}
	sw := s.on(t, sys, remediate.WithMaxDead(1))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.NotContains(t, s.log(), "sdi state offline")
	var stale *remediate.StaleError
	require.ErrorAs(t, res.Err, &stale)
}

// A departing disk goes away in the moment in which somebody is about to ask who
// holds it.
type departing struct {
	remediate.System
	leave func()
}

func (d departing) Probe(ctx context.Context, t blockprobe.Target) blockprobe.Result {
	return d.Reader.Probe(ctx, t)
}

func (d departing) Claimed(ctx context.Context, t blockprobe.Target) (bool, error) {
	if filepath.Base(t.Node) == "sdj" {
		d.leave()
	}
	return d.Reader.Claimed(ctx, t)
}

func (d departing) Stuck() []blockprobe.Stuck { return d.Reader.Stuck() }

// multipathd purges a dead path, as newer versions do, right before it is looked
// at a last time: nobody holds a disk that is gone.
func TestGoneWhileItsClaimIsLookedFor(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	sys.Reader = departing{s.System(), func() { s.DeletedByHand("sdj") }}
	sw := s.on(t, sys)
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.NotContains(t, s.log(), "sdj")
}

// A disk that could not be switched off, because its link is down, may be used
// again while the disk before it is being deleted, however long that takes.
func TestUsedWhileAnotherIsDeleted(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Outage()
	sw := s.sweeper(t, s.detached(), remediate.WithMaxDead(1))
	p := planned(t, sw, s.lu.WWID())
	s.After("sdi delete", func() {
		s.Mount("sdj", "/new")
		time.Sleep(1100 * time.Millisecond)
	})
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "sdj delete", "%s %s", res.Outcome, res.Reason)
	var inUse *remediate.InUseError
	require.ErrorAs(t, res.Err, &inUse)
}
