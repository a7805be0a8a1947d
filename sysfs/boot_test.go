package sysfs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestBootNode(t *testing.T) {
	for arg, want := range map[string]string{
		"root=UUID=3F1C9a7e-0b5d-4d0f":    "/dev/disk/by-uuid/3f1c9a7e-0b5d-4d0f",
		"root=LABEL=my root":              `/dev/disk/by-label/my\x20root`,
		"root=PARTUUID=9F-02/PARTNROFF=1": "/dev/disk/by-partuuid/9f-02",
		"root=PARTLABEL=os":               "/dev/disk/by-partlabel/os",
		"root=/dev/mapper/mpatha-part3":   "/dev/mapper/mpatha-part3",
		"root=block:/dev/sda2":            "/dev/sda2",
		"root=8:2":                        "8:2",
		"root=0802":                       "8:2",
		"resume=/dev/sdb1":                "/dev/sdb1",
		"mount.usr=UUID=77":               "/dev/disk/by-uuid/77",
		"rd.lvm.lv=my-vg/root":            "/dev/mapper/my--vg-root",
		"rd.lvm.lv=vg":                    "",
		"root=zfs:tank/ROOT":              "",
		"root=live:CDLABEL=x":             "",
		"rootflags=subvol=root":           "",
		"quiet":                           "",
	} {
		require.Equal(t, want, bootNode(arg), arg)
	}
}

func TestBootDevices(t *testing.T) {
	f := open(t, plant(t, `
sys/class/block/sda2/dev = 8:2
sys/class/block/dm-3/dev = 254:3
dev/sda2 =
dev/dm-3 =
dev/mapper/sys-root -> ../dm-3
dev/disk/by-uuid/3f1c -> ../../sda2
proc/cmdline = BOOT_IMAGE=/vmlinuz root="UUID=3f1c" ro rd.lvm.lv=sys/root resume=UUID=gone`))
	got, err := f.BootDevices(t.Context())
	require.NoError(t, err)
	want := []BootDevice{
		{"root=UUID=3f1c", DevNum{8, 2}}, {"rd.lvm.lv=sys/root", DevNum{254, 3}}, {"resume=UUID=gone", DevNum{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err = open(t, plant(t, "sys/")).BootDevices(t.Context())
	require.Error(t, err)
}
