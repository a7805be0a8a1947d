package remediate_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// An owner that panics has not said that the LU is his: the panic is in no
// goroutine of the caller's, who could not stop it from taking the node's driver
// down.
func TestOwnerPanics(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	d := s.find(t, remediate.WithOwner(func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
		if sub.WWID == s.lu.WWID() {
			panic("no such record")
		}
		return remediate.Claim{Owner: remediate.Mine}, nil
	}))
	require.Equal(t, remediate.OwnerUnknown, d.Owner)
	require.False(t, d.Removable)
	require.Contains(t, d.Evidence.ClaimError, "no such record")
}

// An observer that panics must not leave queueing switched off, now or when what
// it left is put right.
func TestObserverPanics(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("disablequeueing", func() { s.Restore(s.lu) })
	res := executed(t, s.sweeper(t, remediate.WithObserver(func(e remediate.Event) {
		if e.Action != "" {
			panic("index out of range")
		}
	})), p)
	require.Equal(t, remediate.Failed, res.Outcome, res.Reason)
	require.True(t, s.find(t).Map.Queueing)
}

// panicking is a journal's writer.
type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("disk on fire") }

// A journal that panics is one that cannot be written: nothing is done.
func TestJournalPanics(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t, remediate.WithJournal(panicking{}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
	require.Contains(t, res.Reason, "disk on fire")
	require.Empty(t, s.Actions())
}
