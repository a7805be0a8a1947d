package sysfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A mount namespace that only an open file keeps, with more mounts than one page of
// mountinfo has room for (as snapd's have): all of them are listed.
func TestLongPinnedNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	base := t.TempDir()
	type made struct {
		ns  *os.File
		err error
	}
	done := make(chan made)
	go onLostThread(func() {
		if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
			done <- made{nil, err}
			return
		}
		_ = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		if err := unix.Mount("tmpfs", base, "tmpfs", 0, ""); err != nil {
			done <- made{nil, err}
			return
		}
		for i := range 100 {
			dir := fmt.Sprintf("%s/mount-%03d", base, i)
			_ = os.Mkdir(dir, 0o755)
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
				done <- made{nil, err}
				return
			}
		}
		f, err := os.Open("/proc/thread-self/ns/mnt")
		done <- made{f, err}
	})
	m := <-done
	if errors.Is(m.err, unix.EPERM) {
		t.Skip("this root may not make mount namespaces")
	}
	require.NoError(t, m.err)
	defer m.ns.Close()
	link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", m.ns.Fd()))
	require.NoError(t, err)
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(int(m.ns.Fd()), &st), link)

	f := open(t, "/")
	got, err := f.MountsIn(context.Background(), []Namespace{{ID: st.Ino, PID: os.Getpid(), FD: int(m.ns.Fd())}})
	require.NoError(t, err)
	require.Empty(t, got.Pinned)
	n := 0
	for _, x := range got.List {
		if strings.HasPrefix(x.Point, base+"/mount-") {
			n++
		}
	}
	require.Equal(t, 100, n, "of %d mounts in all, and nothing is said to be unknown", len(got.List))
}
