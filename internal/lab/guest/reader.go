//go:build linux

package guest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A Reader is a dd that reads a device with O_DIRECT.
type Reader struct {
	PID  int
	done chan struct{}
	code int
}

// StuckReader starts dd if=device iflag=direct, waits until it sleeps
// uninterruptibly, and leaves it there.
func StuckReader(t testing.TB, device string) *Reader {
	t.Helper()
	r := StartReader(t, device)
	WaitFor(t, "dd on "+device+" is in D state", settled, func() error {
		if p := Process(r.PID); p.State != "D" {
			return fmt.Errorf("it is %s", p)
		}
		return nil
	})
	return r
}

// StartReader starts dd if=device iflag=direct count=1.
func StartReader(t testing.TB, device string) *Reader {
	t.Helper()
	cmd := exec.Command("dd", "if="+dev(device), "of=/dev/null", "iflag=direct", "bs=1M", "count=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &Reader{PID: cmd.Process.Pid, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		r.code = cmd.ProcessState.ExitCode()
		close(r.done)
	}()
	return r
}

// Ended reports whether the reader has ended.
func (r *Reader) Ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Wait waits for the reader's end and returns its exit status: 0 when it could
// read, 1 after an I/O error, -1 after a signal.
func (r *Reader) Wait(t testing.TB, limit time.Duration) int {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(limit):
		t.Fatalf("dd has not ended within %s: %s", limit, Process(r.PID))
	}
	return r.code
}

// StuckUdev makes a worker of udev's the casualty: while the daemon is frozen
// vanish takes the map's LU away, then udev is told to look at the map, so that
// its own blkid reads what nobody answers and, the map queueing, never comes
// back. It returns the worker, which holds the map open and sleeps in D state.
func StuckUdev(t testing.TB, daemon *Multipathd, m Map, vanish func()) Proc {
	t.Helper()
	daemon.Freeze(t)
	vanish()
	Run(t, "udevadm", "trigger", "--action=change", "/sys/block/"+m.DM)
	var stuck Proc
	WaitFor(t, "a worker of udev's is stuck on "+m.Name, settled, func() error {
		for _, p := range Blocked() {
			if strings.Contains(p.Comm, "udev") && p.Holds("/dev/"+m.DM) {
				stuck = p
				return nil
			}
		}
		return fmt.Errorf("%s; blocked are %v", DmsetupStatus(t, m.Name).Text, Blocked())
	})
	daemon.Thaw(t)
	return stuck
}
