//go:build linux && amd64

package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The watcher tells what our programs do to the world outside them: the scenario's own
// process, with the library in it, and the programs of the payload. The kernel reports
// each of the calls that change something, or might, to it before the call is made
// (seccomp's user notification; seccomp_unotify(2)), and it writes down what the call is
// for and lets it go on. Other calls, and other programs, go on as fast as ever: under
// strace, which has to be attached here, every call is stopped at.
//
// A filter stays for good, and goes to every child. A child that is traced by others has
// its calls reported to us, not to them: see [SweepKilled].

// watcherArg is the name by which this program, started once more, becomes the watcher.
const watcherArg = "watcher"

// A watch is the watcher of this process.
type watch struct {
	once sync.Once
	log  string
	err  error
}

var watching watch

// watched begins the watch of this process and of what it will start, once.
func watched(t testing.TB) string {
	t.Helper()
	watching.once.Do(func() { watching.log, watching.err = startWatch() })
	if watching.err != nil {
		t.Fatalf("the watcher: %v", watching.err)
	}
	return watching.log
}

func startWatch() (log string, err error) {
	f, err := os.CreateTemp("/payload", "watch-")
	if err != nil {
		return "", err
	}
	defer f.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{watcherArg, strconv.Itoa(os.Getpid()), f.Name()}
	cmd.Stderr = f
	if err := cmd.Start(); err != nil {
		return "", err
	}
	if err := report(traced); err != nil {
		return "", err
	}
	_ = syscall.Unlink(asideTo) // is not back before the watcher is at its work
	return f.Name(), nil
}

// report has the kernel report these calls of all threads of this process, and of its
// children to come. Who listens takes the descriptor for himself.
func report(calls map[uint32]string) error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the call's number
	for number := range calls {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: number},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	// Most of a survey is the opening of attributes for reading, which is not told of; nor is
	// a clone that makes a thread.
	const opensForMore = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
	filter = append(filter, reportIf(unix.SYS_OPENAT, 2, opensForMore, true)...)
	filter = append(filter, reportIf(unix.SYS_OPEN, 1, opensForMore, true)...)
	filter = append(filter, reportIf(unix.SYS_CLONE, 0, unix.CLONE_THREAD, false)...)
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV |
		unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// reportIf has a call reported where one of its arguments has some of these bits, or
// where it has none of them.
func reportIf(number, argument, bits uint32, some bool) []unix.SockFilter {
	has := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, Jf: 1, K: bits}
	if !some {
		has.Jt, has.Jf = 1, 0
	}
	return []unix.SockFilter{
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 4, K: number},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16 + 8*argument}, // its lower half
		has,
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
}

func init() {
	if os.Args[0] != watcherArg {
		return
	}
	pid, _ := strconv.Atoi(os.Args[1])
	fmt.Fprintln(os.Stderr, watcherArg, attend(pid, os.Args[2]))
	os.Exit(126)
}

// A notice is struct seccomp_notif.
type notice struct {
	id     uint64
	tid    uint32
	_      uint32
	number uint32
	_      uint32 // architecture
	_      uint64 // instruction
	args   [6]uint64
}

// An answer is struct seccomp_notif_resp.
type answer struct {
	id    uint64
	_     int64
	_     int32
	flags uint32
}

// attend writes down what a process does, and does not come back but with an error.
func attend(pid int, log string) error {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	listener, err := listenerOf(pid)
	if err != nil {
		return err
	}
	w := newWitness(pid)
	for {
		var n notice
		err := control(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT): // it was withdrawn
			continue
		case err != nil:
			return err
		}
		if c, told := w.tells(n); told {
			line, err := json.Marshal(c)
			if err != nil {
				return err
			}
			if _, err := out.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		a := answer{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if err := control(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a)); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
}

func control(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// listenerOf waits until a process has such a filter, and takes over its listener: the
// process itself could not hand it on, as that is a call of those that are reported.
func listenerOf(pid int) (int, error) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, os.NewSyscallError("pidfd_open", err)
	}
	for range 1000 {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, l := range links {
			if to, _ := os.Readlink(l); to == "anon_inode:seccomp notify" {
				fd, err := unix.PidfdGetfd(process, number(filepath.Base(l)), 0)
				return fd, os.NewSyscallError("pidfd_getfd", err)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return 0, fmt.Errorf("process %d has no filter", pid)
}
