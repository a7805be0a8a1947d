package scsi_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/scsi"
)

func designators(t testing.TB, page []byte) []scsi.Designator {
	t.Helper()
	ds, err := scsi.ParseDesignators(page)
	require.NoError(t, err)
	return ds
}

// lu is a page with these designators, decoded.
func lu(t testing.TB, ds ...[]byte) []scsi.Designator {
	return designators(t, scsireply.Identification(ds...))
}

func TestParseDesignators(t *testing.T) {
	want := []scsi.Designator{
		{Kind: scsi.KindT10, CodeSet: scsi.CodeASCII, ID: []byte("Linux   scsi_debug      2001")},
		{Kind: scsi.KindNAA, CodeSet: scsi.CodeBinary, ID: unhex(t, "33333330000007d1")},
		{Association: scsi.AssociationPort, Kind: scsi.KindRelPort, CodeSet: scsi.CodeBinary, Protocol: 6, ID: unhex(t, "00000001")},
		{Association: scsi.AssociationPort, Kind: scsi.KindNAA, CodeSet: scsi.CodeBinary, Protocol: 6, ID: unhex(t, "32222220000007ce")},
		{Association: scsi.AssociationPort, Kind: scsi.KindGroup, CodeSet: scsi.CodeBinary, Protocol: 6, ID: unhex(t, "00000100")},
		{Association: scsi.AssociationTarget, Kind: scsi.KindNAA, CodeSet: scsi.CodeBinary, Protocol: 6, ID: unhex(t, "32222220000007cd")},
		{Association: scsi.AssociationTarget, Kind: scsi.KindName, CodeSet: scsi.CodeUTF8, Protocol: 6, ID: append([]byte("naa.32222220000007CD"), 0, 0, 0, 0)},
	}
	got := designators(t, unhex(t, debugVPD83))
	require.Empty(t, cmp.Diff(want, got))
	require.Equal(t, `lu t10 "Linux   scsi_debug      2001"`, got[0].String())
	require.Equal(t, `target naa 32222220000007cd`, got[5].String())
	require.Equal(t, "reserved kind-fh ", scsi.Designator{Association: 3, Kind: 15}.String())

	require.Equal(t, []scsi.Designator{}, lu(t), "a page without designators")
	padded := lu(t, scsireply.NAA(unhex(t, "6001405aa00bb11cc22dd31000000000")), make([]byte, 7))
	require.Len(t, padded, 1, "zeros that fill the page up are no designators")
}

func TestParseDesignatorsRefuses(t *testing.T) {
	for data, want := range map[string]string{
		"0083":                            "vpd page 83h: truncated: 2 bytes of 4",
		"0083000c 01030008 6001405a":      "vpd page 83h: truncated: 12 bytes of 16",
		"00830008 01030008 6001405a":      "designator: truncated: 8 bytes of 12",
		"00830006 01030001 60 01":         "designator: truncated: 1 bytes of 4",
		"00800004 32303031":               "vpd page 83h: page code 80h",
		"00830009 01030001 60 01 0300 01": "designator: truncated: 4 bytes of 5",
	} {
		got, err := scsi.ParseDesignators(unhex(t, data))
		requireDecodeError(t, err, want)
		require.Nil(t, got)
	}
}

func TestDesignatorsRoundTrip(t *testing.T) {
	for _, page := range []string{debugVPD83, lioVPD83, lioReusedVPD83} {
		var encoded [][]byte
		for _, d := range designators(t, unhex(t, page)) {
			encoded = append(encoded, scsireply.Designator(d.Protocol, d.CodeSet, d.Association, d.Kind, d.ID))
		}
		require.Equal(t, unhex(t, page), scsireply.Identification(encoded...))
	}
}

