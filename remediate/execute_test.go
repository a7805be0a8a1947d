package remediate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

const gone = "gone from the kernel, multipathd and /dev/disk/by-id"

func TestExecuteRemoves(t *testing.T) {
	t.Parallel()
	paths := []string{"sdi state offline", "sdi delete", "sdj state offline", "sdj delete"}
	tests := []struct {
		name string
		host func(t *testing.T) *scenario
		opts func(*scenario) []remediate.Option
		want []string
	}{
		{
			name: "a map that fails I/O", host: func(t *testing.T) *scenario { return lost(t, remediatetest.Fail) },
			want: append([]string{"multipath -f mpathb"}, paths...),
		},
		{
			name: "a map that queues, with a reader stuck on it",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Queue)
				s.Open("dm-12", 41700, "dd", remediatetest.Stuck)
				return s
			},
			want: append([]string{"multipathd disablequeueing map mpathb", "multipath -f mpathb"}, paths...),
		},
		{
			name: "a map with partitions",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Partition("dm-12", 1, "dm-20")
				s.Partition("dm-12", 2, "dm-21")
				s.Unmap(s.lu)
				return s
			},
			want: append([]string{"multipath -f mpathb"}, paths...),
		},
		{
			name: "LUN 0, whose paths stay active ready",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Disconnect(s.lu)
				return s
			},
			want: append([]string{"multipath -f mpathb"}, paths...),
		},
		{
			name: "a LUN that belongs to another volume now",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Remap(s.lu, s.another("vol-n"))
				return s
			},
			want: append([]string{"multipath -f mpathb"}, paths...),
		},
		{
			name: "an empty map that queues",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Queue)
				s.DeletedByHand("sdi", "sdj")
				return s
			},
			want: []string{"multipathd disablequeueing map mpathb", "multipath -f mpathb"},
		},
		{
			name: "disks without a map",
			host: func(t *testing.T) *scenario {
				s := unmultipathed(t)
				s.Unmap(s.lu)
				return s
			},
			want: paths,
		},
		{
			name: "what its owner attests, during an outage",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Outage()
				return s
			},
			opts: func(s *scenario) []remediate.Option {
				return []remediate.Option{s.detached(), remediate.WithMaxDead(1)}
			},
			want: []string{"multipath -f mpathb", "sdi delete", "sdj delete"}, // the kernel has them offline already
		},
		{
			name: "the operator's rule, where the map queues",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Queue)
				s.Vanish(s.lu)
				s.Vanish(s.healthy)
				return s
			},
			opts: func(*scenario) []remediate.Option {
				return []remediate.Option{remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume)}
			},
			want: append([]string{"multipathd disablequeueing map mpathb", "multipath -f mpathb"}, paths...),
		},
		{
			name: "a map that udev looks at",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Fail)
				s.BusyOnFlush(s.m, 1)
				return s
			},
			want: append([]string{"multipath -f mpathb: map in use", "multipath -f mpathb"}, paths...),
		},
		{
			name: "a straggler that multipathd has not put into the map",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.lu.Path("sdk", s.target(41), 1)
				s.Unmap(s.lu)
				return s
			},
			want: append(append([]string{"multipath -f mpathb"}, paths...), "sdk state offline", "sdk delete"),
		},
		{
			name: "a straggler that turns up after the flush",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Fail)
				c := s.target(41)
				s.After("multipath -f", func() { s.lu.Path("sdk", c, 1); s.Unmap(s.lu) })
				return s
			},
			want: append(append([]string{"multipath -f mpathb"}, paths...), "sdk state offline", "sdk delete"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.host(t)
			var opts []remediate.Option
			if tt.opts != nil {
				opts = tt.opts(s)
			}
			sw := s.sweeper(t, opts...)
			p := planned(t, sw, s.lu.WWID())
			res := executed(t, sw, p)
			require.Equal(t, remediate.Removed, res.Outcome, "%s: %v", res.Reason, did(res))
			require.Equal(t, gone, res.Reason)
			require.NoError(t, res.Err)
			if diff := cmp.Diff(tt.want, s.Actions()); diff != "" {
				t.Errorf("what was done (-want +got):\n%s", diff)
			}
			after, err := sw.Survey(within(t))
			require.NoError(t, err)
			_, found := after.Find(s.lu.WWID())
			require.False(t, found, "it is still there")

			again := executed(t, sw, p)
			require.Equal(t, remediate.Absent, again.Outcome, "the second run: %s", again.Reason)
			require.NoError(t, again.Err)
			require.Len(t, s.Actions(), len(tt.want), "the second run did something")
		})
	}
}

