package remediate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// Whatever goes wrong after queueing was switched off, no path is touched, and
// queueing is switched on again.
func TestExecutePutsQueueingBack(t *testing.T) {
	t.Parallel()
	const off, on = "multipathd disablequeueing map mpathb", "multipathd restorequeueing map mpathb"
	tests := []struct {
		name  string
		harm  func(s *scenario, cancel func())
		want  []string
		check func(*testing.T, error)
	}{
		{
			"cancelled", func(s *scenario, cancel func()) { s.After("disablequeueing", cancel) },
			[]string{off, on},
			func(t *testing.T, err error) { require.ErrorIs(t, err, context.Canceled) },
		},
		{
			"mounted meanwhile",
			func(s *scenario, _ func()) { s.After("disablequeueing", func() { s.Mount("dm-12", "/late") }) },
			[]string{off, on}, nil,
		},
		{
			"alive again",
			func(s *scenario, _ func()) { s.After("disablequeueing", func() { s.Restore(s.lu) }) },
			[]string{off, on},
			func(t *testing.T, err error) {
				var e *remediate.EvidenceError
				require.ErrorAs(t, err, &e)
			},
		},
		{
			"left suspended by the flush", func(s *scenario, _ func()) { s.SuspendOnFlush(s.m) },
			[]string{off, "multipath -f mpathb: left suspended", "dm resume mpathb", on}, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := lost(t, remediatetest.Queue)
			sw := s.sweeper(t)
			p := planned(t, sw, s.lu.WWID())
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			tt.harm(s, cancel)
			res := executedIn(t, ctx, sw, p)
			require.Equal(t, remediate.Failed, res.Outcome, res.Reason)
			if diff := cmp.Diff(tt.want, s.Actions()); diff != "" {
				t.Errorf("what was done (-want +got):\n%s", diff)
			}
			if tt.check != nil {
				tt.check(t, res.Err)
			}
			d := s.find(t)
			require.True(t, d.Map.Queueing, "queueing is still off")
			require.False(t, d.Map.Suspended)
		})
	}
}

// A flush that finds the map in use is tried again until time is up; then the
// user is named, and the paths stay.
func TestExecuteStopsAtAFailedFlush(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.After("disablequeueing", func() { s.BusyOnFlush(s.m, 1000) })
	s.After("map in use", func() { s.Open("dm-12", 41701, "blkid", remediatetest.Reading) })
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	begun := time.Now()
	res := executedIn(t, ctx, sw, p)
	require.Less(t, time.Since(begun), 20*time.Second)
	require.Equal(t, remediate.Failed, res.Outcome, "%s: %v", res.Reason, s.Actions())
	var e *remediate.InUseError
	require.ErrorAs(t, res.Err, &e)
	require.Equal(t, "blkid (pid 41701)", e.Users[0].By)
	log := s.Actions()
	require.Equal(t, "multipathd restorequeueing map mpathb", log[len(log)-1])
	require.NotContains(t, strings.Join(log, "; "), "sdi")
	require.True(t, s.find(t).Map.Queueing)
}

// The operator's rule goes on at an I/O error alone.
func TestExecuteReadsAgainByTheOperatorsRule(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	s.Patience(30 * time.Millisecond)
	sw := s.sweeper(t, remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume))
	p := planned(t, sw, s.lu.WWID())
	looks := 0
	sw = s.sweeper(t, remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume),
		remediate.WithObserver(func(e remediate.Event) {
			if e.Kind == remediate.EventBegin && e.Action == remediate.ProbeMap {
				looks++
				s.HangRead("dm-12")
			}
		}))
	res := executed(t, sw, p)
	require.Equal(t, 1, looks)
	require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
	var e *remediate.EvidenceError
	require.ErrorAs(t, res.Err, &e)
	require.Contains(t, e.Reason, "hung")
	require.Empty(t, s.Actions())
}