// The wanted names are what scsi_id, multipath -ll and udev said of the same
// devices: scsi_debug is 333333330000007d1 to scsi_id and 1Linux_scsi_debug_2001
// to multipathd; S… is what scsi_id --page=0x80 --export says.
func TestWWIDs(t *testing.T) {
	naa6, naa5 := scsireply.NAA(unhex(t, "6001405aa00bb11cc22dd31000000000")), scsireply.NAA(unhex(t, "5000c50012345678"))
	tests := []struct {
		name                  string
		designators           []scsi.Designator
		vendor, model, serial string
		want                  []string
	}{
		{"scsi_debug", designators(t, unhex(t, debugVPD83)), "Linux", "scsi_debug", "2001",
			[]string{"333333330000007d1", "1Linux_scsi_debug_2001", "SLinux_scsi_debug_2001", "1Linux   scsi_debug      2001"}},
		{"lio", designators(t, unhex(t, lioVPD83)), "LIO-ORG", "FILEIO", "aa00bb11cc22dd31",
			[]string{"36001405aa00bb11cc22dd31000000000", "1LIO-ORG_FILEIO:aa00bb11cc22dd31", "SLIO-ORG_FILEIO_aa00bb11cc22dd31", "1LIO-ORG FILEIO:aa00bb11cc22dd31"}},
		{"lio, lun 0 unmapped: its name is everybody's", designators(t, unhex(t, lostVPD83)), "LIO-ORG", "RAMDISK-MCP", "", nil},
		{"nothing known", nil, "", "", "", nil},
		{"only a serial, fields full", nil, "VENDOR78", "MODEL67890123456", " 1  2 ", []string{"SVENDOR78MODEL67890123456_1_2"}},
		{"order", lu(t, scsireply.Name("iqn.a"), scsireply.T10("V", "x"), scsireply.EUI64(unhex(t, "0011223344556677")), naa5, naa6), "", "", "",
			[]string{"36001405aa00bb11cc22dd31000000000", "35000c50012345678", "20011223344556677", "1V_x", "8iqn.a", "8a", "1V       x"}},
		{"blanks and odd characters", lu(t, scsireply.T10("V", "a/b  c ")), "", "", "", []string{"1V_a_b_c", "1V_a/b_c_", "1V       a/b  c"}},
		{"names", lu(t, scsireply.Name("naa.6001405AA0\x00"), scsireply.Name("eui.00AB")), "", "", "",
			[]string{"36001405aa0", "8naa.6001405AA0", "200ab", "8eui.00AB"}},
		{"vendor specific", lu(t, scsireply.Designator(0, 2, 0, 0, []byte("vol 1"))), "V", "M", "", []string{"0V_M_vol_1"}},
		{"empty ones name nobody", lu(t, scsireply.NAA(make([]byte, 16)), scsireply.T10("", "    "), scsireply.T10("V", "")), "", "", "", nil},
		{"an lu group is no name", lu(t, scsireply.Designator(0, 1, 0, scsi.KindLUGroup, []byte{0, 0, 0, 7})), "", "", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := scsi.WWIDs(tt.designators, tt.vendor, tt.model, tt.serial)
			require.Empty(t, cmp.Diff(tt.want, got))
			first := ""
			if len(tt.want) > 0 {
				first = tt.want[0]
			}
			require.Equal(t, first, scsi.WWID(tt.designators, tt.vendor, tt.model, tt.serial))
		})
	}
}

func TestSameLU(t *testing.T) {
	id := func(n byte) []byte { return append(unhex(t, "6001405000000000000000000000"), 0, n) }
	local := func(n byte) []byte { return scsireply.NAA([]byte{0x30, 0, 0, 0, 0, 0, 0, n}) }
	tests := []struct {
		name       string
		a, b       []scsi.Designator
		same, sure bool
	}{
		{"itself", designators(t, unhex(t, lioVPD83)), designators(t, unhex(t, lioVPD83)), true, true},
		{"lun reused", designators(t, unhex(t, lioVPD83)), designators(t, unhex(t, lioReusedVPD83)), false, true},
		{"lun 0 unmapped", designators(t, unhex(t, lioVPD83)), designators(t, unhex(t, lostVPD83)), false, false},
		{"both lost", designators(t, unhex(t, lostVPD83)), designators(t, unhex(t, lostVPD83)), false, false},
		{"another port of it", lu(t, scsireply.NAA(id(1)), scsireply.Port(1)), lu(t, scsireply.NAA(id(1)), scsireply.Port(2)), true, true},
		{"the same port of another", lu(t, scsireply.NAA(id(1)), scsireply.Port(1)), lu(t, scsireply.NAA(id(2)), scsireply.Port(1)), false, true},
		{"renamed: naa outranks t10", lu(t, scsireply.NAA(id(1)), scsireply.T10("V", "old")), lu(t, scsireply.T10("V", "new"), scsireply.NAA(id(1))), true, true},
		{"one t10 for all: naa outranks it", lu(t, scsireply.NAA(id(1)), scsireply.T10("V", "x")), lu(t, scsireply.NAA(id(2)), scsireply.T10("V", "x")), false, true},
		{"one name of several in common", lu(t, scsireply.NAA(id(1)), scsireply.NAA(id(2))), lu(t, scsireply.NAA(id(2)), scsireply.NAA(id(3))), true, true},
		{"no kind in common", lu(t, scsireply.NAA(id(1))), lu(t, scsireply.EUI64(id(1))), false, false},
		{"only eui-64", lu(t, scsireply.EUI64(id(1))), lu(t, scsireply.EUI64(id(1))), true, true},
		{"only t10", lu(t, scsireply.T10("V", "a")), lu(t, scsireply.T10("V", "b")), false, true},
		{"local names prove nothing", lu(t, local(1)), lu(t, local(1)), true, false},
		{"local names disprove nothing", lu(t, local(1)), lu(t, local(2)), false, false},
		{"nothing known", nil, nil, false, false},
		{"nothing known of one", lu(t, scsireply.NAA(id(1))), nil, false, false},
	}
	for _, tt := range tests {
		for _, swapped := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, swapped), func(t *testing.T) {
				a, b := tt.a, tt.b
				if swapped {
					a, b = b, a
				}
				same, sure := scsi.SameLU(a, b)
				require.Equal(t, [2]bool{tt.same, tt.sure}, [2]bool{same, sure})
			})
		}
	}
}
