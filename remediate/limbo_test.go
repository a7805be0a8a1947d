package remediate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A delete has not come back: the SCSI device is off the bus, and its disk still
// there. That is not gone, and whoever comes next says so, starts no second one
// and does nothing else meanwhile.
func TestDeleteUnderWay(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.StuckDelete("sdi")
	p := planned(t, s.sweeper(t), s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	require.Equal(t, remediate.Stuck, executedIn(t, ctx, s.sweeper(t), p).Outcome)
	before := s.log()

	another := s.sweeper(t)
	res := executed(t, another, p)
	var e *remediate.TimeoutError
	require.ErrorAs(t, res.Err, &e)
	require.True(t, e.Stuck)
	require.Equal(t, remediate.Stuck, res.Outcome)
	require.Contains(t, res.Reason, "delete of sdi has not come back")
	require.Equal(t, before, s.log())
	all, err := another.Verify(within(t), p.Targets...)
	require.NoError(t, err)
	require.False(t, all[0].Gone)
	require.Contains(t, strings.Join(all[0].Remains, "; "), "disk sdi (")

	s.Release()
	require.Eventually(t, func() bool { return len(s.lu.Paths()) == 1 }, 20*time.Second, time.Millisecond)
	require.Equal(t, remediate.Removed, executed(t, another, p).Outcome)
}