// Old names go to new devices while the work goes on: they are not touched.
func TestExecuteLeavesNewcomersAlone(t *testing.T) {
	t.Parallel()
	t.Run("the disk's name and address", func(t *testing.T) {
		s := lost(t, remediatetest.Fail)
		s.After("sdi delete", func() { s.another("vol-n").Path("sdi", s.a, 1) })
		sw := s.sweeper(t)
		res := executed(t, sw, planned(t, sw, s.lu.WWID()))
		require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
		want := []string{"multipath -f mpathb", "sdi state offline", "sdj state offline", "sdi delete", "sdj delete"}
		if diff := cmp.Diff(want, s.Actions()); diff != "" {
			t.Errorf("what was done (-want +got):\n%s", diff)
		}
		sv, err := sw.Survey(within(t))
		require.NoError(t, err)
		d, found := sv.Find("360014051d8f7a3b9c6e40258d17b3f9e")
		require.True(t, found)
		require.Equal(t, remediate.Healthy, d.Verdict)
	})
	t.Run("the disk's name and address, before the work", func(t *testing.T) {
		s := lost(t, remediatetest.Fail)
		sw := s.sweeper(t)
		p := planned(t, sw, s.lu.WWID())
		s.DeletedByHand("sdi")
		s.another("vol-n").Path("sdi", s.a, 1)
		res := executed(t, sw, p)
		require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
		want := []string{"multipath -f mpathb", "sdj state offline", "sdj delete"}
		if diff := cmp.Diff(want, s.Actions()); diff != "" {
			t.Errorf("what was done (-want +got):\n%s", diff)
		}
	})
	t.Run("every name, before the work", func(t *testing.T) {
		s := lost(t, remediatetest.Fail)
		sw := s.sweeper(t)
		p := planned(t, sw, s.lu.WWID())
		s.FlushedByHand(s.m)
		s.DeletedByHand("sdi", "sdj")
		n := s.another("vol-n").Path("sdi", s.a, 1).Path("sdj", s.b, 1)
		s.Map("mpathb", "dm-12", n, remediatetest.Fail)
		res := executed(t, sw, p)
		require.Equal(t, remediate.Absent, res.Outcome, res.Reason)
		require.Contains(t, res.Reason, "sdi is "+n.WWID()+" now, another LU")
		require.Empty(t, s.Actions())
	})
	t.Run("the map's name", func(t *testing.T) {
		s := lost(t, remediatetest.Fail)
		sw := s.sweeper(t)
		p := planned(t, sw, s.lu.WWID())
		s.FlushedByHand(s.m)
		n := s.another("vol-n").Path("sdm", s.a, 9).Path("sdn", s.b, 9)
		s.Map("mpathb", "dm-12", n, remediatetest.Fail)
		res := executed(t, sw, p)
		require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
		want := []string{"sdi state offline", "sdj state offline", "sdi delete", "sdj delete"}
		if diff := cmp.Diff(want, s.Actions()); diff != "" {
			t.Errorf("what was done (-want +got):\n%s", diff)
		}
	})
	t.Run("a dead path's name, while its map lives on", func(t *testing.T) {
		s := before(t, remediatetest.Fail)
		c := s.target(41)
		three := s.another("vol-3").Path("sdm", s.a, 9).Path("sdn", s.b, 9).Path("sdo", c, 9)
		s.Map("mpathc", "dm-13", three, remediatetest.Fail)
		s.Unmap(three, s.b, c)
		s.After("sdn delete", func() {
			s.DeletedByHand("sdo")
			s.LU("600140500000000000000000000000f2", gib, "LIO-ORG", "vol-4").Path("sdo", c, 9)
		})
		sw := s.sweeper(t)
		executed(t, sw, planned(t, sw, three.WWID()))
		require.NotContains(t, strings.Join(s.Actions(), "; "), "sdo")
	})
	t.Run("the volume itself, mapped again", func(t *testing.T) {
		s := lost(t, remediatetest.Fail)
		c := s.target(41)
		s.After("sdi delete", func() { s.lu.Path("sdk", c, 1) })
		sw := s.sweeper(t)
		res := executed(t, sw, planned(t, sw, s.lu.WWID()))
		require.Equal(t, remediate.Failed, res.Outcome, res.Reason)
		require.NotContains(t, strings.Join(s.Actions(), "; "), "sdk")
	})
	t.Run("a straggler that udev reads for a moment", func(t *testing.T) {
		s := lost(t, remediatetest.Fail)
		c := s.target(41)
		s.After("sdj delete", func() {
			s.lu.Path("sdk", c, 1)
			s.Unmap(s.lu)
			s.Open("sdk", 41702, "udev-worker", remediatetest.Reading)
			time.AfterFunc(300*time.Millisecond, func() { s.Kill(41702) })
		})
		sw := s.sweeper(t)
		res := executed(t, sw, planned(t, sw, s.lu.WWID()))
		require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
		require.Contains(t, strings.Join(s.Actions(), "; "), "sdk delete")
	})
	t.Run("a straggler that somebody uses", func(t *testing.T) {
		s := lost(t, remediatetest.Fail)
		c := s.target(41)
		s.After("sdi delete", func() {
			s.lu.Path("sdk", c, 1)
			s.Mount("sdk", "/rescue")
			s.Unmap(s.lu)
		})
		sw := s.sweeper(t)
		res := executed(t, sw, planned(t, sw, s.lu.WWID()))
		var e *remediate.InUseError
		require.ErrorAs(t, res.Err, &e, "%v", s.Actions())
		require.NotContains(t, strings.Join(s.Actions(), "; "), "sdk")
	})
}

// A delete that sleeps in the kernel is left behind, reported, and the next run
// finishes the work once it has come back.
func TestExecuteLeavesAStuckDelete(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.StuckDelete("sdi")
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	res := executedIn(t, ctx, sw, p)
	require.Equal(t, remediate.Stuck, res.Outcome, res.Reason)
	var e *remediate.TimeoutError
	require.ErrorAs(t, res.Err, &e)
	require.True(t, e.Stuck)
	require.NotContains(t, s.log(), "sdj delete")
	require.Equal(t, "sdj state running", s.Actions()[len(s.Actions())-1])

	s.Release()
	require.Eventually(t, func() bool { return len(s.lu.Paths()) == 1 }, 20*time.Second, time.Millisecond)
	res = executed(t, s.sweeper(t), p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.Equal(t, "sdj delete", s.Actions()[len(s.Actions())-1])
}
