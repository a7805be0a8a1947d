package diskbyid

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/sysfs"
)

// A directory that does not answer keeps nobody, and is left behind once. In its
// place is a FIFO, whose open waits for somebody who writes.
func TestDirectoryHangs(t *testing.T) {
	for name, call := range map[string]func(context.Context, *Dir) error{
		"List":      func(ctx context.Context, d *Dir) error { _, err := d.List(ctx); return err },
		"Naming":    func(ctx context.Context, d *Dir) error { _, err := d.Naming(ctx, naa); return err },
		"WaitGone":  func(ctx context.Context, d *Dir) error { _, err := d.WaitGone(ctx, naa, nil); return err },
		"WaitMoved": func(ctx context.Context, d *Dir) error { return d.WaitMoved(ctx, naa, "dm-2") },
	} {
		t.Run(name, func(t *testing.T) {
			root := plant(t, "dev/disk/null =\n")
			fifo := filepath.Join(root, byIDDir)
			require.NoError(t, syscall.Mkfifo(fifo, 0o600))
			d := open(t, root)
			err := call(soon(t), d)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotContains(t, err.Error(), "no link")
			_, err = d.Resolve(soon(t), "wwn-0x1")
			require.True(t, isStuck(err), "%v", err)
			require.Len(t, d.Stuck(), 1)
			require.Equal(t, "read "+byIDDir, d.Stuck()[0].What)

			require.Eventually(t, func() bool { return len(d.Stuck()) == 0 || answer(fifo) != nil }, 5*time.Second, time.Millisecond)
			require.NoError(t, os.Remove(fifo))
			links, err := d.List(t.Context())
			require.NoError(t, err)
			require.Empty(t, links)
		})
	}
}

// answer lets who waits for a FIFO go on.
func answer(fifo string) error {
	f, err := os.OpenFile(fifo, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err == nil {
		time.Sleep(2 * time.Millisecond)
		err = f.Close()
	}
	return err
}

// udev's own directory is looked at in the same way, and apart from the links.
func TestUdevHangs(t *testing.T) {
	d := open(t, plant(t, withNode))
	release := make(chan struct{})
	defer close(release)
	_, err := bounded(soon(t), d, udevDir, func() (bool, error) { <-release; return false, nil })
	require.Error(t, err)
	for name, call := range map[string]func(context.Context) (bool, error){
		"Settled": d.Settled,
		"Known":   func(ctx context.Context) (bool, error) { return d.Known(ctx, sysfs.DevNum{Major: 8}) },
	} {
		yes, err := call(soon(t))
		require.False(t, yes, name)
		require.True(t, isStuck(err), "%s: %v", name, err)
	}
	links, err := d.List(t.Context())
	require.NoError(t, err)
	require.Len(t, links, 2)
}
