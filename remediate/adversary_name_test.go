package remediate_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// What is protected is, in whichever form it was named, and by whichever of the
// LU's names: a caller need not know by which multipath has called its map.
func TestProtectedByAnyName(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	hex := s.lu.WWID()[1:]
	for _, name := range []string{
		"3" + hex, "3" + strings.ToUpper(hex), "naa." + hex, "naa." + strings.ToUpper(hex), "0x" + hex, hex,
		"1LIO-ORG_vol-b:" + hex[len(hex)/2:], "t10.LIO-ORG vol-b:" + hex[len(hex)/2:],
		"SLIO-ORG_vol-b_" + hex[len(hex)/2:],
	} {
		d := s.find(t, remediate.WithProtected(name))
		require.Contains(t, d.Protected, "the caller protects", name)
		require.False(t, d.Removable, name)
	}
	require.Empty(t, s.find(t, remediate.WithProtected("3"+hex[:30], "naa."+hex+"0", "mpathb", "")).Protected)
}

// That a LU is gone must not be said for want of understanding its name.
func TestVerifyByAnyName(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	hex := s.lu.WWID()[1:]
	for _, name := range []string{"3" + hex, "3" + strings.ToUpper(hex), "naa." + hex, "0x" + hex, hex, "t10.LIO-ORG vol-b:" + hex[len(hex)/2:]} {
		all, err := s.sweeper(t).Verify(within(t), remediate.Target{WWID: name})
		require.NoError(t, err)
		require.False(t, all[0].Gone, name)
		require.Equal(t, name, all[0].WWID)
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(all[0].Remains))), len(all[0].Remains), "%s: %v", name, all[0].Remains)
	}
}

// A share is no percentage: a brake that never trips is none.
func TestMaxDeadIsAShare(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	for _, share := range []float64{50, -0.1, math.NaN(), math.Inf(1)} {
		_, err := remediate.New(remediate.WithSystem(s.System()), remediate.WithMaxDead(share))
		require.Error(t, err, share)
	}
	for _, share := range []float64{0, 1} {
		_, err := remediate.New(remediate.WithSystem(s.System()), remediate.WithMaxDead(share))
		require.NoError(t, err, share)
	}
}
