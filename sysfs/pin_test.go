package sysfs

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const pinTree = `
sys/bus/scsi/devices/3:0:0:1 -> ../../../devices/host3/3:0:0:1
sys/devices/host3/3:0:0:1/type = 0
sys/devices/host3/3:0:0:1/vendor = X
sys/devices/host3/3:0:0:1/model = Y
sys/devices/host3/3:0:0:1/rev = 1
sys/devices/host3/3:0:0:1/wwid = naa.old
sys/devices/host3/3:0:0:1/delete =
sys/devices/host3/3:0:0:1/state = running`

var pinned = HCTL{3, 0, 0, 1}

func pin(t *testing.T, root string, opts ...Option) *Pin {
	t.Helper()
	p, err := open(t, root, opts...).Pin(t.Context(), pinned)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func TestPinWrites(t *testing.T) {
	root := plant(t, pinTree)
	p := pin(t, root)
	ctx := context.Background()
	require.NoError(t, p.SetState(ctx, StateOffline))
	d, err := p.Device(t.Context())
	require.NoError(t, err)
	if diff := cmp.Diff(StateOffline, d.State); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	state, err := p.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, StateOffline, state)
	require.NoError(t, p.Delete(ctx))
	text, err := os.ReadFile(filepath.Join(root, "sys/devices/host3/3:0:0:1/delete"))
	require.NoError(t, err)
	require.Equal(t, "1\n", string(text))
	require.Equal(t, pinned, p.HCTL())
}

func TestPinStates(t *testing.T) {
	p := pin(t, plant(t, pinTree), WithWrite(func(*os.File, []byte) error { panic("written") }))
	for _, state := range []string{"", "deleted", "blocked", "running\n", "Offline"} {
		require.ErrorIs(t, p.SetState(context.Background(), state), syscall.EINVAL, "%q", state)
	}
}

// The device goes, and another one gets its address and all its names: what is
// done through the pin reaches neither.
func TestPinAndNewcomer(t *testing.T) {
	root := plant(t, pinTree)
	p := pin(t, root)
	dir := filepath.Join(root, "sys/devices/host3/3:0:0:1")
	require.NoError(t, os.RemoveAll(dir))
	newcomer := map[string]string{"type": "0\n", "vendor": "N\n", "model": "N\n", "rev": "N\n", "state": "running\n", "delete": ""}
	require.NoError(t, os.Mkdir(dir, 0o755))
	for name, text := range newcomer {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}

	ctx := context.Background()
	_, err := p.State(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = p.Device(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, p.SetState(ctx, StateOffline), fs.ErrNotExist)
	require.ErrorIs(t, p.Delete(ctx), fs.ErrNotExist)
	for name, want := range newcomer {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(text), name)
	}
}

// A device that goes between open and write answers ENODEV.
func TestPinErrors(t *testing.T) {
	tests := []struct {
		err  error
		want error
		gone bool
	}{
		{syscall.ENODEV, syscall.ENODEV, true},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENODEV}, syscall.ENODEV, true},
		{syscall.ENOENT, fs.ErrNotExist, true},
		{syscall.EINVAL, syscall.EINVAL, false},
		{syscall.EACCES, fs.ErrPermission, false},
		{syscall.EROFS, syscall.EROFS, false},
	}
	for _, tt := range tests {
		t.Run(tt.err.Error(), func(t *testing.T) {
			p := pin(t, plant(t, pinTree), WithWrite(func(*os.File, []byte) error { return tt.err }))
			for _, err := range []error{p.Delete(context.Background()), p.SetState(context.Background(), StateRunning)} {
				require.ErrorIs(t, err, tt.want)
				require.Equal(t, tt.gone, absent(err))
				var pe *fs.PathError
				require.ErrorAs(t, err, &pe)
				require.Equal(t, "write", pe.Op)
			}
		})
	}
}

func TestPinEndedContext(t *testing.T) {
	p := pin(t, plant(t, pinTree), WithWrite(func(*os.File, []byte) error { panic("written") }))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, p.Delete(ctx), context.Canceled)
	require.ErrorIs(t, p.SetState(ctx, StateOffline), context.Canceled)
}

// The kernel keeps the write: the caller gets away, the write is listed, is not
// begun twice, and can end after the pin was closed.
func TestPinStuck(t *testing.T) {
	let, done, begun := make(chan struct{}), make(chan error, 1), atomic.Int32{}
	f := open(t, plant(t, pinTree), WithWrite(func(file *os.File, data []byte) error {
		begun.Add(1)
		<-let
		_, err := file.Write(data)
		done <- err
		return err
	}))
	p, err := f.Pin(t.Context(), pinned)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Delete(ctx), context.DeadlineExceeded)
	require.Len(t, f.Stuck(), 1)
	require.Equal(t, f.Path("sys/bus/scsi/devices/3:0:0:1/delete"), f.Stuck()[0].Key)

	require.Error(t, p.Delete(context.Background()))
	require.EqualValues(t, 1, begun.Load())

	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	_, err = p.Device(t.Context())
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, p.Delete(context.Background()), fs.ErrClosed)

	close(let)
	require.NoError(t, <-done)
	require.Eventually(t, func() bool { return len(f.Stuck()) == 0 }, 5*time.Second, time.Millisecond)
}
