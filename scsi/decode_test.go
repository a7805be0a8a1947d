package scsi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/scsi"
)

// requireDecodeError requires err to be a *DecodeError with this text.
func requireDecodeError(t *testing.T, err error, text string) {
	t.Helper()
	var decode *scsi.DecodeError
	require.ErrorAs(t, err, &decode)
	require.EqualError(t, err, text)
}

func TestParseInquiry(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		want scsi.Inquiry
	}{
		{"scsi_debug", unhex(t, debugInquiry), scsi.Inquiry{Vendor: "Linux", Product: "scsi_debug", Revision: "0191"}},
		{"lio", unhex(t, lioInquiry), scsi.Inquiry{Vendor: "LIO-ORG", Product: "FILEIO", Revision: "4.0"}},
		{"lio, lun 0 unmapped", unhex(t, lostInquiry), scsi.Inquiry{Qualifier: 1, Type: 0x1f, Vendor: "LIO-ORG", Product: "RAMDISK-MCP", Revision: "4.0"}},
		{"never connected", []byte{0x7f, 0, 0, 0, 0}, scsi.Inquiry{Qualifier: 3, Type: 0x1f}},
		{"removable cd", []byte{0x05, 0x80, 0, 0, 0}, scsi.Inquiry{Type: 5, Removable: true}},
		{"additional length ends before the product", unhex(t, "00000002 0b000000 4c494f2d4f524720 46494c45494f2020"), scsi.Inquiry{Vendor: "LIO-ORG"}},
		{"encoded", scsireply.Inquiry(1, 0x1f, "V", "P", "R"), scsi.Inquiry{Qualifier: 1, Type: 0x1f, Vendor: "V", Product: "P", Revision: "R"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := scsi.ParseInquiry(tt.data)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tt.want, got))
			require.Equal(t, tt.want.Qualifier == 0, got.Connected())
		})
	}
	_, err := scsi.ParseInquiry([]byte{0, 0, 0, 0})
	requireDecodeError(t, err, "inquiry data: truncated: 4 bytes of 5")
}

func TestParseVPD(t *testing.T) {
	page := unhex(t, debugVPD80)
	got, err := scsi.ParseVPD(append(page, 0xff, 0xff), scsi.PageSerial)
	require.NoError(t, err)
	require.Equal(t, page, got, "what follows the page is cut off")

	tests := []struct {
		name, data, want string
	}{
		{"nothing", "", "vpd page 80h: truncated: 0 bytes of 4"},
		{"half a header", "0080", "vpd page 80h: truncated: 2 bytes of 4"},
		{"another page", debugVPD83, "vpd page 80h: page code 83h"},
		{"standard data instead", debugInquiry, "vpd page 80h: page code 00h"},
		{"half a page", "00800004 3230", "vpd page 80h: truncated: 6 bytes of 8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := scsi.ParseVPD(unhex(t, tt.data), scsi.PageSerial)
			requireDecodeError(t, err, tt.want)
		})
	}
}

func TestParsePages(t *testing.T) {
	pages, err := scsi.ParseSupportedPages(unhex(t, debugPages))
	require.NoError(t, err)
	require.Equal(t, unhex(t, "008083848586878889b0b1b2b7"), pages)
	pages, err = scsi.ParseSupportedPages(scsireply.SupportedPages(0, 0x83))
	require.NoError(t, err)
	require.Equal(t, []byte{0, 0x83}, pages)

	for want, page := range map[string][]byte{
		"2001":             unhex(t, debugVPD80),
		"aa00bb11cc22dd31": unhex(t, lioVPD80), // ends in a NUL
		"":                 unhex(t, lostVPD80),
		"a b":              scsireply.Serial("  a b  "),
	} {
		serial, err := scsi.ParseSerial(page)
		require.NoError(t, err)
		require.Equal(t, want, serial)
	}
}

func TestParseReportLUNs(t *testing.T) {
	tests := []struct {
		name, data string
		want       []uint64
	}{
		{"none", "00000000 00000000", []uint64{}},
		{"scsi_debug", "00000020 00000000 0000000000000000 0001000000000000 0002000000000000 0003000000000000", []uint64{0, 1, 2, 3}},
		{"peripheral 255, flat space 1 and 256", "00000018 00000000 00ff000000000000 4001000000000000 4100000000000000", []uint64{255, 16385, 16640}},
		{"four levels", "00000008 00000000 0102030405060708", []uint64{0x0708_0506_0304_0102}},
		{"room left over", "00000008 00000000 0005000000000000 ffffffffffffffff", []uint64{5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := scsi.ParseReportLUNs(unhex(t, tt.data))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tt.want, got))
			again, err := scsi.ParseReportLUNs(scsireply.LUNs(got...))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(got, again))
		})
	}
}

// A list that was not read to its end must never be taken for a whole one: the
// LUNs it lacks would look unmapped.
func TestParseReportLUNsRefusesHalfAList(t *testing.T) {
	for data, want := range map[string]string{
		"":                                   "lun list: truncated: 0 bytes of 8",
		"00000008 00000000":                  "lun list: truncated: 8 bytes of 16",
		"00000010 00000000 0001000000000000": "lun list: truncated: 16 bytes of 24",
		"0000000c 00000000 0001000000000000 00020000": "lun list: length is no multiple of 8",
		"fffffff8 00000000 0001000000000000":          "lun list: truncated: 16 bytes of 2147483647",
	} {
		got, err := scsi.ParseReportLUNs(unhex(t, data))
		requireDecodeError(t, err, want)
		require.Nil(t, got)
	}
}

func TestParseSense(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		want scsi.Sense
		text string
	}{
		{"lio, unmapped", unhex(t, unmappedSense), scsi.Sense{Key: 5, ASC: 0x25}, "05/25/00 logical unit not supported"},
		{"encoded", scsireply.NotSupported(), scsi.Sense{Key: 5, ASC: 0x25}, "05/25/00 logical unit not supported"},
		{"luns changed", scsireply.LUNsChanged(), scsi.Sense{Key: 6, ASC: 0x3f, ASCQ: 0x0e}, "06/3f/0e reported luns data has changed"},
		{"descriptor", scsireply.DescriptorSense(2, 4, 1), scsi.Sense{Descriptor: true, Key: 2, ASC: 4, ASCQ: 1}, "02/04/01 logical unit is in process of becoming ready"},
		{"deferred", unhex(t, "f1000300 0000000a 00000000 11000000 0000"), scsi.Sense{Deferred: true, Key: 3, ASC: 0x11}, "03/11/00 unrecovered read error (deferred)"},
		{"too short for a code", unhex(t, "70000500 00000000 00000000 2500"), scsi.Sense{Key: 5}, "05/00/00 illegal request"},
		{"no name", scsireply.FixedSense(0xb, 0x77, 0x88), scsi.Sense{Key: 0xb, ASC: 0x77, ASCQ: 0x88}, "0b/77/88 aborted command"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := scsi.ParseSense(tt.data)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tt.want, got))
			require.Equal(t, tt.text, got.String())
		})
	}
	_, err := scsi.ParseSense(nil)
	requireDecodeError(t, err, "sense data: truncated: 0 bytes of 8")
	_, err = scsi.ParseSense(unhex(t, "7f000500 00000000"))
	requireDecodeError(t, err, "sense data: response code 7fh")
}
