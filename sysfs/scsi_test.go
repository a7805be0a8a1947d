package sysfs

import (
	"context"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func TestSCSIDevices(t *testing.T) {
	f := open(t, plant(t, captured(t, "multipath.txt")))
	got, err := f.SCSIDevices(context.Background())
	require.NoError(t, err)
	var names []string
	for _, d := range got {
		names = append(names, d.HCTL.String()+" "+d.Block)
	}
	if diff := cmp.Diff([]string{"0:0:0:0 sda", "0:0:0:2 sdc", "1:0:0:0 sde", "1:0:0:2 sdg"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want := SCSIDevice{
		HCTL: HCTL{0, 0, 0, 0}, State: "running", Vendor: "Linux", Model: "scsi_debug", Rev: "0191", Block: "sda",
		WWID:  "naa.33333330000007d0",
		VPD80: unhex(t, "0080000432303030"),
		VPD83: unhex(t, "008300700201001c4c696e7578202020736373695f6465627567202020202020323030300103000833333330000007d0"+
			"61940004000000016193000832222220000007ce619500040000010061a3000832222220000007cd63a800186e61612e"+
			"3332323232323230303030303037434400000000"),
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	one, err := f.SCSIDevice(t.Context(), got[3].HCTL)
	require.NoError(t, err)
	if diff := cmp.Diff(got[3], one); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A page is the kernel's bytes, all of them: no newline is cut off, no blank, and
// no page is too long.
func TestVPDIsWhole(t *testing.T) {
	long := "0083fffc" + strings.Repeat("0a20", 0xfffc/2)
	f := open(t, plant(t, `
sys/bus/scsi/devices/3:0:0:1/type = 0
sys/bus/scsi/devices/3:0:0:1/vendor = X
sys/bus/scsi/devices/3:0:0:1/model =  Y Z
sys/bus/scsi/devices/3:0:0:1/rev = 1
sys/bus/scsi/devices/3:0:0:1/vpd_pg80 : 008000022020
sys/bus/scsi/devices/3:0:0:1/vpd_pg83 : `+long, `
sys/bus/scsi/devices/3:0:0:1/state = blocked`))
	got, err := f.SCSIDevice(t.Context(), HCTL{3, 0, 0, 1})
	require.NoError(t, err)
	want := SCSIDevice{HCTL: HCTL{3, 0, 0, 1}, State: "blocked", Vendor: "X", Model: "Y Z", Rev: "1",
		VPD80: unhex(t, "008000022020"), VPD83: unhex(t, long)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestVanishingSCSIDevices(t *testing.T) {
	f := open(t, plant(t, `
sys/bus/scsi/devices/1:0:0:1 -> ../../../devices/gone/1:0:0:1
sys/bus/scsi/devices/1:0:0:2/type = 0
sys/bus/scsi/devices/1:0:0:2/vendor = X
sys/bus/scsi/devices/1:0:0:2/model = Y
sys/bus/scsi/devices/1:0:0:2/rev = 1
sys/bus/scsi/devices/host1/x = 1`))
	got, err := f.SCSIDevices(context.Background())
	require.NoError(t, err)
	require.Empty(t, got)
	for lun := range uint64(3) {
		d, err := f.SCSIDevice(t.Context(), HCTL{1, 0, 0, lun})
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Zero(t, d)
	}
}

func TestNoSCSI(t *testing.T) {
	f := open(t, plant(t, "sys/bus/pci/"))
	got, err := f.SCSIDevices(context.Background())
	require.NoError(t, err)
	require.Empty(t, got)
}
