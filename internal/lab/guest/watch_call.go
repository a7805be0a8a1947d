//go:build linux && amd64

package guest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A call is a system call that one of our programs is about to make.
type call struct {
	TID     int    // of the thread; of an exec, the thread that has forked for it
	Child   int    // of an exec: who becomes another program
	Program string // a file of the payload
	Name    string // "write"
	On      string // the file that it names, or that its descriptor stands for
	Said    string // what is written; of an ioctl its request; of an exec its argv; else the other arguments
	Map     string // of an ioctl of device-mapper: the map's UUID or name
}

// traced are the system calls by which a process changes something outside itself, or
// starts another one. Besides, what is opened for more than reading is told of.
var traced = map[uint32]string{
	unix.SYS_WRITE: "write", unix.SYS_PWRITE64: "write", unix.SYS_WRITEV: "writev", unix.SYS_PWRITEV: "writev", unix.SYS_PWRITEV2: "writev",
	unix.SYS_SENDTO: "write", unix.SYS_SENDMSG: "sendmsg", unix.SYS_SENDMMSG: "sendmsg", unix.SYS_CONNECT: "connect",
	unix.SYS_IOCTL: "ioctl", unix.SYS_EXECVE: "execve", unix.SYS_EXECVEAT: "execveat",
	unix.SYS_FORK: "fork", unix.SYS_VFORK: "fork", unix.SYS_CLONE3: "fork",
	unix.SYS_UNLINK: "unlink", unix.SYS_UNLINKAT: "unlinkat", unix.SYS_RENAME: "rename", unix.SYS_RENAMEAT: "renameat", unix.SYS_RENAMEAT2: "renameat",
	unix.SYS_MKDIR: "mkdir", unix.SYS_MKDIRAT: "mkdirat", unix.SYS_RMDIR: "rmdir", unix.SYS_CREAT: "creat", unix.SYS_TRUNCATE: "truncate",
	unix.SYS_SYMLINK: "symlink", unix.SYS_SYMLINKAT: "symlinkat", unix.SYS_LINK: "link", unix.SYS_LINKAT: "linkat",
	unix.SYS_MKNOD: "mknod", unix.SYS_MKNODAT: "mknodat", unix.SYS_MOUNT: "mount", unix.SYS_UMOUNT2: "umount2",
	unix.SYS_SWAPON: "swapon", unix.SYS_SWAPOFF: "swapoff", unix.SYS_CHMOD: "chmod", unix.SYS_FCHMODAT: "fchmodat",
	unix.SYS_FTRUNCATE: "ftruncate", unix.SYS_FALLOCATE: "fallocate", unix.SYS_SENDFILE: "sendfile",
	unix.SYS_SPLICE: "splice", unix.SYS_COPY_FILE_RANGE: "copy_file_range",
	unix.SYS_KILL: "kill", unix.SYS_PIDFD_SEND_SIGNAL: "pidfd_send_signal", unix.SYS_OPENAT2: "openat2",
	unix.SYS_SETXATTR: "setxattr", unix.SYS_FCHMOD: "fchmod", unix.SYS_FCHOWN: "fchown", unix.SYS_FCHOWNAT: "fchownat", unix.SYS_INIT_MODULE: "init_module", unix.SYS_FINIT_MODULE: "finit_module", unix.SYS_DELETE_MODULE: "delete_module",
	unix.SYS_IO_URING_SETUP: "io_uring_setup",
}

