package remediate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// Disks that are off cannot be asked, and may have to wait with that for others' deletes:
// a LU that has come back meanwhile stays, and its disks are running again.
func TestBackWhileItsDisksAreOff(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	waited := false
	sw := s.on(t, s.System(), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind != remediate.EventBegin || e.Action != remediate.DeletePath || waited {
			return
		}
		waited = true
		s.Restore(s.lu)
		time.Sleep(5*time.Second + 200*time.Millisecond)
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	var evidence *remediate.EvidenceError
	require.ErrorAs(t, res.Err, &evidence, "%s %s", res.Outcome, res.Reason)
	require.True(t, waited)
	require.Contains(t, res.Reason, "was flushed before, and comes back by order alone (multipathd add path")
	require.NotContains(t, s.log(), "delete")
	off := map[string]bool{}
	for _, a := range s.Actions() {
		if disk, is := strings.CutSuffix(a, " state offline"); is {
			off[disk] = true
		}
		if disk, is := strings.CutSuffix(a, " state running"); is {
			delete(off, disk)
		}
	}
	require.Empty(t, off, "%v", s.Actions())
}

// One that is as lost as before goes, asked once more.
func TestOffForLong(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	waited := false
	sw := s.on(t, s.System(), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.DeletePath && !waited {
			waited = true
			time.Sleep(5*time.Second + 200*time.Millisecond)
		}
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.Contains(t, s.log(), "state running", "%v", s.Actions())
}
