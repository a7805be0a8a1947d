package scsi

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPermitted holds the gate to its list: of all opcodes three pass, and none
// of them takes data to a device or changes it.
func TestPermitted(t *testing.T) {
	pass := map[byte]string{0x00: "TEST UNIT READY", 0x12: "INQUIRY", 0xa0: "REPORT LUNS"}
	for op := range 256 {
		for _, n := range []int{6, 10, 12, 16} {
			cdb := make([]byte, n)
			cdb[0] = byte(op)
			_, want := pass[byte(op)]
			require.Equal(t, want, permitted(cdb), fmt.Sprintf("opcode %02xh", op))
		}
	}
	for _, n := range []int{0, 1, 5, 17} {
		require.False(t, permitted(make([]byte, n)), "%d bytes", n)
	}
	for _, cdb := range [][]byte{testUnitReadyCDB(), inquiryCDB(36), vpdCDB(0x83, 252), reportLUNsCDB(1024)} {
		require.True(t, permitted(cdb))
	}
}
