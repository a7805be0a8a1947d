//go:build linux

package guest

import (
	"os"
	"syscall"
	"testing"
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
