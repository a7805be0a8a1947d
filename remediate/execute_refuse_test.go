package remediate_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

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

// A map that was made anew since, under the same name, number and uuid, is not the
// planned one.
func TestMapMadeAnewSincePlan(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	require.NotZero(t, p.Targets[0].Map.DiskSeq)
	require.NoError(t, os.WriteFile(filepath.Join(s.Tree(), "sys/block/dm-12/diskseq"), []byte("4711\n"), 0o600))
	res := executed(t, sw, p)
	require.Equal(t, remediate.Refused, res.Outcome, "%s %v", res.Reason, s.Actions())
	var stale *remediate.StaleError
	require.ErrorAs(t, res.Err, &stale)
}
