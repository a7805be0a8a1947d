//go:build linux || darwin

package lockdir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// flock locks an open file, shared or not, without waiting. The lock belongs to
// this opening of the file, and so excludes others in the same process, too.
func flock(f *os.File, shared bool) error {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) {
		for {
			if err = syscall.Flock(int(fd), how|syscall.LOCK_NB); !errors.Is(err, syscall.EINTR) {
				return
			}
		}
	})
	switch {
	case cerr != nil:
		return cerr
	case errors.Is(err, syscall.EWOULDBLOCK):
		return errHeld
	case err != nil:
		return &fs.PathError{Op: "flock", Path: f.Name(), Err: err}
	}
	return nil
}

// own reports whether a file belongs to this process's user.
func own(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