func TestExecuteTakesOnlyTheDeadPath(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Queue)
	s.Unmap(s.lu, s.b)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	want := []string{"multipathd del path sdj", "sdj state offline", "sdj delete"}
	if diff := cmp.Diff(want, s.Actions()); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
	d := s.find(t)
	require.Equal(t, remediate.Healthy, d.Verdict)
	require.Len(t, d.Paths, 1)
	require.True(t, d.Map.Queueing)

	again := executed(t, sw, p)
	require.Equal(t, remediate.Absent, again.Outcome, "the second run: %s", again.Reason)
	require.Len(t, s.Actions(), len(want))
}

// A run that was killed between taking a path out of its map and deleting it is
// finished by the next.
func TestExecuteFinishesWhatAnotherBegan(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Unmap(s.lu, s.b)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	ctx, kill := context.WithCancel(t.Context())
	s.After("del path sdj", kill)
	res := executedIn(t, ctx, sw, p)
	require.ErrorIs(t, res.Err, context.Canceled)
	res = executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	want := []string{"multipathd del path sdj", "sdj state offline", "sdj delete"}
	if diff := cmp.Diff(want, s.Actions()); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

// Cancelled after any action, and run again, it comes to the same end.
func TestExecuteConverges(t *testing.T) {
	t.Parallel()
	for _, action := range []string{
		"disablequeueing", "multipath -f", "sdi state offline", "sdi delete", "sdj state offline", "sdj delete",
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			s := lost(t, remediatetest.Queue)
			s.Open("dm-12", 41700, "dd", remediatetest.Stuck)
			sw := s.sweeper(t)
			p := planned(t, sw, s.lu.WWID())
			ctx, cancel := context.WithCancel(t.Context())
			s.After(action, cancel)
			first := executedIn(t, ctx, sw, p)
			require.ErrorIs(t, first.Err, context.Canceled)
			// a write that is cancelled in the middle has not come back
			require.Contains(t, []remediate.Outcome{remediate.Failed, remediate.Stuck}, first.Outcome, first.Reason)

			second := executed(t, s.sweeper(t), p)
			require.Contains(t, []remediate.Outcome{remediate.Removed, remediate.Absent}, second.Outcome, second.Reason)
			got, err := sw.Verify(within(t), p.Targets...)
			require.NoError(t, err)
			require.True(t, got[0].Gone, "%v", got[0].Remains)
			sv, err := sw.Survey(within(t))
			require.NoError(t, err)
			d, found := sv.Find(s.healthy.WWID())
			require.True(t, found)
			require.Equal(t, remediate.Healthy, d.Verdict)
			require.Len(t, d.Paths, 2)
		})
	}
}

