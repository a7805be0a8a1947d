package remediate_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
)

// The wanted volume's disk gives way to a third volume's between the first reading of the
// devices and the look.
func TestClearLUNThirdVolumeTakesTheAddress(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	third := s.LU("60014051d8f7a3b9c6e40258d17b3aaa", 10*gib, "LIO-ORG", "third")
	once := false
	sw := s.sweeper(t, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventLook && !once {
			once = true
			s.DeletedByHand("sdi")
			third.Path("sdi", s.a, 1)
		}
	}))
	_, err := sw.ClearLUN(within(t), remediate.Address{Target: "iqn.2003-01.org.example:a", LUN: 1}, s.lu.WWID())
	require.True(t, once)
	require.Error(t, err, "a third volume is alive at the LUN, and was taken for the wanted one")
}

// Another session to the target finds the earlier volume's LUN while the evidence dwells.
func TestClearLUNNewcomerInDwell(t *testing.T) {
	t.Parallel()
	s := multi(t)
	s.Unmap(s.lu)
	fresh := s.another("new")
	sw := s.sweeper(t, remediate.WithDwell(300*time.Millisecond), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventWait {
			c := s.Session("iqn.2003-01.org.example:array", 41)
			other := s.LU("60014051d8f7a3b9c6e40258d17b3aaa", 10*gib, "LIO-ORG", "third")
			other.Path("sdx", c, 1)
		}
	}))
	_, err := sw.ClearLUN(within(t), lun(1), fresh.WWID())
	require.Error(t, err, "a disk of a third volume has the LUN")
}

// The host scans by itself, as an initiator does that hears of a change: when the earlier
// volume's disk has gone, the wanted one is there, at the same address. That is success.
func TestClearLUNAndTheHostScans(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	fresh := s.another("new")
	s.Unmap(s.lu)
	s.After("sdi delete", func() { fresh.Path("sdi", s.a, 1) })
	sw := s.sweeper(t, remediate.WithMaxDead(1))
	r, err := sw.ClearLUN(within(t), remediate.Address{Target: "iqn.2003-01.org.example:a", LUN: 1}, fresh.WWID())
	require.NoError(t, err)
	require.Len(t, r.Results, 1)
	require.Contains(t, s.log(), "sdi delete")
}

// The host scans by itself: the wanted volume's SCSI device is there before its disk is.
func TestClearLUNAndTheHostIsScanning(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	fresh := s.another("new")
	s.Unmap(s.lu)
	s.After("sdi delete", func() {
		fresh.Path("sdi", s.a, 1)
		_ = os.RemoveAll(filepath.Join(s.Tree(), "sys/bus/scsi/devices/39:0:0:1/block"))
	})
	sw := s.sweeper(t, remediate.WithMaxDead(1))
	r, err := sw.ClearLUN(within(t), remediate.Address{Target: "iqn.2003-01.org.example:a", LUN: 1}, fresh.WWID())
	require.NoError(t, err, "%v", s.Actions())
	require.Len(t, r.Results, 1)
}
