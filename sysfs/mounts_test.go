package sysfs

import (
	"context"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// Two namespaces, seen in the lab: a mount at "/run/a b" in one that only one
// process is in. A third has a thread in it, a fourth a bind mount alone.
const mountTree = `
sys/class/block/sdb/dev = 8:16
sys/class/block/sdc/dev = 8:32
sys/block/dm-3/dev = 254:3
dev/dm-3 =
dev/mapper/mpathd -> ../dm-3
sys/fs/btrfs/features/x = 1
sys/fs/btrfs/9f3c/devices/sdb -> ../../../../block/sdb
sys/fs/btrfs/9f3c/devices/sdc -> ../../../../block/sdc
proc/1/ns/mnt -> mnt:[4026531832]
proc/1/mountinfo = 27 24 0:22 / / rw - overlay overlay rw
proc/1/task/1/ns/mnt -> mnt:[4026531832]
proc/2/ns/mnt -> mnt:[4026531832]
proc/2/mountinfo = malformed, but not read
proc/77/ns/mnt -> mnt:[4026532109]
proc/1680/ns/mnt -> mnt:[4026532109]
proc/1680/mountinfo = 93 27 254:3 / /run/a\040b rw - ext4 /dev/mapper/mpathd rw
proc/1681/ns/mnt -> mnt:[4026532109]
proc/1681/root -> /jail
proc/1700/ns/mnt -> mnt:[4026531832]
proc/1700/task/1700/ns/mnt -> mnt:[4026531832]
proc/1700/task/1701/ns/mnt -> mnt:[4026532300]
proc/1700/task/1701/mountinfo = 120 27 0:44 / /data rw - btrfs /dev/sdc rw
proc/1800/status = no links: it is ending
proc/self -> 1
proc/uptime = 1`

func TestMounts(t *testing.T) {
	tree := mountTree + `
proc/1681/mountinfo = 94 27 0:4 mnt:[4026532119] /pinned rw - nsfs nsfs rw
proc/1682/ns/mnt -> mnt:[4026532109]
proc/1682/root -> /other
proc/1682/mountinfo = 95 27 0:4 mnt:[4026532300] /pinned2 rw - nsfs nsfs rw`
	f := open(t, plant(t, tree))
	got, err := f.Mounts(context.Background())
	require.NoError(t, err)
	want := Mounts{
		List: []Mount{
			{DevNum{0, 22}, "/", "/", "overlay", "overlay", 4026531832, 1, ""},
			{DevNum{254, 3}, "/", "/run/a b", "ext4", "/dev/mapper/mpathd", 4026532109, 1680, ""},
			{DevNum{0, 4}, "mnt:[4026532119]", "/pinned", "nsfs", "nsfs", 4026532109, 1681, ""},
			{DevNum{0, 4}, "mnt:[4026532300]", "/pinned2", "nsfs", "nsfs", 4026532109, 1682, ""},
			{DevNum{8, 32}, "/", "/data", "btrfs", "/dev/sdc", 4026532300, 1700, ""},
			{DevNum{8, 16}, "/", "/data", "btrfs", "/dev/sdc", 4026532300, 1700, ""},
		},
		Pinned: []uint64{4026532119},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A mountinfo that cannot be understood is no empty one.
func TestBadMounts(t *testing.T) {
	f := open(t, plant(t, mountTree, "proc/1681/mountinfo = 93 27 garbage"))
	got, err := f.Mounts(context.Background())
	require.Error(t, err)
	require.Zero(t, got)
	require.ErrorIs(t, err, fs.ErrInvalid)
	var pe *fs.PathError
	require.ErrorAs(t, err, &pe)
}

// A namespace that is no such link has not been looked into.
func TestBlindMounts(t *testing.T) {
	f := open(t, plant(t, `
sys/
proc/5/ns/mnt -> something else
proc/6/ns/mnt = not a link
proc/7/ns/mnt -> mnt:[1]
proc/7/mountinfo = 27 24 0:22 / / rw - overlay overlay rw`))
	got, err := f.Mounts(context.Background())
	require.NoError(t, err)
	if diff := cmp.Diff([]Mount{{DevNum{0, 22}, "/", "/", "overlay", "overlay", 1, 7, ""}}, got.List); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	require.Equal(t, []int{5}, blindPIDs(got.Blind))
	require.ErrorIs(t, got.Blind[0].Err, fs.ErrInvalid)
}

func TestAnonymousDevices(t *testing.T) {
	f := open(t, plant(t, mountTree))
	m := mountScan{fs: f}
	tests := []struct {
		line mountLine
		want []DevNum
	}{
		{mountLine{devt: DevNum{0, 44}, fstype: "btrfs", source: "/dev/sdb"}, []DevNum{{8, 16}, {8, 32}}},
		{mountLine{devt: DevNum{0, 44}, fstype: "btrfs", source: "/dev/mapper/mpathd"}, []DevNum{{254, 3}}},
		{mountLine{devt: DevNum{0, 45}, fstype: "bcachefs", source: "/dev/mapper/mpathd"}, []DevNum{{254, 3}}},
		{mountLine{devt: DevNum{0, 45}, fstype: "btrfs", source: "/dev/gone"}, []DevNum{{8, 16}, {8, 32}}}, // it may be any
		{mountLine{devt: DevNum{0, 45}, fstype: "bcachefs", source: "/dev/gone"}, []DevNum{{0, 45}}},
		{mountLine{devt: DevNum{0, 46}, fstype: "nfs4", source: "server:/dev/sdb"}, []DevNum{{0, 46}}},
		{mountLine{devt: DevNum{8, 32}, fstype: "ext4", source: "/dev/sdb"}, []DevNum{{8, 32}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, m.devices(tt.line)); diff != "" {
			t.Errorf("%v: -want +got:\n%s", tt.line, diff)
		}
	}
}
