//go:build linux

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

// holderVar tells a copy of the test's program to be a holder: "how device".
const holderVar = "LAB_HOLDER"

// A copy of the program that was started by Holder does not get to its tests.
func init() {
	spec := os.Getenv(holderVar)
	if spec == "" {
		return
	}
	how, device, _ := strings.Cut(spec, " ")
	if err := hold(how, device); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("holds")
	time.Sleep(time.Hour)
	os.Exit(0)
}

// Holder starts a process that keeps a device in one of these ways and does
// nothing else:
//
//	open     for reading and writing
//	mapped   mapped into its memory, the file descriptor closed
//	ring     registered with an io_uring, the file descriptor closed
//	flight   sent to itself through a socket and never received
//	direct   for reading and writing with O_DIRECT, as a virtual machine does
//	thread   by a thread that has left the table of open files of the others
//
// in gives a program and arguments to start it by, such as unshare. It ends with
// the test, or when release is called.
func Holder(t testing.TB, how, device string, in ...string) (pid int, release func()) {
	t.Helper()
	argv := append(append([]string{}, in...), "/proc/self/exe")
	if len(in) > 0 {
		argv[len(argv)-1] = os.Args[0]
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), holderVar+"="+how+" "+dev(device))
	said := scratch()
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	release = func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); <-done }
	t.Cleanup(release)
	WaitFor(t, how+" holder of "+device, settled, func() error {
		if !strings.Contains(content(said), "holds") {
			return fmt.Errorf("it says %q", content(said))
		}
		return nil
	})
	return cmd.Process.Pid, release
}

func hold(how, device string) error {
	if how == "thread" {
		return holdApart(device)
	}
	mode := map[string]int{"mapped": unix.O_RDONLY, "direct": unix.O_RDWR | unix.O_DIRECT}[how]
	if how == "open" || how == "ring" || how == "flight" {
		mode = unix.O_RDWR
	}
	fd, err := unix.Open(device, mode|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	switch how {
	case "mapped":
		_, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	case "ring":
		err = register(fd)
	case "flight":
		err = send(fd)
	default:
		return nil
	}
	return errorsFirst(err, unix.Close(fd))
}

// holdApart has a thread open the device that shares its files with no other.
func holdApart(device string) error {
	opened := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		err := unix.Unshare(unix.CLONE_FILES)
		if err == nil {
			_, err = unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
		}
		opened <- err
		select {}
	}()
	return <-opened
}

// register makes an io_uring and registers a file with it: io_uring_setup(2),
// io_uring_register(2) with IORING_REGISTER_FILES.
func register(fd int) error {
	var params [120]byte // struct io_uring_params
	ring, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return errno
	}
	files := [1]int32{int32(fd)}
	_, _, errno = unix.Syscall6(unix.SYS_IO_URING_REGISTER, ring, 2, uintptr(unsafe.Pointer(&files)), 1, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// send puts a file descriptor on its way, from which nobody takes it.
func send(fd int) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(fd), nil, 0)
}
