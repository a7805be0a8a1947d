package remediate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// switchedOff is the volume whose disks the kernel's error handler, or somebody, has set
// offline.
func (s *scenario) switchedOff(t *testing.T) {
	t.Helper()
	sys := s.System()
	devices, err := sys.FS.SCSIDevices(within(t))
	require.NoError(t, err)
	for _, d := range devices {
		if d.Block != "sdi" && d.Block != "sdj" {
			continue
		}
		pin, err := sys.FS.Pin(within(t), d.HCTL)
		require.NoError(t, err)
		require.NoError(t, pin.SetState(within(t), sysfs.StateOffline))
		require.NoError(t, pin.Close())
	}
}

// The disks were offline before, and their target said that the LUN is gone; it is back
// while they wait for their delete.
func TestBackWhileDisksWereOfflineBefore(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.switchedOff(t)
	s.Unmap(s.lu)
	waited := false
	sw := s.on(t, s.System(), remediate.WithMaxDead(1), beforeDelete(func() {
		waited = true
		s.Restore(s.lu)
		time.Sleep(3 * long)
	}))
	p := planned(t, sw, s.lu.WWID())
	t.Log(p.Targets[0].Proof, p.Targets[0].Reasons)
	res := executed(t, sw, p)
	require.True(t, waited)
	require.NotContains(t, s.log(), "delete", "%s %s: its target had listed the LUN again for 15 s", res.Outcome, res.Reason)
}
