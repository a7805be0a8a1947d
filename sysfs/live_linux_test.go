package sysfs

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// openFiles counts what this process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(names)
}

// The host that the tests run on can be read, whatever it is, with what rights
// there are; nothing stays open.
func TestThisHost(t *testing.T) {
	f := open(t, "/")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.True(t, f.live)
	before := openFiles(t)

	blocks, err := f.Blocks(ctx)
	require.NoError(t, err)
	for _, b := range blocks {
		require.NotZero(t, b.Name)
	}
	devices, err := f.SCSIDevices(ctx)
	require.NoError(t, err)
	for _, d := range devices {
		_, err := f.Transport(t.Context(), d.HCTL)
		require.NoError(t, err)
	}
	id, err := f.BootID(t.Context())
	require.NoError(t, err)
	require.Len(t, id, 36)
	_, err = f.Swaps(ctx)
	require.NoError(t, err)

	mounts, err := f.Mounts(ctx)
	require.NoError(t, err)
	var root bool
	for _, m := range mounts.List {
		root = root || m.Point == "/"
	}
	require.True(t, root, "no mount at /")
	_, err = f.Openers(ctx, nil)
	require.NoError(t, err)

	require.Equal(t, before, openFiles(t))
	require.Empty(t, f.Stuck())
}

// Every walk ends with its context, and every file is closed, also where it ends
// early.
func TestNothingStaysOpen(t *testing.T) {
	f := open(t, plant(t, captured(t, "multipath.txt"), pinTree))
	before := openFiles(t)
	for range 3 {
		_, err := f.Blocks(context.Background())
		require.NoError(t, err)
		_, err = f.SCSIDevices(context.Background())
		require.NoError(t, err)
		p, err := f.Pin(t.Context(), pinned)
		require.NoError(t, err)
		require.NoError(t, p.SetState(context.Background(), StateOffline))
		require.NoError(t, p.Close())
	}
	require.Equal(t, before, openFiles(t))
}
