package multipath

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSocketNobody(t *testing.T) {
	dir := t.TempDir()
	s := NewSocket(dir)
	require.NotContains(t, s.addrs, abstractAddress, "a simulated host must not reach this machine's daemon")
	require.Contains(t, NewSocket("/").addrs, abstractAddress)
	_, err := s.Topology(t.Context())
	require.ErrorIs(t, err, ErrNoDaemon)
	require.ErrorIs(t, s.Flush(t.Context(), "mpathb"), ErrNoDaemon)

	d := newFakeDaemon(t)
	d.stop()
	require.ErrorIs(t, d.client().Flush(t.Context(), "mpathb"), ErrNoDaemon)
}

// A host's daemon is found under the root of its file system, wherever its
// version listens.
func TestSocketRoot(t *testing.T) {
	for _, path := range []string{"run/multipathd.socket", "var/run/multipathd.sock"} {
		root := shortDir(t)
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o700))
		d := fakeDaemonAt(t, filepath.Join(root, path))
		require.NoError(t, NewSocket(root).DisableQueueing(t.Context(), "mpathb"), path)
		require.Equal(t, []string{"show daemon", "disablequeueing map mpathb"}, d.said(), path)
	}
}

// hangingDial makes s look up addr on a file system that does not answer before
// the test ends, or free is closed, and counts how often that is begun.
func hangingDial(t *testing.T, s *Socket, addr string) (free func(), begun *atomic.Int32) {
	t.Helper()
	begun = new(atomic.Int32)
	answer := make(chan struct{})
	free = sync.OnceFunc(func() { close(answer) })
	t.Cleanup(free)
	s.dial = func(ctx context.Context, a string) (net.Conn, error) {
		if a == addr {
			begun.Add(1)
			<-answer
			ctx = context.Background() // connect(2) knows nothing of a context
		}
		return dialUnix(ctx, a)
	}
	return free, begun
}

// A host without multipathd whose /var hangs: each call ends, one connect(2)
// stays behind and is named, and a connection that comes of it in the end is
// closed.
func TestSocketFileSystemHangs(t *testing.T) {
	root := shortDir(t)
	dir := filepath.Join(root, "var/run")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	d := fakeDaemonAt(t, filepath.Join(dir, "multipathd.sock"))
	s := NewSocket(root)
	free, begun := hangingDial(t, s, d.addr)
	require.Empty(t, s.Stuck())
	for range 2 {
		for name, call := range map[string]func(context.Context) error{
			"Topology": func(ctx context.Context) error { _, err := s.Topology(ctx); return err },
			"Flush":    func(ctx context.Context) error { return s.Flush(ctx, "mpathb") },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond)
			err := call(ctx)
			cancel()
			require.True(t, silent(err), "%s: %v", name, err)
			require.False(t, Uncertain(err), name)
			require.ErrorContains(t, err, d.addr, name)
		}
	}
	require.EqualValues(t, 1, begun.Load())
	require.Len(t, s.Stuck(), 1)
	require.Equal(t, "connect to "+d.addr, s.Stuck()[0].What)
	require.Equal(t, s.Stuck(), NewAuto(s, NewCommand(nil), nil).Stuck())

	free()
	require.Eventually(t, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.conns) == 1 && hungUp(d.conns[0])
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, s.DisableQueueing(t.Context(), "mpathb"))
	require.Empty(t, s.Stuck())
}

// hungUp reports whether the peer has closed the connection.
func hungUp(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// Where the file system of one socket hangs, the daemon is found at the next.
func TestSocketPassesWhatHangs(t *testing.T) {
	d := newFakeDaemon(t)
	s := NewSocket("/nowhere", WithAddress("/hangs", d.addr))
	hangingDial(t, s, "/hangs")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Flush(ctx, "mpathb"), ErrSilent)
	require.NoError(t, s.Flush(t.Context(), "mpathb"), "the second time nobody waits for it any more")
}
