//go:build unix

package lockdir

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hang makes of a file one that whoever opens it for reading waits for, and
// returns what ends that.
func hang(t *testing.T, path string) (end func()) {
	t.Helper()
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	return func() {
		f, err := os.OpenFile(path, os.O_RDWR, 0) // lets those in who wait
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		require.NoError(t, os.Remove(path))
		_, err = f.WriteString("x")
		require.NoError(t, err)
	}
}

// What hangs ends with its context, is told of, and keeps neither the lock nor
// the next who asks.
func TestDirectoryHangs(t *testing.T) {
	d := New(filepath.Join(t.TempDir(), "locks"))
	l := locked(t, d, "a")
	end := hang(t, filepath.Join(d.path, l.name+noteSuffix))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := l.Note(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, d.Stuck(), 1)
	l.Unlock()
	again := locked(t, d, "a")
	again.Unlock()

	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = d.Notes(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	end()
}

// A lock that comes when nobody waits for it any more is let go.
func TestLateLockIsLetGo(t *testing.T) {
	d := New(filepath.Join(t.TempDir(), "locks"))
	for _, leaveFirst := range []bool{true, false} {
		l, err := d.takeNow(digest("a"), "late")
		require.NoError(t, err)
		h := &handover{}
		if leaveFirst {
			h.leave()
		}
		h.give(l)
		if !leaveFirst {
			h.leave()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		next, err := d.Lock(ctx, "a", "next")
		require.NoError(t, err)
		next.Unlock()
	}
}
