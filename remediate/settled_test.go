package remediate_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// An event from before the end of a disk makes its link anew when nobody expects it
// any more, for a moment: as long as udev has events to work off, gone is not gone.
func TestVerifyWaitsForUdev(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	queue := filepath.Join(s.Tree(), "run/udev/queue")
	link := filepath.Join(s.Tree(), "dev/disk/by-id/wwn-0x"+s.lu.WWID()[1:])
	require.NoError(t, os.MkdirAll(filepath.Dir(queue), 0o755))
	require.NoError(t, os.WriteFile(queue, nil, 0o644))
	sw := s.on(t, s.System(), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind != remediate.EventBegin || e.Action != remediate.VerifyGone {
			return
		}
		time.AfterFunc(time.Second, func() {
			_ = os.Symlink("../../sdj", link)
			time.Sleep(200 * time.Millisecond)
			_ = os.Remove(link)
			_ = os.Remove(queue)
		})
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.NoFileExists(t, queue, "it did not wait for udev")
	require.NoFileExists(t, link)
}

// multipathd suspends a map for a moment when it changes it: that is no refusal.
func TestSuspendedForAMoment(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.Suspend(s.m)
	time.AfterFunc(400*time.Millisecond, func() { s.Resume(s.m) })
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
}
