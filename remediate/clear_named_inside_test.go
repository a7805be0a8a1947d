package remediate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/scsi"
)

// A map without any path goes by its WWID alone, which multipath may write
// otherwise than the name that is asked for: then it must not pass for gone.
func TestMapsWrittenOtherwise(t *testing.T) {
	for name, same := range map[string]bool{
		"1HP/X_abc-7": true, "t10.HP/X abc-7": true, "1HP_X_abc-7": true, "1HP/X_abc-70": false,
	} {
		n, err := scsi.ParseName(name)
		require.NoError(t, err)
		require.Equal(t, same, aliases{}.goesBy(&Facts{WWID: "1HP/X_abc-7", Map: &Map{}}, n), name)
	}
	n, err := scsi.ParseName("naa.600a0b80005ab3c1")
	require.Error(t, err, n)
	n, err = scsi.ParseName("3600A0B80005AB3C1000012345678ABCD")
	require.NoError(t, err)
	require.True(t, aliases{}.goesBy(&Facts{WWID: "3600A0B80005AB3C1000012345678ABCD", Map: &Map{}}, n))
}
