//go:build linux

package guest

import (
	"strings"
	"syscall"
	"testing"
)

// FreezeUdev stops udevd and its workers in their tracks (SIGSTOP), until ThawUdev
// or the end of the test.
func FreezeUdev(t testing.TB) {
	t.Helper()
	if signalUdev(syscall.SIGSTOP) == 0 {
		t.Fatal("there is no udevd")
	}
	t.Cleanup(func() { signalUdev(syscall.SIGCONT) })
}

// ThawUdev undoes FreezeUdev.
func ThawUdev(t testing.TB) { t.Helper(); signalUdev(syscall.SIGCONT) }

// signalUdev returns how many processes it was.
func signalUdev(sig syscall.Signal) int {
	all := Processes(func(p Proc) bool { return strings.Contains(p.Cmdline, "systemd-udevd") })
	for _, p := range all {
		_ = syscall.Kill(p.PID, sig)
	}
	return len(all)
}