// Between plan and execution the host changes, so that nothing must be done.
func TestExecuteRefuses(t *testing.T) {
	t.Parallel()
	inUse := func(by string) func(*testing.T, error) {
		return func(t *testing.T, err error) {
			var e *remediate.InUseError
			require.ErrorAs(t, err, &e)
			require.Equal(t, by, e.Users[0].By)
		}
	}
	stale := func(what string) func(*testing.T, error) {
		return func(t *testing.T, err error) {
			var e *remediate.StaleError
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Error(), what)
		}
	}
	evidence := func(v remediate.Verdict) func(*testing.T, error) {
		return func(t *testing.T, err error) {
			var e *remediate.EvidenceError
			require.ErrorAs(t, err, &e)
			require.Equal(t, v, e.Verdict)
		}
	}
	tests := []struct {
		name   string
		change func(*scenario)
		check  func(*testing.T, error)
	}{
		{"it was mounted", func(s *scenario) { s.Mount("dm-12", "/var/lib/x") }, inUse("/var/lib/x")},
		{"it was mounted where only one process sees it", func(s *scenario) { s.MountElsewhere("dm-12", "/data", 5120) }, inUse("/data")},
		{"somebody writes to it", func(s *scenario) { s.Open("dm-12", 41701, "qemu", remediatetest.Writing) }, inUse("qemu (pid 41701)")},
		{"a volume group is on it", func(s *scenario) { s.LVM("dm-12", "dm-20", "vg0-data") }, inUse("vg0-data (LVM, dm-20)")},
		{"it was mapped again", func(s *scenario) { s.Restore(s.lu) }, evidence(remediate.Healthy)},
		{"it was mapped again on one path", func(s *scenario) { s.Restore(s.lu, s.a) }, evidence(remediate.StalePath)},
		{"the sessions went down", func(s *scenario) { s.Outage(s.a, s.b) }, nil},
		{"it was suspended", func(s *scenario) { s.Suspend(s.m) }, evidence(remediate.Suspended)},
		{"its LUN was given to another volume", func(s *scenario) { s.Remap(s.lu, s.another("vol-n")) }, evidence(remediate.Remapped)},
		{"the same LU has come again under its name and address", func(s *scenario) {
			s.DeletedByHand("sdi")
			s.lu.Path("sdi", s.a, 1)
			s.Unmap(s.lu)
		}, stale("disk sequence number")},
		{"a further path has come", func(s *scenario) {
			s.lu.Path("sdk", s.target(41), 1)
			s.Unmap(s.lu)
		}, stale("sdk")},
		{"its map was made anew under another name", func(s *scenario) {
			s.FlushedByHand(s.m)
			s.Map("mpathz", "dm-31", s.lu, remediatetest.Fail)
			s.Unmap(s.lu)
		}, stale("mpathz")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := lost(t, remediatetest.Fail)
			sw := s.sweeper(t, remediate.WithMaxDead(1))
			p := planned(t, sw, s.lu.WWID())
			tt.change(s)
			res := executed(t, sw, p)
			require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
			require.Error(t, res.Err)
			if tt.check != nil {
				tt.check(t, res.Err)
			}
			if diff := cmp.Diff([]string(nil), s.Actions()); diff != "" {
				t.Errorf("something was done:\n%s", diff)
			}
		})
	}
}

func TestExecuteAsksTheOwnerAgain(t *testing.T) {
	t.Parallel()
	for _, owner := range []remediate.Ownership{remediate.NotMine, remediate.OwnerUnknown} {
		t.Run(owner.String(), func(t *testing.T) {
			s := lost(t, remediatetest.Queue)
			p := planned(t, s.sweeper(t), s.lu.WWID())
			res := executed(t, s.sweeper(t, remediate.WithOwner(claims(remediate.Claim{Owner: owner}, nil))), p)
			var e *remediate.NotOwnedError
			require.ErrorAs(t, res.Err, &e)
			require.Equal(t, owner, e.Owner)
			require.Equal(t, remediate.Refused, res.Outcome)
			require.Empty(t, s.Actions())
		})
	}
	t.Run("an error", func(t *testing.T) {
		s := lost(t, remediatetest.Queue)
		p := planned(t, s.sweeper(t), s.lu.WWID())
		res := executed(t, s.sweeper(t, remediate.WithOwner(claims(remediate.Claim{Owner: remediate.Mine}, errors.New("no answer")))), p)
		var e *remediate.NotOwnedError
		require.ErrorAs(t, res.Err, &e)
		require.Empty(t, s.Actions())
	})
}

