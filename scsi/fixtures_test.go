package scsi_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Answers as captured from Linux 7.2: a scsi_debug disk, and LIO over iSCSI with
// a file behind it. sg_inq -H and sg_vpd -H of sg3_utils show the same bytes.
const (
	debugInquiry = "00000702" + "5b10100a" +
		"4c696e7578202020" + "736373695f6465627567202020202020" + "30313931"
	debugPages = "0000000d" + "008083848586878889b0b1b2b7"
	debugVPD80 = "00800004" + "32303031"
	debugVPD83 = "00830070" +
		"0201001c" + "4c696e7578202020736373695f646562756720202020202032303031" +
		"01030008" + "33333330000007d1" +
		"61940004" + "00000001" +
		"61930008" + "32222220000007ce" +
		"61950004" + "00000100" +
		"61a30008" + "32222220000007cd" +
		"63a80018" + "6e61612e3332323232323230303030303037434400000000"

	lioInquiry = "00000602" + "5bb80002" +
		"4c494f2d4f524720" + "46494c45494f20202020202020202020" + "342e3020"
	lioVPD80 = "00800011" + "6161303062623131636332326464333100"
	lioVPD83 = "0083009c" +
		"01030010" + "6001405aa00bb11cc22dd31000000000" +
		"02010020" + "4c494f2d4f52472046494c45494f3a6161303062623131636332326464333100" +
		"51940004" + "00000001" +
		"51950004" + "00000000" +
		"01060004" + "00000000" +
		"53980028" + "69716e2e323032342d30312e6f72672e6c756e73776565703a74312c742c30783030303100000000" +
		"53a8001c" + "69716e2e323032342d30312e6f72672e6c756e73776565703a743100"

	// The same LUN after another volume was mapped there.
	lioReusedVPD83 = "0083009c" +
		"01030010" + "6001405aa00bb11cc22dd33000000000" +
		"02010020" + "4c494f2d4f52472046494c45494f3a6161303062623131636332326464333300" +
		"51940004" + "00000001" +
		"51950004" + "00000000" +
		"01060004" + "00000000" +
		"53980028" + "69716e2e323032342d30312e6f72672e6c756e73776565703a74312c742c30783030303100000000" +
		"53a8001c" + "69716e2e323032342d30312e6f72672e6c756e73776565703a743100"

	// LUN 0 of LIO after it was unmapped.
	lostInquiry = "3f000602" + "5b880002" +
		"4c494f2d4f524720" + "52414d4449534b2d4d43502020202020" + "342e3020"
	lostPages = "3f000000"
	lostVPD80 = "3f800000"
	lostVPD83 = "3f830061" +
		"02010009" + "4c494f2d4f52472000" +
		"51940004" + "00000001" +
		"53980028" + "69716e2e323032342d30312e6f72672e6c756e73776565703a74312c742c30783030303100000000" +
		"53a8001c" + "69716e2e323032342d30312e6f72672e6c756e73776565703a743100"

	// Any other LUN of LIO after it was unmapped, to every command.
	unmappedSense = "700005000000000a00000000250000000000"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	require.NoError(t, err)
	return b
}

// fixtures are all of them, as seeds.
func fixtures(t testing.TB) [][]byte {
	var out [][]byte
	for _, s := range []string{
		debugInquiry, debugPages, debugVPD80, debugVPD83,
		lioInquiry, lioVPD80, lioVPD83, lioReusedVPD83,
		lostInquiry, lostPages, lostVPD80, lostVPD83, unmappedSense,
	} {
		out = append(out, unhex(t, s))
	}
	return out
}