// Where the calls have the folder and the file that they change, and the descriptor: the
// place of an argument. Without a folder a path is of the working directory.
var (
	pathAt = map[string]struct{ dir, path int }{
		"unlink": {-1, 0}, "unlinkat": {0, 1}, "rename": {-1, 0}, "renameat": {0, 1}, "mkdir": {-1, 0}, "mkdirat": {0, 1}, "rmdir": {-1, 0},
		"creat": {-1, 0}, "truncate": {-1, 0}, "symlink": {-1, 1}, "symlinkat": {1, 2}, "link": {-1, 1}, "linkat": {2, 3}, "mknod": {-1, 0},
		"mknodat": {0, 1}, "mount": {-1, 1}, "umount2": {-1, 0}, "swapon": {-1, 0}, "swapoff": {-1, 0}, "chmod": {-1, 0}, "fchmodat": {0, 1},
		"execve": {-1, 0}, "execveat": {0, 1}, "open": {-1, 0}, "openat": {0, 1}, "openat2": {0, 1}, "setxattr": {-1, 0}, "fchownat": {0, 1},
	}
	fdAt = map[string]int{
		"write": 0, "writev": 0, "sendmsg": 0, "ioctl": 0, "ftruncate": 0, "fallocate": 0, "sendfile": 0, "splice": 2, "copy_file_range": 2,
		"fchmod": 0, "fchown": 0,
	}
)

// A witness reads what a call is about from the process that is about to make it.
type witness struct {
	scenario int
	forks    int                  // the scenario's thread that has forked, and whose child is no other program yet
	programs map[[2]uint64]string // by device and inode
}

func newWitness(scenario int) *witness {
	w := &witness{scenario: scenario, programs: map[[2]uint64]string{}}
	files, _ := filepath.Glob("/payload/*")
	for _, f := range files {
		if id, err := inode(f); err == nil {
			w.programs[id] = filepath.Base(f)
		}
	}
	return w
}

func inode(file string) (id [2]uint64, err error) {
	var st syscall.Stat_t
	err = syscall.Stat(file, &st)
	return [2]uint64{st.Dev, st.Ino}, err
}

// tells reports whether a call is one of our programs' own, and what it is.
func (w *witness) tells(n notice) (call, bool) {
	tid := int(n.tid)
	name := nameOf(n.number)
	switch {
	case unix.Access(fmt.Sprintf("/proc/%d/task/%d", w.scenario, tid), 0) == nil:
		if name == "" || name == "fork" {
			w.forks = tid
			return call{}, false
		}
		return w.read(n, call{TID: tid, Program: scenarioFile, Name: name}), true
	case name == "" || name == "fork":
		return call{}, false
	}
	id, _ := inode(fmt.Sprintf("/proc/%d/exe", tid))
	switch program := w.programs[id]; {
	case program == "":
		return call{}, false
	case program != scenarioFile:
		return w.read(n, call{TID: tid, Child: tid, Program: program, Name: name}), true
	}
	// A child of the scenario's: what it becomes is the scenario's doing, unless it was
	// the scenario's program once more, as a holder is, and now becomes another one.
	if w.forks == 0 || !strings.HasPrefix(name, "execve") || parentOf(tid) != w.scenario {
		return call{}, false
	}
	c := call{TID: w.forks, Child: tid, Program: scenarioFile, Name: name}
	w.forks = 0
	return w.read(n, c), true
}

func nameOf(number uint32) string {
	switch number {
	case unix.SYS_OPEN:
		return "open"
	case unix.SYS_OPENAT:
		return "openat"
	}
	return traced[number]
}

const scenarioFile = "scenario.test"

func parentOf(pid int) int {
	_, _, ppid := stat(attribute(fmt.Sprintf("/proc/%d/stat", pid)))
	return ppid
}

// read fills in what a call is on and what it says.
func (w *witness) read(n notice, c call) call {
	m := memory(n.tid)
	if at, ok := pathAt[c.Name]; ok {
		c.On = m.path(at.dir, at.path, n.args)
	}
	if at, ok := fdAt[c.Name]; ok {
		c.On = m.descriptor(n.args[at])
	}
	a := n.args
	switch c.Name {
	case "write":
		c.Said = string(m.bytes(a[1], min(a[2], most)))
	case "writev":
		c.Said = m.vector(a[1], a[2])
	case "sendmsg":
		c.Said = m.vector(m.word(a[1]+16), m.word(a[1]+24)) // struct msghdr
	case "connect":
		c.On = m.address(a[1], a[2])
	case "ioctl":
		c.Said, c.Map = m.request(uint32(a[1]), a[2])
	case "execve":
		c.Said = m.argv(a[1])
	case "execveat":
		c.Said = m.argv(a[2])
	case "kill":
		c.Said = fmt.Sprintf("%d %d", int32(a[0]), a[1])
	case "pidfd_send_signal":
		c.Name, c.Said = "kill", fmt.Sprintf("%s %d", m.process(a[0]), a[1])
	default:
		c.Said = fmt.Sprintf("%#x %#x %#x", a[0], a[1], a[2])
	}
	return c
}

