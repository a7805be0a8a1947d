//go:build linux && amd64

package guest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Killing is a program that was run under ptrace and killed, with all of its
// children, right before one of the system calls by which it changes something.
type Killing struct {
	Before string // the call that it did not live to make; "" where it ended by itself
	Code   int    // its exit status, where it ended by itself
	Output string // both its outputs
}

// SweepKilled runs the sweep command and kills it (SIGKILL, children included)
// before the first system call that at chooses among those by which it, or a
// child of it, changes anything: a write to sysfs, an order to multipathd, a
// device-mapper ioctl that is no question, a file renamed or removed.
//
//	order "disablequeueing map mpathb"
//	write /sys/devices/…/0:0:0:1/state "offline\n"
//	ioctl multipath 0xc138fd06
func SweepKilled(t testing.TB, at func(change string) bool, args ...string) Killing {
	t.Helper()
	if watching.log != "" {
		t.Fatal("what is traced already cannot be traced by ptrace: the calls would not be stopped at")
	}
	out := scratch()
	defer out.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{underFilter, "/payload/sweep"}, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	type end struct {
		k   Killing
		err error
	}
	done := make(chan end, 1)
	go func() {
		runtime.LockOSThread() // the tracer is a thread; it ends with its work
		k, err := killBefore(cmd, at)
		done <- end{k, err}
	}()
	select {
	case e := <-done:
		if e.err != nil {
			t.Fatalf("sweep under ptrace: %v\n%s", e.err, content(out))
		}
		e.k.Output = content(out)
		return e.k
	case <-time.After(2 * patience):
		t.Fatalf("sweep under ptrace has not ended: %s\n%s", Process(cmd.Process.Pid), content(out))
	}
	return Killing{}
}

// underFilter is the name by which this program, started once more, becomes
// another one that stops at the calls of stopsAt alone: each stop takes so long
// here that a survey which stops at every call runs out of its time limits.
const underFilter = "under-filter"

var stopsAt = []uint32{
	unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_SENDTO, unix.SYS_IOCTL,
	unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_UNLINKAT,
}

func init() {
	if os.Args[0] != underFilter {
		return
	}
	err := stopAt(stopsAt)
	if err == nil {
		err = syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, underFilter, err)
	os.Exit(126)
}

// stopAt has the kernel stop this thread, and what comes of it, for its tracer
// at these system calls.
func stopAt(calls []uint32) error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the call's number
	for _, c := range calls {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: c},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRACE})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

// A tracer follows a program and its children from one change to the next.
type tracer struct {
	main   int
	at     func(string) bool
	before string
	code   int
}

func killBefore(cmd *exec.Cmd, at func(string) bool) (Killing, error) {
	if err := cmd.Start(); err != nil {
		return Killing{}, err
	}
	main := cmd.Process.Pid
	tr := &tracer{main: main, at: at}
	var status unix.WaitStatus
	if _, err := unix.Wait4(main, &status, unix.WALL, nil); err != nil { // its own exec
		return Killing{}, err
	}
	const follow = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
		unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(main, follow); err != nil {
		return Killing{}, err
	}
	if err := unix.PtraceCont(main, 0); err != nil {
		return Killing{}, err
	}
	err := tr.run()
	return Killing{Before: tr.before, Code: tr.code}, err
}

// run follows every thread until the program itself has ended, which it does
// after all of its threads; what is left of its children ends with the tracer.
func (tr *tracer) run() error {
	all := map[int]bool{tr.main: true}
	for {
		var status unix.WaitStatus
		id, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		}
		if status.Exited() || status.Signaled() {
			delete(all, id)
			if id == tr.main {
				tr.code = status.ExitStatus()
				return nil
			}
			continue
		}
		all[id] = true
		if !status.Stopped() {
			continue
		}
		signal := tr.stopped(id, status)
		if tr.before != "" {
			for id := range all {
				_ = unix.Kill(id, unix.SIGKILL) // a thread's number is its process's here
			}
			continue
		}
		_ = unix.PtraceCont(id, signal) // one that has just died is heard of later
	}
}

// stopped looks at why a thread has stopped, and returns the signal that it is
// to go on with.
func (tr *tracer) stopped(id int, status unix.WaitStatus) int {
	sig := status.StopSignal()
	switch {
	case sig == unix.SIGTRAP && status.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		if what := change(id); what != "" && tr.before == "" && tr.at(what) {
			tr.before = what
		}
		return 0
	case sig == unix.SIGTRAP:
		return 0 // an exec, a new thread, a new process
	case sig == unix.SIGSTOP:
		return 0 // a new thread's first
	}
	return int(sig)
}

// The device-mapper ioctls that change something; the other commands are
// questions.
const (
	ioctlRemove  = 0xc138fd04
	ioctlRename  = 0xc138fd05
	ioctlSuspend = 0xc138fd06 // and resume
	ioctlLoad    = 0xc138fd09
	ioctlMessage = 0xc138fd0e
)

// A systemCall is struct ptrace_syscall_info, as PTRACE_GET_SYSCALL_INFO fills it
// in for a thread that is about to make a call.
type systemCall struct {
	op     uint8
	_      [3]uint8
	arch   uint32
	ip, sp uint64
	number uint64
	args   [6]uint64
	_      [2]uint64
}

const (
	getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO
	callFiltered   = 3      // PTRACE_SYSCALL_INFO_SECCOMP
)

func callOf(id int) systemCall {
	var c systemCall
	_, _, _ = unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(id), unsafe.Sizeof(c), uintptr(unsafe.Pointer(&c)), 0, 0)
	return c
}

// change is what the system call that a thread is about to make changes, "" if
// nothing. A file counts when it is renamed into its place.
func change(id int) string {
	call := callOf(id)
	if call.op != callFiltered {
		return ""
	}
	switch call.number {
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_SENDTO:
		return written(id, call)
	case unix.SYS_IOCTL:
		switch call.args[1] {
		case ioctlRemove, ioctlRename, ioctlSuspend, ioctlLoad, ioctlMessage:
			return fmt.Sprintf("ioctl %s %#x", attribute(fmt.Sprintf("/proc/%d/comm", id)), call.args[1])
		}
	case unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		return "rename"
	case unix.SYS_UNLINKAT:
		name, _, _ := strings.Cut(peek(id, call.args[1], 100), "\x00")
		return "unlink " + name
	}
	return ""
}

// written is change for what a thread is about to write or send.
func written(id int, call systemCall) string {
	fd, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", id, int32(call.args[0])))
	switch text := peek(id, call.args[1], call.args[2]); {
	case strings.HasPrefix(fd, "/sys/"):
		return fmt.Sprintf("write %s %.20q", fd, text)
	case strings.HasPrefix(fd, "socket:") && order(text) != "":
		return fmt.Sprintf("order %q", order(text))
	}
	return ""
}

// order is what multipathd is told in a message, "" where that is a question or
// none to it.
func order(text string) string {
	for _, verb := range []string{"del ", "disablequeueing ", "restorequeueing ", "add "} {
		if i := strings.Index(text, verb); i == 0 || i == 8 { // behind its length, or on its own
			return strings.TrimRight(text[i:], "\x00\n")
		}
	}
	return ""
}

// peek reads the first bytes that a thread is about to write.
func peek(id int, at, size uint64) string {
	b := make([]byte, min(size, 100))
	n, _ := unix.PtracePeekData(id, uintptr(at), b)
	return string(b[:n])
}
