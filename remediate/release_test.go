package remediate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/sysfs"
)

func TestReleaseOf(t *testing.T) {
	dm := func(name, uuid string) *sysfs.Block { return &sysfs.Block{DM: &sysfs.DM{Name: name, UUID: uuid}} }
	tests := []struct {
		name string
		b    *sysfs.Block
		want string
	}{
		{"dm-5", dm("secrets", "CRYPT-LUKS2-0a1b-secrets"), "cryptsetup close secrets"},
		{"dm-5", dm("plain", "CRYPT-PLAIN-plain"), "cryptsetup close plain"},
		{"dm-6", dm("vg-lv", "LVM-abc"), "vgchange -an vg || dmsetup remove vg-lv"},
		{"dm-6", dm("my--vg-my--lv_tmeta", "LVM-abc-tmeta"), "vgchange -an my-vg || dmsetup remove my--vg-my--lv_tmeta"},
		{"dm-7", dm("it's mine", ""), `dmsetup remove 'it'\''s mine'`},
		{"md127", &sysfs.Block{}, "mdadm --stop /dev/md127"},
		{"dm-8", dm("", ""), ""},
		{"loop3", &sysfs.Block{}, "losetup -d /dev/loop3"},
		{"bcache0", &sysfs.Block{}, "echo 1 > /sys/block/bcache0/bcache/stop"},
		{"drbd0", &sysfs.Block{}, ""},
		{"dm-9", nil, ""},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, releaseOf(tt.name, tt.b), tt.name)
	}
}

func TestUseNamesItsRelease(t *testing.T) {
	u := Use{Kind: UseHolder, By: "secrets (LUKS, dm-5)", Detail: "on dm-1", Release: "cryptsetup close secrets"}
	require.Equal(t, "holder secrets (LUKS, dm-5) (on dm-1; to be ended by its operator: cryptsetup close secrets)", u.String())
}
