package scsi

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The LU of "1IET     00010001 dm-0 IET,VIRTUAL-DISK", which multipath -ll really prints where
// its uid comes from scsi_id without --replace-whitespace (getuid_callout of 0.4.9): "a map's
// WWID is that of its LU if it is anywhere in the list".
func TestWWIDsWithBlanks(t *testing.T) {
	lu := []Designator{{Kind: KindT10, CodeSet: CodeASCII, ID: []byte("IET     00010001")}}
	all := WWIDs(lu, "IET", "VIRTUAL-DISK", "beaf11")
	assert.Contains(t, all, "1IET     00010001")
	name, err := ParseName("1IET     00010001")
	assert.NoError(t, err)
	assert.True(t, name.In(lu), "and yet the name is the LU's")
}
