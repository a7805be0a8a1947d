package remediate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// switchedOff has the kernel's error handler, or somebody, set disks offline.
func (s *scenario) switchedOff(t *testing.T, disks ...string) {
	t.Helper()
	sys := s.System()
	devices, err := sys.FS.SCSIDevices(within(t))
	require.NoError(t, err)
	for _, d := range devices {
		if !slices.Contains(disks, d.Block) {
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
	s.switchedOff(t, "sdi", "sdj")
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

// Disks that were offline before, and stay dead, go however long they wait.
func waitsOffline(t *testing.T, silent bool) {
	s := before(t, remediatetest.Fail)
	s.Patience(200 * time.Millisecond)
	s.switchedOff(t, "sdi", "sdj")
	opts := []remediate.Option{remediate.WithMaxDead(1), beforeDelete(func() { time.Sleep(2 * long) })}
	if silent {
		s.Vanish(s.lu)
		opts = append(opts, s.detached())
	} else {
		s.Unmap(s.lu)
	}
	sw := s.on(t, s.System(), opts...)
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, "%s %v", res.Reason, s.Actions())
}

func TestOfflineBeforeByOwner(t *testing.T)  { t.Parallel(); waitsOffline(t, true) }
func TestOfflineBeforeByTarget(t *testing.T) { t.Parallel(); waitsOffline(t, false) }
