package diskbyid

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tgt's disks on a host whose scsi_id keeps blanks (multipath -ll: "1IET     00010001 dm-0
// IET,VIRTUAL-DISK"): udev writes one underscore for a run of blanks in scsi-…, and \x20 for
// each in dm-uuid-….
func TestRunsOfBlanks(t *testing.T) {
	const wwid = "1IET     00010001"
	root := plant(t, "dev/disk/by-id/scsi-1IET_00010001 -> ../../sdb\n"+
		`dev/disk/by-id/dm-uuid-mpath-1IET\x20\x20\x20\x20\x2000010001 -> ../../dm-0`+"\ndev/dm-0 =\ndev/sdb =\n")
	d := open(t, root)
	got, err := d.Naming(t.Context(), wwid)
	require.NoError(t, err)
	assert.Len(t, got, 2, "links that name it")
	_, err = d.WaitGone(soon(t), wwid, func(dev string) bool { return dev == "sdb" })
	assert.Error(t, err, "scsi-1IET_00010001 leads to sdb")
	all, err := d.List(t.Context())
	require.NoError(t, err)
	assert.Empty(t, Misleading(all, func(string) string { return wwid }))
}

// Two volumes whose serials their owner chose: "db_1" and "db__1" (libvirt's <serial>, the
// name of SCST's devices).
func TestTwoSerials(t *testing.T) {
	root := plant(t, "dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_db__1 -> ../../sdb\ndev/sdb =\n")
	d := open(t, root)
	got, err := d.Naming(t.Context(), "0QEMU_QEMU_HARDDISK_db_1")
	require.NoError(t, err)
	require.Empty(t, got, "links of another volume")
}
