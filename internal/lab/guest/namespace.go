//go:build linux

package guest

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// MountPinned mounts a device in a mount namespace that no process is in: a file
// on which the namespace itself is mounted keeps it, as snapd does. It returns
// the mount point inside and that file.
func MountPinned(t testing.TB, device string) (dir, file string) {
	t.Helper()
	dir = folder(t, "pinned-")
	return dir, Pin(t, "mount", dev(device), dir)
}

// Pin runs a command in a new mount namespace, which a file keeps afterwards, on
// which it is mounted. It returns the file.
func Pin(t testing.TB, argv ...string) (file string) {
	t.Helper()
	const keep = "/run/lab-ns"
	if _, err := os.Stat(keep); err != nil {
		mkdirs(t, keep)
		Run(t, "mount", "--bind", keep, keep)
		Run(t, "mount", "--make-private", keep)
	}
	f, err := os.CreateTemp(keep, "ns-")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	Run(t, append([]string{"unshare", "--mount=" + f.Name(), "--propagation", "private"}, argv...)...)
	t.Cleanup(func() { Unpin(f.Name()) })
	return f.Name()
}

// Unpin lets a namespace go that Pin has made.
func Unpin(file string) { _ = syscall.Unmount(file, syscall.MNT_DETACH) }

// MountHeld mounts a device in a mount namespace that no process is in, and that
// only an open file of this process keeps, until release is called.
func MountHeld(t testing.TB, device string) (dir string, release func()) {
	t.Helper()
	dir = folder(t, "held-")
	cmd := exec.Command("unshare", "--mount", "--propagation", "private",
		"sh", "-c", `mount "$1" "$2" && touch "$2".done && exec sleep 1000`, "sh", dev(device), dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	WaitFor(t, device+" is mounted", settled, func() error { _, err := os.Stat(dir + ".done"); return err })
	f, err := os.Open("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	t.Cleanup(func() { f.Close() })
	return dir, func() { f.Close() }
}

// BindOnly mounts a device, binds a folder of its file system elsewhere, and
// unmounts the first: only the bind mount is left, which it returns.
func BindOnly(t testing.TB, device string) string {
	t.Helper()
	first, second := folder(t, "mnt-"), folder(t, "bind-")
	Run(t, "mount", dev(device), first)
	mkdirs(t, first+"/sub")
	Run(t, "mount", "--bind", first+"/sub", second)
	Run(t, "umount", first)
	t.Cleanup(func() { _ = syscall.Unmount(second, syscall.MNT_DETACH) })
	return second
}

// Detached mounts a device and unmounts it lazily while a file on it is open: it
// stays mounted, and no mount table shows it. release closes the file.
func Detached(t testing.TB, device string) (release func()) {
	t.Helper()
	dir := folder(t, "lazy-")
	Run(t, "mount", dev(device), dir)
	f, err := os.Create(dir + "/file")
	if err != nil {
		t.Fatal(err)
	}
	Run(t, "umount", "--lazy", dir)
	t.Cleanup(func() { f.Close() })
	return func() { f.Close() }
}
