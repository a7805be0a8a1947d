package remediate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A bare disk of the LU, which multipathd has not taken into the map yet, falls silent with
// the others: the operator's rule takes the map's word, and the map says nothing of it.
func TestRunbookSparesWhatNoMapHasFailed(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	c := s.Session("iqn.2003-01.org.example:c", 41)
	s.lu.Path("sdk", c, 1)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	sw := s.sweeper(t, remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume))
	p, err := sw.Plan(within(t))
	require.NoError(t, err)
	for _, x := range p.Targets {
		for _, pin := range x.Paths {
			if pin.Dev == "sdk" {
				r, err := sw.Execute(within(t), p)
				require.NoError(t, err)
				t.Errorf("%s %v: %v %s", x.Proof, x.Reasons, s.Actions(), r.Results[0].Outcome)
			}
		}
	}
}

// A bare disk answers as another LU, another one is alive; there is no multipathd.
func TestBareRemappedWithoutDaemon(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Remap(s.lu, s.another("vol-n"), s.a)
	s.StopDaemon()
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, "%s %v", res.Reason, s.Actions())
}
