//go:build linux

package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TracedSelf puts the scenario's own process under strace, for what it does with the
// library itself. What it returns ends that, and tells what was done meanwhile: by the
// library, that is to say, if the scenario does nothing beside it. Where the process is
// traced already, who began with that is told all.
func TracedSelf(t testing.TB) func() Trace {
	t.Helper()
	if untraced() == nil {
		return func() Trace { return Trace{} }
	}
	log := traceLog(t)
	strace := exec.Command("strace", "-f", "-qq", "-yy", "-s", "512", "-e", "signal=none", "-e", "abbrev=!ioctl",
		"-e", "trace=openat,"+traceable, "-o", log, "-p", strconv.Itoa(os.Getpid()))
	var said strings.Builder
	strace.Stderr = &said
	if err := strace.Start(); err != nil {
		t.Fatal(err)
	}
	WaitFor(t, "strace is attached", 10*time.Second, untraced)
	return func() Trace {
		t.Helper()
		_ = strace.Process.Signal(syscall.SIGINT)
		giveUp := time.AfterFunc(5*time.Second, func() { _ = strace.Process.Kill() }) // it cannot let go of a thread that hangs
		_ = strace.Wait()
		giveUp.Stop()
		f, err := os.Open(log)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		tr, err := parseTrace(f, 0)
		if err != nil {
			t.Fatalf("%s: %v\n%s", log, err, said.String())
		}
		return tr
	}
}

// untraced is an error while a thread of this process has no tracer.
func untraced() error {
	threads, err := filepath.Glob("/proc/self/task/*/status")
	for _, status := range threads {
		if text, _ := os.ReadFile(status); strings.Contains(string(text), "TracerPid:\t0\n") {
			return &os.PathError{Op: "trace", Path: status, Err: syscall.ESRCH}
		}
	}
	return err
}