func TestExecuteRefusesPlansThatDoNotFit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		opts   []remediate.Option
		change func(*scenario, *remediate.Plan)
		want   string
	}{
		{"edited", nil, func(_ *scenario, p *remediate.Plan) { p.Targets[0].Paths[0].Dev = "sda" }, "edited"},
		{"of another host", nil, func(s *scenario, _ *remediate.Plan) { s.Rename("worker-4") }, "host"},
		{"of another boot", nil, func(s *scenario, _ *remediate.Plan) { s.Reboot("00000000-0000-4000-8000-000000000001") }, "restarted"},
		{"expired", []remediate.Option{remediate.WithExpiry(-time.Minute)}, func(*scenario, *remediate.Plan) {}, "valid until"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := lost(t, remediatetest.Queue)
			sw := s.sweeper(t, tt.opts...)
			p := planned(t, sw, s.lu.WWID())
			tt.change(s, p)
			_, err := sw.Execute(within(t), p)
			var e *remediate.StaleError
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Error(), tt.want)
			require.Empty(t, s.Actions())
		})
	}
}

func TestExecuteTripsTheBreaker(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.Unmap(s.healthy)
	_, err := sw.Execute(within(t), p)
	var e *remediate.BreakerError
	require.ErrorAs(t, err, &e)
	require.Empty(t, s.Actions())
}

