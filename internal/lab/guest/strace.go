//go:build linux

package guest

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// traceable are the system calls by which a process changes something outside
// itself, or starts another one. openat is not among them, for its price: most of
// a survey is the opening of attributes. Who opens a disk for writing is told by
// the kernel in another way, see openedForWriting. A "?" goes before those that
// not every strace knows.
const traceable = "write,pwrite64,writev,sendto,sendmsg,connect,ioctl,execve,unlinkat,renameat,mkdirat," +
	"symlinkat,linkat,mknodat,mount,umount2,truncate,ftruncate,fallocate,swapon,swapoff,kill,init_module,delete_module," +
	"splice,sendfile,clone,?creat,?pwritev,?pwritev2,?sendmmsg,?execveat,?unlink,?rename,?renameat2,?mkdir," +
	"?rmdir,?symlink,?link,?mknod,?finit_module,?copy_file_range,?io_uring_setup,?fork,?vfork,?clone3"

// SweepTraced is [Sweep] under strace: it tells what the command did, and which
// disks anybody had open for writing meanwhile. The filter is the kernel's, so
// that only the calls that are told of take longer.
func SweepTraced(t testing.TB, limit time.Duration, args ...string) (Result, Trace) {
	t.Helper()
	log := traceLog(t)
	opened := openedForWriting(t)
	r, err := runFor(limit, slices.Concat([]string{"strace", "--seccomp-bpf", "-f", "-qq", "-yy", "-s", "512",
		"-e", "signal=none", "-e", "abbrev=!ioctl", "-e", "trace=" + traceable, "-o", log, "/payload/sweep"}, args)...)
	if err != nil {
		t.Fatal(err)
	}
	tr := readTrace(t, log)
	tr.Deeds = append(tr.Deeds, opened()...)
	return r, tr
}

func traceLog(t testing.TB) string {
	t.Helper()
	f, err := os.CreateTemp("/payload", "trace-")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return f.Name()
}

// readTrace reads the log of a traced command, whose first deed is its own start.
func readTrace(t testing.TB, log string) Trace {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tr, err := parseTrace(f, 1)
	if err != nil || len(tr.Deeds) == 0 || tr.Deeds[0].What != "exec" {
		t.Fatalf("%s does not begin with the start of the command: %v, %v", log, tr.Deeds, err)
	}
	tr.Deeds = tr.Deeds[1:]
	return tr
}

// openedForWriting begins to watch /dev. What it returns ends that, and tells
// each disk and map, new ones included, on which a file was closed that was open
// for writing, whoever's it was.
func openedForWriting(t testing.TB) func() []Deed {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err == nil {
		_, err = syscall.InotifyAddWatch(fd, "/dev", syscall.IN_CLOSE_WRITE)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() []Deed {
		defer syscall.Close(fd)
		var out []Deed
		for _, name := range closedIn(fd) {
			out = append(out, Deed{What: "open", On: "/dev/" + name, Said: "for writing"})
		}
		return out
	}
}

// closedIn reads the names of disks and maps out of inotify's events: a header
// of 16 bytes, whose last four are the length of the name that follows.
func closedIn(fd int) []string {
	const header = syscall.SizeofInotifyEvent
	var names []string
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(fd, buf)
		if err != nil || n < header {
			return names
		}
		for b := buf[:n]; len(b) >= header; {
			end := header + int(binary.NativeEndian.Uint32(b[header-4:]))
			name := strings.TrimRight(string(b[header:end]), "\x00")
			if strings.HasPrefix(name, "sd") || strings.HasPrefix(name, "dm-") {
				names = append(names, name)
			}
			b = b[end:]
		}
	}
}
