package remediate_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// byIDWWN is the host whose map goes by ID_WWN: mpath-0x6001405….
func byIDWWN(t *testing.T, s *scenario) (remediate.System, string) {
	t.Helper()
	name := "0x" + s.lu.WWID()[1:]
	s.KnownAs(s.m, name)
	return s.System(), name
}

// It is protected by whichever of its names, in whichever writing.
func TestProtectedByAnyNameOfAMapByIDWWN(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys, name := byIDWWN(t, s)
	hex := s.lu.WWID()[1:]
	for _, n := range []string{"3" + hex, "naa." + hex, "0x" + hex, hex, "1LIO-ORG_vol-b:" + hex[len(hex)/2:]} {
		sw := s.on(t, sys, remediate.WithProtected(n))
		sv, err := sw.Survey(within(t))
		require.NoError(t, err)
		d, found := sv.Find(name)
		require.True(t, found)
		if d.Removable {
			t.Errorf("protected as %s, and removable: %q", n, d.Protected)
		}
	}
	sw := s.on(t, sys, remediate.WithProtected(s.lu.WWID()))
	p, err := sw.Plan(within(t))
	require.NoError(t, err)
	if len(p.Targets) > 0 {
		r, err := sw.Execute(within(t), p)
		require.NoError(t, err)
		t.Errorf("%s %s %v", r.Results[0].Outcome, r.Results[0].Reason, s.Actions())
	}
}

// Its LU lives, through a disk that is not in the map (yet).
func TestAliveBesideMapByIDWWN(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{true, false} {
		s := lost(t, remediatetest.Fail)
		c := s.Session("iqn.2003-01.org.example:c", 41)
		s.lu.Path("sdk", c, 1)
		sys := s.System()
		if !plain {
			sys, _ = byIDWWN(t, s)
		}
		sw := s.on(t, sys, remediate.WithMaxDead(1))
		p, err := sw.Plan(within(t))
		require.NoError(t, err)
		if len(p.Targets) > 0 {
			r, err := sw.Execute(within(t), p)
			require.NoError(t, err)
			t.Errorf("plain %v: %s %s %v", plain, r.Results[0].Outcome, r.Results[0].Reason, s.Actions())
		}
	}
}

// An empty map by ID_WWN is a map of the LU.
func TestVerifyMapByIDWWN(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys, name := byIDWWN(t, s)
	s.StopDaemon()
	s.DeletedByHand("sdi", "sdj")
	_ = os.RemoveAll(filepath.Join(s.Tree(), "dev/disk/by-id"))
	require.NoError(t, os.MkdirAll(filepath.Join(s.Tree(), "dev/disk/by-id"), 0o755))
	for _, n := range []string{name, s.lu.WWID(), "naa." + s.lu.WWID()[1:]} {
		all, err := s.on(t, sys).Verify(within(t), remediate.Target{WWID: n})
		if all[0].Gone {
			t.Errorf("%s: gone, err %v", n, err)
		}
	}
}

// A path of it is lost, and the other one proves the LU alive.
func TestStalePathOfMapByIDWWN(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	sys, name := byIDWWN(t, s)
	s.Unmap(s.lu, s.a)
	sw := s.on(t, sys, remediate.WithMaxDead(1))
	sv, err := sw.Survey(within(t))
	require.NoError(t, err)
	d, found := sv.Find(name)
	require.True(t, found)
	require.Equal(t, remediate.StalePath, d.Verdict, "%v", d.Reasons)
}

// All disks of the map by ID_WWN are gone; its LU is protected by its usual name.
func TestProtectedEmptyMapByIDWWN(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys, name := byIDWWN(t, s)
	s.DeletedByHand("sdi", "sdj")
	for _, n := range []string{name, s.lu.WWID(), "naa." + s.lu.WWID()[1:]} {
		sv, err := s.on(t, sys, remediate.WithProtected(n), remediate.WithMaxDead(1)).Survey(within(t))
		require.NoError(t, err)
		d, found := sv.Find(name)
		require.True(t, found)
		t.Log(n, d.Verdict, d.Removable, d.Protected, d.Reasons)
		if d.Removable || d.Protected == "" {
			t.Errorf("protected as %s, and removable %v: %q", n, d.Removable, d.Protected)
		}
	}
}

// Two maps are one LU's, by two of its names: one that was left without its disks when
// multipath was told to name them otherwise, and the one of today, whose paths are dead. The
// LU lives through a disk that is in neither, and nothing of it goes.
func TestTwoMapsOfOneLU(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"0x60014055e7c14d0b8aa4f6e92d3b7c05", "1LIO-ORG_vol-b:8aa4f6e92d3b7c05"} {
		t.Run(other, func(t *testing.T) {
			t.Parallel()
			h := remediatetest.New(t)
			s := &scenario{Host: h, a: h.Session("iqn.2003-01.org.example:a", 39), b: h.Session("iqn.2003-01.org.example:b", 40)}
			s.healthy = h.LU("60014055a0b4e2f6d3c84b1a97f0e2d1", 10*gib, "LIO-ORG", "vol-a").Path("sdb", s.a, 2).Path("sdc", s.b, 2)
			h.Map("mpatha", "dm-11", s.healthy, remediatetest.Queue)
			s.lu = h.LU("60014055e7c14d0b8aa4f6e92d3b7c05", 10*gib, "LIO-ORG", "vol-b").Path("sdx", s.a, 1)
			h.KnownAs(h.Map("mpathc", "dm-13", s.lu, remediatetest.Fail), other)
			h.DeletedByHand("sdx")
			s.lu.Path("sdi", s.a, 1).Path("sdj", s.b, 1)
			s.m = h.Map("mpathb", "dm-12", s.lu, remediatetest.Fail)
			s.Unmap(s.lu)
			dead := s.sweeper(t, remediate.WithMaxDead(1))
			require.True(t, device(t, dead, s.lu.WWID()).Removable, "all of it is dead")

			s.lu.Path("sdk", s.Session("iqn.2003-01.org.example:c", 41), 1)
			sw := s.sweeper(t, remediate.WithMaxDead(1))
			for _, name := range []string{s.lu.WWID(), other} {
				d := device(t, sw, name)
				require.False(t, d.Removable, "%s: %s, %v", name, d.Verdict, d.Reasons)
			}
			p, err := sw.Plan(within(t))
			require.NoError(t, err)
			require.Empty(t, p.Targets)
		})
	}
}
