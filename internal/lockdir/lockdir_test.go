package lockdir

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func over(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func locked(t *testing.T, d *Dir, key string) *Lock {
	t.Helper()
	l, err := d.Lock(over(t), key, "me")
	require.NoError(t, err)
	return l
}

// One key excludes itself, within one process, too, and no other; who holds it
// is named.
func TestLockExcludes(t *testing.T) {
	d := New(filepath.Join(t.TempDir(), "locks"))
	l := locked(t, d, "a")
	locked(t, d, "b").Unlock()
	_, err := New(d.path).Lock(over(t), "a", "another")
	var held *HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, "me", held.Holder)
	require.ErrorIs(t, err, context.Canceled)
	l.Unlock()
	locked(t, d, "a").Unlock()
	left, err := os.ReadDir(d.path)
	require.NoError(t, err)
	require.Empty(t, left, "locks that nobody holds leave nothing behind")
}

func TestLockIsWaitedFor(t *testing.T) {
	d := New(filepath.Join(t.TempDir(), "locks"))
	l := locked(t, d, "a")
	time.AfterFunc(100*time.Millisecond, l.Unlock)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	again, err := d.Lock(ctx, "a", "me")
	require.NoError(t, err)
	again.Unlock()
}

// A lock's file goes with its holder; whoever waits must not be left with a file
// that nobody else can see.
func TestLockOfManyHasOneHolder(t *testing.T) {
	d := New(filepath.Join(t.TempDir(), "locks"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var holders, most, done atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				l, err := d.Lock(ctx, "a", "me")
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Millisecond)
				holders.Add(-1)
				done.Add(1)
				l.Unlock()
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, most.Load(), "holders at once")
	require.EqualValues(t, 40, done.Load())
}

// Notes outlive their locks, and are shown once nobody holds them.
func TestNotes(t *testing.T) {
	d := New(filepath.Join(t.TempDir(), "locks"))
	none, err := d.Notes(t.Context())
	require.NoError(t, err)
	require.Empty(t, none, "a directory that is not there")

	l := locked(t, d, "a")
	b, err := l.Note(t.Context())
	require.NoError(t, err)
	require.Nil(t, b.Text)
	require.NoError(t, l.SetNote(t.Context(), []byte("one")))
	require.NoError(t, l.SetNote(t.Context(), []byte("two")))
	held, err := d.Notes(t.Context())
	require.NoError(t, err)
	require.Empty(t, held, "its author is at work")
	l.Unlock()
	left, err := d.Notes(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Note{{filepath.Join(d.path, digest("a")+".note"), []byte("two")}}, left)

	l = locked(t, d, "a")
	b, err = l.Note(t.Context())
	require.NoError(t, err)
	require.Equal(t, left[0], b)
	require.NoError(t, l.DropNote(t.Context()))
	require.NoError(t, l.DropNote(t.Context()))
	l.Unlock()
	entries, err := os.ReadDir(d.path)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// No key leads out of the directory.
func TestKeysAreNoPaths(t *testing.T) {
	top := t.TempDir()
	d := New(filepath.Join(top, "locks"))
	for _, key := range []string{"", "/", "../../etc/passwd", "a\x00b", "a/b\n"} {
		l := locked(t, d, key)
		require.NoError(t, l.SetNote(t.Context(), []byte("x")), "%q", key)
		require.NoError(t, l.DropNote(t.Context()))
		l.Unlock()
	}
	entries, err := os.ReadDir(top)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// A directory that others could have prepared is refused, and so is a lock file
// that is a link.
func TestUntrustedDirectories(t *testing.T) {
	refused := func(t *testing.T, path string) {
		t.Helper()
		_, err := New(path).Lock(over(t), "a", "me")
		require.Error(t, err)
	}
	t.Run("writable by all", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "locks")
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.Chmod(dir, 0o777))
		refused(t, dir)
		_, err := New(dir).Notes(t.Context())
		require.ErrorIs(t, err, errShared)
	})
	t.Run("a link", func(t *testing.T) {
		top := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(top, "real"), 0o700))
		require.NoError(t, os.Symlink("real", filepath.Join(top, "locks")))
		refused(t, filepath.Join(top, "locks"))
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "locks")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		refused(t, file)
	})
	t.Run("no parent", func(t *testing.T) { refused(t, filepath.Join(t.TempDir(), "run", "locks")) })
	t.Run("a lock that is a link", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "locks")
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.Symlink("elsewhere", filepath.Join(dir, digest("a")+lockSuffix)))
		refused(t, dir)
	})
}

// What killed holders leave goes, and what a living one has stays, and so do all
// notes.
func TestTidy(t *testing.T) {
	d := New(filepath.Join(t.TempDir(), "locks"))
	d.Tidy(t.Context()) // not there yet
	alive, dead := locked(t, d, "alive"), locked(t, d, "dead")
	require.NoError(t, alive.SetNote(t.Context(), []byte("a")))
	require.NoError(t, dead.SetNote(t.Context(), []byte("d")))
	require.NoError(t, alive.fill(alive.name+freshSuffix, []byte("half")))
	require.NoError(t, dead.fill(dead.name+freshSuffix, []byte("half")))
	require.NoError(t, dead.file.Close()) // as the kernel does
	for _, name := range []string{"other", "odd.txt", digest("lone") + freshSuffix} {
		require.NoError(t, os.WriteFile(filepath.Join(d.path, name), nil, 0o600))
	}
	d.Tidy(t.Context())
	var left []string
	entries, err := os.ReadDir(d.path)
	require.NoError(t, err)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	require.ElementsMatch(t, []string{
		alive.name + lockSuffix, alive.name + noteSuffix, alive.name + freshSuffix, dead.name + noteSuffix, "other", "odd.txt",
	}, left)
	alive.Unlock()
}