// most is how much is read of what a call writes.
const most = 512

// memory is a thread's, through /proc.
type memory uint32

func (m memory) proc(file string) string { return fmt.Sprintf("/proc/%d/%s", uint32(m), file) }

func (m memory) bytes(at, size uint64) []byte {
	f, err := os.Open(m.proc("mem"))
	if err != nil {
		return nil
	}
	defer f.Close()
	b := make([]byte, size)
	n, _ := f.ReadAt(b, int64(at))
	return b[:n]
}

// text is a string of C's.
func (m memory) text(at uint64) string {
	if at == 0 {
		return ""
	}
	b, _, _ := bytes.Cut(m.bytes(at, 4096), []byte{0})
	return string(b)
}

func (m memory) word(at uint64) uint64 { return wordAt(m.bytes(at, 8), 0) }

func wordAt(b []byte, at int) uint64 {
	if len(b) < at+8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b[at:])
}

// vector is what an array of struct iovec has.
func (m memory) vector(at, n uint64) string {
	var b []byte
	for i := uint64(0); i < n && len(b) < most; i++ {
		b = append(b, m.bytes(m.word(at+16*i), min(m.word(at+16*i+8), most))...)
	}
	return string(b)
}

func (m memory) argv(at uint64) string {
	var words []string
	for len(words) < 64 {
		next := m.word(at + 8*uint64(len(words)))
		if next == 0 {
			break
		}
		words = append(words, m.text(next))
	}
	return strings.Join(words, " ")
}

// path is the file that a call names: with an argument for the folder, or without.
func (m memory) path(dir, path int, args [6]uint64) string {
	p := m.text(args[path])
	switch {
	case filepath.IsAbs(p):
	case dir < 0 || int32(args[dir]) == unix.AT_FDCWD:
		p = filepath.Join(m.link("cwd"), p)
	default:
		p = filepath.Join(m.link("fd/"+strconv.Itoa(int(int32(args[dir])))), p)
	}
	return outside(p)
}

func (m memory) descriptor(fd uint64) string {
	return outside(m.link("fd/" + strconv.Itoa(int(int32(fd)))))
}

// process is the one that a pidfd stands for.
func (m memory) process(fd uint64) string {
	for line := range strings.Lines(attribute(m.proc(fmt.Sprintf("fdinfo/%d", int32(fd))))) {
		if pid, ok := strings.CutPrefix(line, "Pid:"); ok {
			return strings.TrimSpace(pid)
		}
	}
	return "?"
}

func (m memory) link(file string) string {
	to, _ := os.Readlink(m.proc(file))
	return strings.TrimSuffix(to, " (deleted)")
}

// outside is how the host calls a file that a container has below /host. A container's
// root is seen from here in the root that the guest's init has left.
func outside(p string) string {
	p = strings.TrimPrefix(p, "/mnt/root")
	if rest, ok := strings.CutPrefix(p, "/host/"); ok {
		return "/" + rest
	}
	return p
}

// address is where a socket is to be connected with.
func (m memory) address(at, size uint64) string {
	b := m.bytes(at, min(size, 128))
	if len(b) < 3 || binary.NativeEndian.Uint16(b) != unix.AF_UNIX {
		return fmt.Sprintf("% x", b)
	}
	if b[2] == 0 {
		return "@" + string(b[3:])
	}
	path, _, _ := bytes.Cut(b[2:], []byte{0})
	return string(path)
}
