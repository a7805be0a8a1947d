//go:build lab && linux

package scenario

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// An exiting reader is a process that reads a map which queues and has no path
// left, in some way that does not stop it, and exits.
type exitingReader struct {
	how     string
	init    bool // it is the first process of a pid namespace, as in a container
	ends    bool
	shown   bool // /proc shows who is left with the map open
	ofADisk bool // it reads a path's disk, not the map
}

// What keeps a process from ending that has begun to read a map which queues and
// has no path left, and what is left of it when it does end. Package blockprobe
// says what follows from it.
func TestExitBesideHungRead(t *testing.T) {
	d := guest.ScsiDebug(t, 2, 2)
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue"})
	guest.WaitMaps(t, 2, 2)
	m, disk := d.Map(t, 1), d.Disks(t, 1)[0]
	d.VanishLUNs(t, 1)
	guest.WaitFailed(t, m)
	t.Cleanup(func() { guest.Run(t, "dmsetup", "message", m.Name, "0", "fail_if_no_path") })

	for _, r := range []exitingReader{
		{how: "thread", shown: true},
		{how: "aio"},
		{how: "uring", ends: true},
		{how: "process", ends: true, shown: true},
		{how: "process", init: true, shown: true},
		{how: "disk", ends: true, ofADisk: true},
	} {
		t.Run(fmt.Sprintf("%s, init=%v", r.how, r.init), func(t *testing.T) {
			guest.Run(t, "dmsetup", "message", m.Name, "0", "fail_if_no_path")
			guest.WaitFor(t, "nobody has the map open", 10*time.Second, func() error {
				if n := guest.OpenCount(t, m.Name); n != 0 {
					return fmt.Errorf("open count %d", n)
				}
				return nil
			})
			guest.Run(t, "dmsetup", "message", m.Name, "0", "queue_if_no_path")
			node := m.Dev()
			if r.ofADisk {
				node = "/dev/" + disk
			}
			r.check(t, node, m)
		})
	}
}

func (r exitingReader) check(t *testing.T, node string, m guest.Map) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", node)
	cmd.Env = append(os.Environ(), readerVar+"="+r.how)
	if r.init {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	ended := false
	select {
	case <-done:
		ended = true
	case <-time.After(5 * time.Second): // it exits after one
	}
	shown := false
	for _, p := range guest.Blocked() {
		shown = shown || p.Holds("/dev/"+m.DM)
	}
	open := guest.OpenCount(t, m.Name)
	t.Logf("it has ended: %v; the map is open %d times, by somebody who is to be seen: %v", ended, open, shown)
	if ended != r.ends || open != 1 && !r.ofADisk || shown != r.shown {
		t.Errorf("it is not as package blockprobe says: ended %v, open count %d, shown %v", ended, open, shown)
	}
	if !ended {
		guest.Run(t, "dmsetup", "message", m.Name, "0", "fail_if_no_path")
		<-done
	}
}
