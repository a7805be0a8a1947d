package sysfs

import (
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResolve(t *testing.T) {
	f := open(t, plant(t, `
sys/class/block/sdi/dev = 8:128
sys/class/block/dm-12/dev = 253:12
dev/sdi =
dev/dm-12 =
dev/null =
dev/mapper/mpathb -> ../dm-12
dev/disk/by-id/wwn-0x6001405 -> ../../sdi
dev/disk/by-path/absolute -> /dev/disk/by-id/wwn-0x6001405
dev/disk/dir -> by-id
dev/disk/out -> ../../../../../../../../dev/dm-12
dev/dangling -> ../sdz
dev/loop -> loop`))
	for path, want := range map[string]DevNum{
		"/dev/sdi":                     {8, 128},
		"dev//./sdi":                   {8, 128},
		"/dev/mapper/mpathb":           {253, 12},
		"/dev/mapper/../mapper/mpathb": {253, 12},
		"/dev/disk/by-path/absolute":   {8, 128},
		"/dev/disk/dir/wwn-0x6001405":  {8, 128},
		"/dev/disk/out":                {253, 12},
		"/../../dev/dm-12":             {253, 12},
	} {
		got, err := f.Resolve(t.Context(), path)
		require.NoError(t, err, path)
		require.Equal(t, want, got, path)
	}
	for path, want := range map[string]error{
		"/dev/sdz":      fs.ErrNotExist,
		"/dev/dangling": fs.ErrNotExist,
		"/dev/loop":     syscall.ELOOP,
		"/dev/null":     syscall.ENOTBLK,
		"/dev/disk":     syscall.ENOTBLK,
		"":              syscall.ENOTBLK,
	} {
		got, err := f.Resolve(t.Context(), path)
		require.ErrorIs(t, err, want, path)
		require.Zero(t, got, path)
	}
}
