package scsi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/scsi"
)

// Every form in which a LU's name is written finds it, and no other.
func TestName(t *testing.T) {
	lio, reused := designators(t, unhex(t, lioVPD83)), designators(t, unhex(t, lioReusedVPD83))
	debug := designators(t, unhex(t, debugVPD83))
	const naa = "6001405aa00bb11cc22dd31000000000"
	eui := lu(t, []byte("\x01\x02\x00\x08\x00\x1b\x32\x01\x02\x03\x04\x05"))
	named := lu(t, append([]byte("\x03\x08\x00\x24"), "naa.6001405AA00BB11CC22DD31000000000"...))
	for _, tt := range []struct {
		name, wwid string
		in         []scsi.Designator
	}{
		{"3" + naa, "3" + naa, lio},
		{"naa." + naa, "3" + naa, lio},
		{"0x" + naa, "3" + naa, lio},
		{"0X" + strings.ToUpper(naa), "3" + naa, lio},
		{naa, "3" + naa, lio},
		{strings.ToUpper("3" + naa), "3" + naa, named},
		{"333333330000007d1", "333333330000007d1", debug},
		{"33333330000007D1", "333333330000007d1", debug},
		{"1Linux_scsi_debug_2001", "1Linux_scsi_debug_2001", debug},
		{"t10.Linux   scsi_debug      2001", "1Linux_scsi_debug_2001", debug},
		{"2001b320102030405", "2001b320102030405", eui},
		{"eui.001B320102030405", "2001b320102030405", eui},
	} {
		n, err := scsi.ParseName(tt.name)
		require.NoError(t, err, tt.name)
		require.Equal(t, tt.wwid, n.WWID(), tt.name)
		require.True(t, n.In(tt.in), "%s in %v", tt.name, tt.in)
		require.False(t, n.In(reused), tt.name)
		require.False(t, n.In(nil), tt.name)
	}
}

// Names of a port or of the target are no names of the LU, and a LUN without a
// LU behind it has none.
func TestNameOfTheLUOnly(t *testing.T) {
	port, err := scsi.ParseName("332222220000007ce")
	require.NoError(t, err)
	require.False(t, port.In(designators(t, unhex(t, debugVPD83))))
	vendor, err := scsi.ParseName("1LIO-ORG ")
	require.Error(t, err, "%v names a vendor and no LU", vendor)
	require.False(t, scsi.Name{}.In(lu(t, scsireply.T10("LIO-ORG", ""))))
}

// A serial number is no name, nor is anything that is cut short.
func TestParseNameRefuses(t *testing.T) {
	for _, s := range []string{
		"", "3", "0x", "naa.", "eui.", "t10.", "8", "vol-17",
		"SLIO-ORG_vol-17_5e7a34c1", "0LIO-ORG_vol-17", "aa00bb11-cc22-dd31",
		"36001405aa00bb11cc22dd3100000000", "36001405aa00bb11cc22dd310000000000", "naa.6001405aa00bb11cc22dd310000000zz",
		"300000000000000000000000000000000", "3f001405aa00bb11cc22dd31000000000", "20000000000000000",
	} {
		n, err := scsi.ParseName(s)
		require.Zero(t, n, s)
		var decode *scsi.DecodeError
		require.ErrorAs(t, err, &decode, s)
	}
}