func TestExecuteWritesNothingOnceCancelled(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sw.Execute(ctx, p)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, s.Actions())
}

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
		want := []string{"multipath -f mpathb", "sdi state offline", "sdi delete", "sdj state offline", "sdj delete"}
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
	t.Run("the map's name", func(t *testing.T) {
		s := lost(t, remediatetest.Fail)
		sw := s.sweeper(t)
		p := planned(t, sw, s.lu.WWID())
		s.FlushedByHand(s.m)
		n := s.another("vol-n").Path("sdm", s.a, 9).Path("sdn", s.b, 9)
		s.Map("mpathb", "dm-12", n, remediatetest.Fail)
		res := executed(t, sw, p)
		require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
		want := []string{"sdi state offline", "sdi delete", "sdj state offline", "sdj delete"}
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
	require.NotContains(t, strings.Join(s.Actions(), "; "), "sdj")

	s.Release()
	require.Eventually(t, func() bool { return len(s.lu.Paths()) == 1 }, 20*time.Second, time.Millisecond)
	res = executed(t, s.sweeper(t), p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.Equal(t, "sdj delete", s.Actions()[len(s.Actions())-1])
}

func TestExecuteWithoutMultipathd(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.StopDaemon()
	sys := s.SystemDM()
	sw := s.on(t, sys)
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	want := []string{
		"dm message mpathb fail_if_no_path", "dm remove mpathb",
		"sdi state offline", "sdi delete", "sdj state offline", "sdj delete",
	}
	if diff := cmp.Diff(want, s.Actions()); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

// Where multipathd does not take orders, the kernel does.
func TestExecuteBesideABusyMultipathd(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.BusyDaemon()
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	t.Run("restored", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s.After("fail_if_no_path", cancel)
		res := executedIn(t, ctx, sw, p)
		require.ErrorIs(t, res.Err, context.Canceled)
		require.Equal(t, remediate.Failed, res.Outcome)
		want := []string{"dm message mpathb fail_if_no_path", "dm message mpathb queue_if_no_path"}
		if diff := cmp.Diff(want, s.Actions()); diff != "" {
			t.Errorf("what was done (-want +got):\n%s", diff)
		}
	})
	t.Run("removed", func(t *testing.T) {
		res := executed(t, sw, p)
		require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
		want := []string{
			"dm message mpathb fail_if_no_path", "multipath -f mpathb",
			"sdi state offline", "sdi delete", "sdj state offline", "sdj delete",
		}
		if diff := cmp.Diff(want, s.Actions()[2:]); diff != "" {
			t.Errorf("what was done (-want +got):\n%s", diff)
		}
	})
}

// A multipathd that does not notice is told.
func TestExecuteMakesMultipathdForget(t *testing.T) {
	t.Parallel()
	h := remediatetest.New(t)
	h.Stage("orphan")
	h.DeafDaemon()
	s := &scenario{Host: h}
	sw := s.sweeper(t)
	res := executed(t, sw, planned(t, sw, remediatetest.WWIDb))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	want := []string{"sdi state offline", "sdi delete", "multipathd del path sdi"}
	if diff := cmp.Diff(want, h.Actions()); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

func TestReportInJSON(t *testing.T) {
	t.Parallel()
	r := remediate.Report{PlanID: "p", Results: []remediate.Result{{
		WWID: "3600", Outcome: remediate.Failed, Reason: "no", Steps: []remediate.StepResult{
			{Action: remediate.FlushMap, Target: "mpathb", Outcome: "failed", Err: errors.New("no"), Took: 41 * time.Millisecond},
			{Action: remediate.RestoreQueueing, Target: "mpathb", Outcome: "done"},
		},
	}}}
	got, err := json.Marshal(r.Results)
	require.NoError(t, err)
	want := `[{"wwid":"3600","outcome":"failed","reason":"no","steps":[` +
		`{"action":"flush-map","target":"mpathb","outcome":"failed","error":"no","took_ms":41},` +
		`{"action":"restore-queueing","target":"mpathb","outcome":"done","error":null,"took_ms":0}]}]`
	require.JSONEq(t, want, string(got))
}

// Many LUs are worked on side by side, one fails, and the others go.
func TestExecuteManySideBySide(t *testing.T) {
	t.Parallel()
	const n = 20
	h := remediatetest.New(t)
	s := &scenario{Host: h, a: h.Session("iqn.2003-01.org.example:a", 39), b: h.Session("iqn.2003-01.org.example:b", 40)}
	var wwids []string
	for i := range n {
		lu := h.LU(fmt.Sprintf("6001405%025d", i), gib, "LIO-ORG", "vol").
			Path(remediatetest.DiskName(2*i+1), s.a, uint64(i+1)).Path(remediatetest.DiskName(2*i+2), s.b, uint64(i+1))
		m := h.Map(fmt.Sprintf("mpath%d", i), fmt.Sprintf("dm-%d", i), lu, remediatetest.NoPathRetry(i%2))
		if i == 3 {
			h.SuspendOnFlush(m)
		}
		h.Unmap(lu)
		wwids = append(wwids, lu.WWID())
	}
	h.LU("60014050000000000000000000000aaa", gib, "LIO-ORG", "alive").Path("sdzz", s.a, 900)
	sw := s.sweeper(t, remediate.WithMaxDead(1))
	p := planned(t, sw, wwids...)
	r, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	for i, res := range r.Results {
		want := remediate.Removed
		if i == 3 {
			want = remediate.Failed
		}
		require.Equal(t, p.Targets[i].WWID, res.WWID)
		require.Equal(t, want, res.Outcome, res.Reason)
	}
	require.Len(t, r.Left(), 1)
	require.ErrorContains(t, r.Err(), p.Targets[3].WWID)
	for _, lu := range wwids {
		requireOrder(t, s.Actions(), p, lu)
	}
}

// requireOrder checks that no disk of a target went before its map.
func requireOrder(t *testing.T, log []string, p *remediate.Plan, wwid string) {
	t.Helper()
	at := map[string]int{}
	for i, a := range log {
		at[a] = i + 1
	}
	for _, x := range p.Targets {
		if x.WWID != wwid {
			continue
		}
		flushed := at["multipath -f "+x.Map.Name]
		for _, path := range x.Paths {
			if off := at[path.Dev+" state offline"]; off > 0 && (flushed == 0 || off < flushed) {
				t.Errorf("%s went before its map %s", path.Dev, x.Map.Name)
			}
		}
	}
}

func TestExecuteKeepsAJournal(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	var journal bytes.Buffer
	sw = s.sweeper(t, remediate.WithJournal(&journal))
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	var want, got []string
	for _, step := range p.Steps {
		name := string(step.Action) + " " + step.Target
		want = append(want, "begin "+name+" ", "end "+name+" done")
	}
	for line := range strings.Lines(journal.String()) {
		var e remediate.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Equal(t, p.ID, e.PlanID)
		got = append(got, fmt.Sprintf("%s %s %s %s", e.Kind, e.Action, e.Target, e.Outcome))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}

// A full disk under the journal stops the work before its first change.
func TestExecuteDoesNothingWithoutItsJournal(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t, remediate.WithJournal(fullDisk{}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Refused, res.Outcome)
	require.ErrorIs(t, res.Err, errFull)
	require.Empty(t, s.Actions())
}

var errFull = errors.New("no space left on device")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
