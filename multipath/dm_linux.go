package multipath

import (
	"context"
	"io"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"

	"github.com/lunsweep/lunsweep/internal/dmioctl"
)

// openControl opens the control node and returns what carries requests to it.
func openControl(path string) (Control, io.Closer, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, errors.WithStack(&os.PathError{Op: "open", Path: path, Err: err})
	}
	f := os.NewFile(uintptr(fd), path) // not os.OpenFile, whose Close would wait for an ioctl that is stuck
	info, err := f.Stat()
	if err == nil && info.Mode()&os.ModeCharDevice == 0 {
		err = &os.PathError{Op: "open", Path: path, Err: unix.ENOTTY}
	}
	if err != nil {
		f.Close()
		return nil, nil, errors.WithStack(err)
	}
	return func(_ context.Context, cmd uint32, buf []byte) error { return ioctl(f, cmd, buf) }, f, nil
}

// ioctl makes the call, once more if a signal ended it early.
func ioctl(f *os.File, cmd uint32, buf []byte) error {
	request, ok := request(cmd)
	if !ok || len(buf) < dmioctl.HeaderSize {
		return errors.WithStack(ErrForbidden)
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return errors.WithStack(err)
	}
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) {
		for {
			_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(&buf[0])))
			if errno != unix.EINTR {
				return
			}
		}
	})
	runtime.KeepAlive(buf)
	if err != nil {
		return errors.WithStack(err)
	}
	if errno != 0 {
		return errors.WithStack(os.NewSyscallError("ioctl", errno))
	}
	return nil
}

// request gives the request codes of the commands that are ever made. Those
// that create, load, rename, clear or wait are not among them.
func request(cmd uint32) (uintptr, bool) {
	switch cmd {
	case dmioctl.Version:
		return unix.DM_VERSION, true
	case dmioctl.ListDevices:
		return unix.DM_LIST_DEVICES, true
	case dmioctl.DevRemove:
		return unix.DM_DEV_REMOVE, true
	case dmioctl.DevSuspend:
		return unix.DM_DEV_SUSPEND, true
	case dmioctl.DevStatus:
		return unix.DM_DEV_STATUS, true
	case dmioctl.TableStatus:
		return unix.DM_TABLE_STATUS, true
	case dmioctl.TargetMsg:
		return unix.DM_TARGET_MSG, true
	}
	return 0, false
}
