package sysfs

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestNew(t *testing.T) {
	_, err := New("")
	require.ErrorIs(t, err, fs.ErrInvalid)

	_, err = New(t.TempDir())
	require.ErrorIs(t, err, fs.ErrNotExist, "a root without sys")

	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "sys"), nil, 0o644))
	_, err = New(root)
	require.ErrorIs(t, err, syscall.ENOTDIR)
}

func TestPath(t *testing.T) {
	root := plant(t, "sys/")
	f := open(t, root)
	tests := []struct {
		elem []string
		want string
	}{
		{nil, ""},
		{[]string{"dev", "dm-12"}, "dev/dm-12"},
		{[]string{"/dev/disk/by-id"}, "dev/disk/by-id"},
		{[]string{"..", "..", "etc"}, "etc"},
		{[]string{"dev", "../../../etc"}, "etc"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(filepath.Join(root, tt.want), f.Path(tt.elem...)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", tt.elem, diff)
		}
	}
}

func TestHost(t *testing.T) {
	f := open(t, plant(t, "sys/",
		"proc/sys/kernel/hostname = node-7",
		"proc/sys/kernel/random/boot_id = 6f1c7a0e-0000-4000-8000-000000000001"))
	id, err := f.BootID(t.Context())
	require.NoError(t, err)
	require.Equal(t, "6f1c7a0e-0000-4000-8000-000000000001", id)
	name, err := f.Hostname(t.Context())
	require.NoError(t, err)
	require.Equal(t, "node-7", name)

	f = open(t, plant(t, "sys/"))
	_, err = f.BootID(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = f.Hostname(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// In a UTS namespace that is not the host's the kernel tells that one's name.
func TestHostnameInContainer(t *testing.T) {
	container := []string{"sys/", "proc/sys/kernel/hostname = 0a1b2c3d", "proc/self/ns/uts -> uts:[4026532301]"}
	for want, more := range map[string]string{
		"node-7":   "etc/hostname = node-7",
		"0a1b2c3d": "etc/",
	} {
		name, err := open(t, plant(t, append(container, more)...)).Hostname(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, name)
	}
	host := open(t, plant(t, "sys/", "proc/sys/kernel/hostname = node-7.example", "proc/self/ns/uts -> uts:[4026531838]", "etc/hostname = node-7"))
	name, err := host.Hostname(t.Context())
	require.NoError(t, err)
	require.Equal(t, "node-7.example", name)
}

// Only the lab can mount /sys read-only.
func TestWritable(t *testing.T) {
	require.NoError(t, open(t, plant(t, "sys/")).Writable(t.Context()))
}

// A context that has ended lets no walk begin.
func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := open(t, plant(t, captured(t, "multipath.txt"), "proc/"))
	for name, walk := range map[string]func() error{
		"Blocks":      func() error { _, err := f.Blocks(ctx); return err },
		"SCSIDevices": func() error { _, err := f.SCSIDevices(ctx); return err },
		"Addresses":   func() error { _, err := f.SCSIAddresses(ctx); return err },
		"Mounts":      func() error { _, err := f.Mounts(ctx); return err },
		"Swaps":       func() error { _, err := f.Swaps(ctx); return err },
		"Openers":     func() error { _, err := f.Openers(ctx, nil); return err },
	} {
		require.ErrorIs(t, walk(), context.Canceled, name)
	}
	require.Empty(t, f.Stuck())
}

// A root without a mounted /sys or /proc must not look like a host without disks.
func TestNothingMounted(t *testing.T) {
	f := open(t, plant(t, "sys/"))
	ctx := context.Background()
	for name, walk := range map[string]func() error{
		"Blocks":      func() error { _, err := f.Blocks(ctx); return err },
		"Block":       func() error { _, err := f.Block(t.Context(), "sda"); return err },
		"SCSIDevices": func() error { _, err := f.SCSIDevices(ctx); return err },
		"Addresses":   func() error { _, err := f.SCSIAddresses(ctx); return err },
		"SCSIDevice":  func() error { _, err := f.SCSIDevice(t.Context(), HCTL{}); return err },
		"Transport":   func() error { _, err := f.Transport(t.Context(), HCTL{}); return err },
		"Pin":         func() error { _, err := f.Pin(t.Context(), HCTL{}); return err },
		"Mounts":      func() error { _, err := f.Mounts(ctx); return err },
		"Swaps":       func() error { _, err := f.Swaps(ctx); return err },
		"Openers":     func() error { _, err := f.Openers(ctx, nil); return err },
	} {
		err := walk()
		require.ErrorIs(t, err, fs.ErrNotExist, name)
		var pe *fs.PathError
		require.ErrorAs(t, err, &pe, name)
	}
}
