package remediate_test

import (
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
