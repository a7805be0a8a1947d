package remediate_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

const gone = "gone from the kernel, multipathd and /dev/disk/by-id"

func TestExecuteRemoves(t *testing.T) {
	t.Parallel()
	paths := []string{"sdi state offline", "sdj state offline", "sdi delete", "sdj delete"}
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
			want: []string{
				"multipath -f mpathb", "sdi state offline", "sdj state offline", "sdk state offline",
				"sdi delete", "sdj delete", "sdk delete",
			},
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
		"disablequeueing", "multipath -f", "sdi state offline", "sdj state offline", "sdi delete", "sdj delete",
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
