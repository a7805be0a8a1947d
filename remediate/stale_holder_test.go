package remediate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A disk is deleted under an open LUKS volume: no LU is left, and what stands on nothing
// is named. The same for one disk of two under a volume that has another left.
func TestStaleHolder(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.LUKS("sdi", "dm-30", "secrets")
	s.DeletedByHand("sdi", "sdj")
	sv, err := s.sweeper(t).Survey(t.Context())
	require.NoError(t, err)
	require.Equal(t, []remediate.StaleHolder{{
		Dev: "dm-30", Name: "secrets (LUKS, dm-30)", Gone: []string{"sdi"}, Release: "cryptsetup close secrets",
	}}, sv.StaleHolders)
	require.Equal(t, "secrets (LUKS, dm-30) stands on sdi, which has gone: neither use nor format it, nothing that is written to it arrives; "+
		"to be ended by its operator: cryptsetup close secrets", sv.StaleHolders[0].String())
	require.Equal(t, "md0 (md) stands on sda, which has gone; left of what it stands on: sdb",
		remediate.StaleHolder{Name: "md0 (md)", Gone: []string{"sda"}, Left: []string{"sdb"}}.String())
}

// What stands on a map, or on a disk, that is there is none of these, dead or alive; nor is a map without its disks.
func TestNoStaleHolder(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Queue)
	s.LUKS("dm-12", "dm-30", "secrets")
	s.Unmap(s.lu)
	for range 2 {
		sv, err := s.sweeper(t).Survey(t.Context())
		require.NoError(t, err)
		require.Empty(t, sv.StaleHolders)
		s.DeletedByHand("sdi", "sdj")
	}
}
