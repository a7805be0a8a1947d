package blockprobe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLost(t *testing.T) {
	// What the block layer can answer (blk_errors, block/blk-core.c).
	for errno, want := range map[syscall.Errno]bool{
		unix.EIO: true, unix.EREMOTEIO: true, unix.ENOLINK: true,
		unix.ETIMEDOUT: true, unix.ENODEV: true, unix.ENXIO: true,
		unix.ENODATA: false, unix.EILSEQ: false, unix.EBADE: false,
		unix.ENOSPC: false, unix.ENOMEDIUM: false, unix.EOPNOTSUPP: false,
		unix.ENOMEM: false, unix.EBUSY: false, unix.EAGAIN: false,
		unix.EREMCHG: false, unix.ETIME: false, unix.EINVAL: false,
		unix.ENOENT: false, unix.EACCES: false, unix.EMFILE: false,
	} {
		require.Equal(t, want, lost(errno), errno.Error())
	}
}

// direct is a file of this size where O_DIRECT works.
func direct(t *testing.T, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.WriteFile(path, make([]byte, size), 0o600))
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		t.Skip("the file system of the temporary directory has no O_DIRECT")
	}
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	return path
}

func fds(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestReadDirect(t *testing.T) {
	p := New()
	p.Probe(t.Context(), Target{Node: direct(t, 4096)}) // the runtime's own poller opens with the first file
	before := fds(t)
	for size, want := range map[int]Result{
		2 << 20: {Outcome: Readable, Bytes: 1 << 20},
		1 << 20: {Outcome: Readable, Bytes: 1 << 20},
		8192:    {Outcome: Readable, Bytes: 8192},
		0:       {Outcome: Unreadable},
	} {
		got := p.Probe(t.Context(), Target{Node: direct(t, size)})
		require.Equal(t, want.Outcome, got.Outcome, got.Reason)
		require.Equal(t, want.Bytes, got.Bytes)
	}
	require.Equal(t, before, fds(t))
}

func TestReadDirectRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "dm-12")
	r := New().Probe(context.Background(), Target{Node: missing})
	require.Equal(t, Other, r.Outcome)
	require.ErrorIs(t, r.Err, fs.ErrNotExist)
	require.Equal(t, "open "+missing+": no such file or directory", r.Reason)

	dir := t.TempDir()
	before := fds(t)
	r = New().Probe(context.Background(), Target{Node: dir})
	require.Equal(t, Other, r.Outcome, r.Reason)
	require.Equal(t, before, fds(t))
}
