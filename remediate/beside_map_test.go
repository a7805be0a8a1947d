package remediate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// beside is a LU with a map on sdi, and a disk sdj that is not in it: multipathd could
// not take it (somebody holds it), or was told to leave it.
func beside(t *testing.T) *scenario {
	t.Helper()
	h := remediatetest.New(t)
	s := &scenario{Host: h, a: h.Session("iqn.2003-01.org.example:a", 39), b: h.Session("iqn.2003-01.org.example:b", 40)}
	s.healthy = h.LU("60014055a0b4e2f6d3c84b1a97f0e2d1", 10*gib, "LIO-ORG", "vol-a").Path("sdb", s.a, 2).Path("sdc", s.b, 2)
	h.Map("mpatha", "dm-11", s.healthy, remediatetest.Queue)
	s.lu = h.LU("60014055e7c14d0b8aa4f6e92d3b7c05", 10*gib, "LIO-ORG", "vol-b").Path("sdi", s.a, 1)
	s.m = h.Map("mpathb", "dm-12", s.lu, remediatetest.Queue)
	s.lu.Path("sdj", s.b, 1)
	return s
}

// A disk beside the map of its LU that somebody holds from within the kernel (ZFS: that
// is why multipathd could not take it).
func TestClaimedBesideItsMap(t *testing.T) {
	t.Parallel()
	s := beside(t)
	s.Unmap(s.lu)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	require.NotEmpty(t, p.Targets)
	s.Claim("sdj")
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "flush")
	require.Equal(t, remediate.Refused, res.Outcome)
}

func TestClaimedBesideItsMapSurvey(t *testing.T) {
	t.Parallel()
	s := beside(t)
	s.Claim("sdj")
	s.Unmap(s.lu)
	d := s.find(t)
	require.False(t, d.Removable, "%s, in use by %v", d.Verdict, d.InUse)
}

// What a process has registered with a busy io_uring is not listed: sdj, which never was
// in the map, may be among it.
func TestUnlistedRingBesideItsMap(t *testing.T) {
	t.Parallel()
	s := beside(t)
	s.Unmap(s.lu)
	s.Open("sdj", 41702, "qemu", remediatetest.Writing)
	hideFiles(t, s, 41702)
	d := s.find(t)
	require.False(t, d.Removable, "%s, in use by %v", d.Verdict, d.InUse)
}
