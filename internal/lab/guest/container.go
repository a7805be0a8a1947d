//go:build linux && amd64

package guest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A Container is what a container runtime makes of the sweep command: the static
// binary alone in a root of its own, with mount, IPC and UTS namespaces of its
// own, and the parts of the host that it is given below /host. The zero value has
// every capability, may open every device, and has none of the host's mounts and
// namespaces.
type Container struct {
	Mounts      []string // folders and files of the host's that it has, bind-mounted recursively
	ReadOnly    []string // those among them that it may only read
	OwnProc     bool     // its own /proc stands for the host's below /host
	HostPID     bool     // the host's pid namespace
	HostNetwork bool     // the host's network namespace
	Caps        []string // the capabilities that it keeps, as in "SYS_ADMIN"; all where nil
	Devices     []string // what the device cgroup allows, as in "b *:* r"; everything where nil
	Work        string   // a folder of the host's that it has as /handed, for what its runs hand on
}

// Privileged is the container of the README's first docker run line: every right,
// and of the host what is needed, its pid namespace included.
func Privileged() Container {
	return Container{Mounts: []string{"/sys", "/dev", "/run", "/proc", "/etc/hostname"}, HostPID: true}
}

// Least is the container of the README's second docker run line: no right more
// than is needed, and the host's processes seen by its /proc alone.
func Least() Container {
	c := Privileged()
	c.HostPID = false
	c.Caps = []string{"SYS_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "DAC_READ_SEARCH"}
	c.Devices = []string{"b *:* r", "c 10:236 rw"}
	return c
}

// Sweep runs the sweep command in it and returns what came of it; it ends the
// test only when the command has not ended within limit.
func (c Container) Sweep(t testing.TB, limit time.Duration, args ...string) Result {
	t.Helper()
	box := c.box(t)
	text, err := json.Marshal(box)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{inContainer, string(text), "/sweep"}, args...)
	cmd.Env = []string{"PATH=/", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: c.namespaces()}
	r, err := finish(cmd, limit)
	if err != nil {
		t.Fatal(err)
	}
	if r.Code == notContained {
		t.Fatalf("the container: %s", r.Stderr)
	}
	return r
}

func (c Container) namespaces() uintptr {
	flags := uintptr(syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS)
	if !c.HostPID {
		flags |= syscall.CLONE_NEWPID
	}
	if !c.HostNetwork {
		flags |= syscall.CLONE_NEWNET
	}
	return flags
}

// box is what the container's first process is told.
func (c Container) box(t testing.TB) box {
	t.Helper()
	b := box{Container: c, Root: folder(t, "container-")}
	if c.Caps != nil {
		b.Drop = dropped(t, c.Caps)
	}
	if c.Devices != nil {
		b.Group = deviceGroup(t, c.Devices)
	}
	return b
}

// dropped lists, by number, the kernel's capabilities without these.
func dropped(t testing.TB, kept []string) []uintptr {
	t.Helper()
	last, err := lastCapability()
	if err != nil {
		t.Fatal(err)
	}
	var keep []uintptr
	for _, name := range kept {
		n, known := capabilities[name]
		if !known {
			t.Fatalf("no capability %q", name)
		}
		keep = append(keep, n)
	}
	var out []uintptr
	for n := uintptr(0); n <= last; n++ {
		if !slices.Contains(keep, n) {
			out = append(out, n)
		}
	}
	return out
}

func lastCapability() (n uintptr, err error) {
	_, err = fmt.Sscan(attribute("/proc/sys/kernel/cap_last_cap"), &n)
	return n, err
}

// deviceGroup makes a cgroup whose processes may open just these devices, and
// those that every container may.
func deviceGroup(t testing.TB, allow []string) string {
	t.Helper()
	const hierarchy = "/run/lab-devices"
	if _, err := os.Stat(hierarchy); err != nil {
		mkdirs(t, hierarchy)
		Run(t, "mount", "-t", "cgroup", "-o", "devices", "none", hierarchy)
	}
	dir, err := os.MkdirTemp(hierarchy, "container-")
	if err != nil {
		t.Fatal(err)
	}
	Write(t, dir+"/devices.deny", "a")
	for _, rule := range append([]string{"c 1:3 rwm", "c 1:5 rwm", "c 1:9 rwm"}, allow...) {
		Write(t, dir+"/devices.allow", rule)
	}
	return dir
}
