package remediate_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// The LUN of one path was given back between plan and act: the LU lives, and keeps its map.
func TestRemappedAndGivenBackOnOnePath(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	fresh := s.another("new")
	s.Remap(s.lu, fresh)
	sw := s.sweeper(t, remediate.WithMaxDead(1))
	p := planned(t, sw, s.lu.WWID())
	s.Remap(fresh, s.lu, s.b) // sdj answers as its own LU again
	res := executed(t, sw, p)
	require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
	require.NotContains(t, s.log(), "multipath -f", "the map of a living LU was flushed")
}

// The link comes back while the owner is asked, right before the flush.
func TestBackWhileTheOwnerIsAsked(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Outage()
	execute := false
	owner := remediate.WithOwner(func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
		if execute && sub.WWID == s.lu.WWID() {
			s.Recover()
			time.Sleep(1500 * time.Millisecond)
		}
		return remediate.Claim{Owner: remediate.Mine, Detached: sub.WWID == s.lu.WWID()}, nil
	})
	sw := s.sweeper(t, owner, remediate.WithMaxDead(1))
	p := planned(t, sw, s.lu.WWID())
	first := true
	sw2 := s.sweeper(t, remediate.WithMaxDead(1), owner, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventLook && !first {
			execute = true // not at the survey of the breaker, but at the look before the flush
		}
		first = false
	}))
	res := executed(t, sw2, p)
	require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
	require.NotContains(t, s.log(), "multipath -f", "the map of a LU that answers was flushed")
}
