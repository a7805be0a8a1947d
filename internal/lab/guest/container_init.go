//go:build linux && amd64

package guest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// inContainer is the name by which this program, started once more in new
// namespaces, makes a container of them and becomes the program in it.
const inContainer = "in-container"

// notContained is its exit status where it could not.
const notContained = 125

// A box is a container that is to be made.
type box struct {
	Container
	Root  string    // an empty folder of the host's
	Drop  []uintptr // capabilities to give up
	Group string    // the folder of the device cgroup to go into; "" for none
}

var capabilities = map[string]uintptr{
	"CHOWN": unix.CAP_CHOWN, "DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH,
	"FOWNER": unix.CAP_FOWNER, "FSETID": unix.CAP_FSETID, "KILL": unix.CAP_KILL, "SETGID": unix.CAP_SETGID,
	"SETUID": unix.CAP_SETUID, "SETPCAP": unix.CAP_SETPCAP, "NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE,
	"NET_RAW": unix.CAP_NET_RAW, "SYS_CHROOT": unix.CAP_SYS_CHROOT, "MKNOD": unix.CAP_MKNOD,
	"AUDIT_WRITE": unix.CAP_AUDIT_WRITE, "SETFCAP": unix.CAP_SETFCAP,
	"SYS_ADMIN": unix.CAP_SYS_ADMIN, "SYS_RAWIO": unix.CAP_SYS_RAWIO, "SYS_PTRACE": unix.CAP_SYS_PTRACE,
}

func init() {
	if os.Args[0] != inContainer {
		return
	}
	runtime.LockOSThread() // capabilities and cgroups are a thread's
	err := contained(os.Args[1])
	if err == nil {
		err = syscall.Exec(os.Args[2], os.Args[2:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(notContained)
}

// contained makes the container that text describes around this process.
func contained(text string) error {
	var b box
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return err
	}
	for _, step := range []func() error{b.mountOwn, b.mountHost, b.join, b.pivot, b.drop} {
		if err := step(); err != nil {
			return err
		}
	}
	return unix.Sethostname([]byte("container"))
}

func mount(source, target, kind string, flags uintptr) error {
	if err := unix.Mount(source, target, kind, flags, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}

// mountOwn gives the container what is its own.
func (b *box) mountOwn() error {
	if err := mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE); err != nil {
		return err
	}
	for _, m := range []struct{ kind, at string }{{"tmpfs", ""}, {"proc", "proc"}, {"sysfs", "sys"}, {"tmpfs", "dev"}, {"tmpfs", "tmp"}} {
		at := filepath.Join(b.Root, m.at)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		if err := mount("none", at, m.kind, 0); err != nil {
			return err
		}
	}
	for _, node := range []string{"/dev/null", "/dev/zero", "/dev/urandom"} {
		if err := b.bind(node, node); err != nil {
			return err
		}
	}
	return b.bind("/payload/sweep", "/sweep")
}

// mountHost gives it what it is to have of the host.
func (b *box) mountHost() error {
	for _, m := range b.Mounts {
		if err := b.bind(m, "/host"+m); err != nil {
			return err
		}
		if slices.Contains(b.ReadOnly, m) {
			if err := mount("none", filepath.Join(b.Root, "host", m), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY); err != nil {
				return err
			}
		}
	}
	if b.OwnProc {
		if err := b.bind(filepath.Join(b.Root, "proc"), "/host/proc"); err != nil {
			return err
		}
	}
	if b.Work == "" {
		return nil
	}
	return b.bind(b.Work, "/handed")
}

// bind shows a file or folder of the host's at a place in the container.
func (b *box) bind(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	at := filepath.Join(b.Root, to)
	if info.IsDir() {
		err = os.MkdirAll(at, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
		err = os.WriteFile(at, nil, 0o644)
	}
	if err != nil {
		return err
	}
	return mount(from, at, "", unix.MS_BIND|unix.MS_REC)
}

func (b *box) join() error {
	if b.Group == "" {
		return nil
	}
	return TryWrite(b.Group+"/cgroup.procs", "0")
}

// pivot makes the container's root the root, and the host's unreachable: the old
// one is mounted over the new one for a moment, and goes from there.
func (b *box) pivot() error {
	if err := unix.Chdir(b.Root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the host's root: %w", err)
	}
	return unix.Chdir("/")
}

// drop takes capabilities away from what this thread becomes.
func (b *box) drop() error {
	for _, n := range b.Drop {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, n, 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", n, err)
		}
	}
	return nil
}
