package remediate_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// An event from before the end of a disk makes its link anew when nobody expects it
// any more, for a moment: as long as udev has events to work off, gone is not gone.
func TestVerifyWaitsForUdev(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	queue := filepath.Join(s.Tree(), "run/udev/queue")
	link := filepath.Join(s.Tree(), "dev/disk/by-id/wwn-0x"+s.lu.WWID()[1:])
	require.NoError(t, os.MkdirAll(filepath.Dir(queue), 0o755))
	require.NoError(t, os.WriteFile(queue, nil, 0o644))
	sw := s.on(t, s.System(), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind != remediate.EventBegin || e.Action != remediate.VerifyGone {
			return
		}
		time.AfterFunc(time.Second, func() {
			_ = os.Symlink("../../sdj", link)
			time.Sleep(200 * time.Millisecond)
			_ = os.Remove(link)
			_ = os.Remove(queue)
		})
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.NoFileExists(t, queue, "it did not wait for udev")
	require.NoFileExists(t, link)
}

// A listener is multipathd, that tells when its paths are asked for.
type listener struct {
	*multipath.Command
	asked func()
}

func (l listener) Paths(ctx context.Context) ([]multipath.DaemonPath, error) {
	l.asked()
	return l.Command.Paths(ctx)
}

// What udev does while it is looked cannot be seen by that look: where it still had
// events to work off when the look began, that was not the last one.
func TestVerifyLooksAgainAfterUdev(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	queue := filepath.Join(s.Tree(), "run/udev/queue")
	require.NoError(t, os.MkdirAll(filepath.Dir(queue), 0o755))
	require.NoError(t, os.WriteFile(queue, nil, 0o644))
	const last = 4 // the first look asks twice
	var verifies atomic.Bool
	var asked atomic.Int32
	sys := s.System()
	sys.Daemon = listener{sys.Daemon.(*multipath.Command), func() {
		if verifies.Load() && asked.Add(1) == last {
			_ = os.Remove(queue)
		}
	}}
	sw := s.on(t, sys, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.VerifyGone {
			verifies.Store(true)
		}
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.Greater(t, asked.Load(), int32(last))
}

// The second disk of a LU is deleted once udev has begun with the end of the first, and
// of a udev that does not two seconds are waited for.
func TestDeletesWaitForUdev(t *testing.T) {
	t.Parallel()
	for begins, least := range map[time.Duration]time.Duration{300 * time.Millisecond: 290 * time.Millisecond, time.Hour: 1990 * time.Millisecond} {
		s := lost(t, remediatetest.Fail)
		data := filepath.Join(s.Tree(), "run/udev/data")
		require.NoError(t, os.MkdirAll(data, 0o755))
		var first, second time.Time
		sw := s.on(t, s.System(), remediate.WithObserver(func(e remediate.Event) {
			switch {
			case e.Action != remediate.DeletePath:
			case e.Kind == remediate.EventEnd && first.IsZero():
				first = time.Now()
				time.AfterFunc(begins, func() { _ = os.RemoveAll(data) })
			case e.Kind == remediate.EventBegin && !first.IsZero():
				second = time.Now()
			}
		}))
		p := planned(t, sw, s.lu.WWID())
		for _, path := range p.Targets[0].Paths {
			require.NoError(t, os.WriteFile(filepath.Join(data, "b"+path.Devt.String()), nil, 0o644))
		}
		res := executed(t, sw, p)
		require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
		require.GreaterOrEqual(t, second.Sub(first), least)
	}
}

// Where udev goes on being busy, that is no word against what was seen: half of the
// time that is left is for waiting for it.
func TestVerifyBesideABusyUdev(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	queue := filepath.Join(s.Tree(), "run/udev/queue")
	require.NoError(t, os.MkdirAll(filepath.Dir(queue), 0o755))
	require.NoError(t, os.WriteFile(queue, nil, 0o644))
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	r, err := sw.Execute(ctx, p)
	require.NoError(t, err)
	require.Equal(t, remediate.Removed, r.Results[0].Outcome, "%+v", r.Results[0].Err)
}

// multipathd suspends a map for a moment when it changes it: that is no refusal.
func TestSuspendedForAMoment(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.Suspend(s.m)
	time.AfterFunc(400*time.Millisecond, func() { s.Resume(s.m) })
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
}

// Nor does it keep the LU out of a plan; one that stays suspended does.
func TestPlanSuspendedForAMoment(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	s.Suspend(s.m)
	require.Empty(t, unplanned(t, sw).Targets)
	time.AfterFunc(300*time.Millisecond, func() { s.Resume(s.m) })
	p := planned(t, sw, s.lu.WWID())
	all := map[string]int{}
	for _, d := range p.Survey.Devices {
		all[d.WWID]++
	}
	for wwid, n := range all {
		require.Equal(t, 1, n, wwid)
	}
}

func unplanned(t *testing.T, sw *remediate.Sweeper) *remediate.Plan {
	t.Helper()
	p, err := sw.Plan(within(t))
	require.NoError(t, err)
	return p
}

// A vanishing kernel lists no maps while it is armed: as for a look in whose midst a
// map goes.
type vanishing struct {
	*multipath.DeviceMapper
	armed *atomic.Bool
}

func (k vanishing) Tables(ctx context.Context) ([]multipath.Table, error) {
	if k.armed.Load() {
		return nil, nil
	}
	return k.DeviceMapper.Tables(ctx)
}

// A map whose open count could not be read in one look counts as used in that one, and
// is looked at again.
func TestOpenCountMissedOnce(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	var looks atomic.Int32
	armed := &atomic.Bool{}
	sys.Kernel = vanishing{sys.Kernel.(*multipath.DeviceMapper), armed}
	p := planned(t, s.sweeper(t), s.lu.WWID())
	sw := s.on(t, sys, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventLook { // the first is the breaker's
			armed.Store(looks.Add(1) == 2)
		}
	}))
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.GreaterOrEqual(t, looks.Load(), int32(3))
}

// A link by another of the LU's names than the plan's counts as a remainder, too, where it
// leads to what was a disk of the LU's.
func TestVerifySeesEveryName(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	page, err := os.ReadFile(filepath.Join(s.Tree(), "sys/block/sdi/device/vpd_pg83"))
	require.NoError(t, err)
	link := filepath.Join(s.Tree(), "dev/disk/by-id/scsi-"+t10Of(t, page))
	s.After("sdj delete", func() { _ = os.Symlink("../../sdj", link) })
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	r, err := sw.Execute(ctx, p)
	require.NoError(t, err)
	var remains *remediate.RemainsError
	require.ErrorAs(t, r.Results[0].Err, &remains, "%s", r.Results[0].Reason)
}
