package remediate_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// Clear removes what it was asked for and nothing else, and a second call finds
// it absent.
func TestClear(t *testing.T) {
	s := lost(t, remediatetest.Queue)
	s.Unmap(s.healthy) // dead as well, and not asked for
	sw := s.sweeper(t, remediate.WithMaxDead(1))
	for _, want := range []remediate.Outcome{remediate.Removed, remediate.Absent} {
		r, err := sw.Clear(within(t), "naa."+s.lu.WWID()[1:])
		require.NoError(t, err)
		require.Len(t, r.Results, 1)
		require.Equal(t, want, r.Results[0].Outcome)
	}
	require.Equal(t, []string{"sdb", "sdc"}, s.healthy.Paths())
}

// The only map of a host may look dead when it was asked for by name; that all
// others look dead too is an outage.
func TestClearBreaker(t *testing.T) {
	alone := remediatetest.New(t)
	lu := alone.LU("60014055e7c14d0b8aa4f6e92d3b7c05", gib, "LIO-ORG", "vol-b").Path("sdi", alone.Session("iqn.2003-01.org.example:a", 39), 1)
	alone.Map("mpathb", "dm-12", lu, remediatetest.Fail)
	alone.Unmap(lu)
	_, err := (&scenario{Host: alone}).sweeper(t).Clear(within(t), lu.WWID())
	require.NoError(t, err)

	s := lost(t, remediatetest.Fail)
	s.Unmap(s.healthy)
	_, err = s.sweeper(t).Clear(within(t), s.lu.WWID())
	var breaker *remediate.BreakerError
	require.ErrorAs(t, err, &breaker)
	require.Empty(t, s.Actions())
}

// What must stay is refused by the error that says why, and does not keep the
// others.
func TestClearRefuses(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	r, err := s.sweeper(t).Clear(within(t), s.lu.WWID(), s.healthy.WWID(), freshWWID)
	var e *remediate.EvidenceError
	require.ErrorAs(t, err, &e)
	require.Equal(t, s.healthy.WWID(), e.WWID)
	got := map[string]remediate.Outcome{}
	for _, x := range r.Results {
		got[x.WWID] = x.Outcome
	}
	require.Equal(t, map[string]remediate.Outcome{
		s.lu.WWID(): remediate.Removed, s.healthy.WWID(): remediate.Refused, freshWWID: remediate.Absent,
	}, got)

	_, err = s.sweeper(t).Clear(within(t), "vol-17")
	require.ErrorIs(t, err, fs.ErrInvalid)
}
