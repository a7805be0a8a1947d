package multipath

import (
	"net"
	"os"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// trusted refuses a peer that is neither root nor ourselves: while multipathd
// is down, anybody in the network namespace can take its abstract address and
// tell of maps that are not there.
func trusted(c net.Conn) error {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return errors.WithStack(err)
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return errors.WithStack(os.NewSyscallError("getsockopt", err))
	}
	if cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		return errors.WithMessagef(ErrNoDaemon, "%s is held by user %d", c.RemoteAddr(), cred.Uid)
	}
	return nil
}
