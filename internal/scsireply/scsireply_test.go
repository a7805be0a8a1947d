package scsireply_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/scsireply"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// The wanted bytes were captured from scsi_debug and LIO on Linux 7.2.
func TestEncodersAgainstCapturedBytes(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"supported pages", scsireply.SupportedPages(unhex(t, "008083848586878889b0b1b2b7")...), "0000000d 008083848586878889b0b1b2b7"},
		{"serial", scsireply.Serial("2001"), "00800004 32303031"},
		{"naa", scsireply.NAA(unhex(t, "33333330000007d1")), "01030008 33333330000007d1"},
		{"t10", scsireply.T10("Linux", "scsi_debug      2001"), "0201001c 4c696e7578202020736373695f646562756720202020202032303031"},
		{"port", scsireply.Port(1), "51940004 00000001"},
		{"identification", scsireply.Identification(scsireply.NAA(unhex(t, "33333330000007d1")), scsireply.Port(1)), "00830014 01030008 33333330000007d1 51940004 00000001"},
		{"luns", scsireply.LUNs(0, 1, 16385), "00000018 00000000 0000000000000000 0001000000000000 4001000000000000"},
		{"inquiry", scsireply.Inquiry(1, 0x1f, "LIO-ORG", "RAMDISK-MCP", "4.0")[8:], "4c494f2d4f524720 52414d4449534b2d4d43502020202020 342e3020"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, unhex(t, tt.want), tt.got)
		})
	}
}

func TestRead(t *testing.T) {
	for cdb, want := range map[string]scsireply.Ask{
		"00 00 00 00 00 00":                   {Kind: scsireply.TestUnitReady},
		"12 00 00 00 24 00":                   {Kind: scsireply.StandardInquiry, Alloc: 36},
		"12 01 83 01 00 00":                   {Kind: scsireply.VPDPage, Page: 0x83, Alloc: 256},
		"a0 00 00 00 00 00 00 01 00 00 00 00": {Kind: scsireply.ReportLUNs, Alloc: 65536},
	} {
		got, err := scsireply.Read(unhex(t, cdb))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got))
	}
	for _, cdb := range []string{"", "12", "2a 00 00 00 00 00 00 00 00 00", "a0 00 00 00 00 00"} {
		_, err := scsireply.Read(unhex(t, cdb))
		require.Error(t, err)
	}
}

func TestUnit(t *testing.T) {
	tur, inquiry := unhex(t, "000000000000"), unhex(t, "120000000500")
	sense := func(key, asc, ascq byte) scsireply.Answer {
		return scsireply.Answer{Status: scsireply.CheckCondition, Sense: scsireply.FixedSense(key, asc, ascq)}
	}
	u := &scsireply.Unit{Attentions: [][]byte{scsireply.LUNsChanged()}}
	require.Equal(t, unhex(t, "000006021f"), u.Answer(inquiry).Data, "answered in spite of the attention, cut to its room")
	require.Equal(t, sense(6, 0x3f, 0x0e), u.Answer(tur))
	require.Equal(t, scsireply.Answer{}, u.Answer(tur))
	require.Equal(t, sense(5, 0x24, 0), u.Answer(unhex(t, "1201b000ff00")))
	require.Equal(t, sense(5, 0x20, 0), u.Answer(unhex(t, "2a000000000000000000")))
	require.Equal(t, sense(5, 0x25, 0), (&scsireply.Unit{Gone: true}).Answer(inquiry))
	require.Equal(t, unhex(t, "3f800000"), scsireply.LostLUN0().Answer(unhex(t, "120180 00ff00")).Data)
}
