//go:build linux

package guest

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// MountAt mounts a device at a place of the system's own, until the test ends.
func MountAt(t testing.TB, device, point string) {
	t.Helper()
	mkdirs(t, point)
	Run(t, "mount", dev(device), point)
	t.Cleanup(func() { _ = syscall.Unmount(point, syscall.MNT_DETACH) })
}

// CommandLine makes the kernel seem to have been booted with a command line.
func CommandLine(t testing.TB, text string) {
	t.Helper()
	const file = "/run/lab-cmdline"
	if err := os.WriteFile(file, []byte(text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if attribute("/proc/cmdline") != text {
		Run(t, "mount", "--bind", file, "/proc/cmdline")
	}
	t.Cleanup(func() { _ = syscall.Unmount("/proc/cmdline", syscall.MNT_DETACH) })
}

// SweepInside is Sweep in a mount namespace of its own, as in a container: what
// the host has mounted below /boot is not mounted there, but below root.
func SweepInside(t testing.TB, limit time.Duration, root string, args ...string) Result {
	t.Helper()
	argv := append([]string{"unshare", "--mount", "--propagation", "private", "sh", "-c",
		"umount -R -l /boot/efi; exec /payload/sweep \"$@\"", "sh"}, args...)
	r, err := runFor(limit, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
