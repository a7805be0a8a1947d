package multipath

import (
	"context"
	"io/fs"
	"net"
	"syscall"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
)

func dialUnix(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", addr)
}

// Stuck lists the addresses whose connect(2) has not come back, oldest first.
func (s *Socket) Stuck() []StuckCall { return stuckIn(s.lot) }

// connect dials the addresses in turn, and waits no longer than for a sign of
// life. The last error that is not "nobody there" tells more than those that are.
func (s *Socket) connect(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, greeting(ctx))
	defer cancel()
	found := s.nobody
	for _, addr := range s.addrs {
		c, err := s.reach(within, addr)
		switch {
		case err == nil:
			return c, nil
		case ctx.Err() != nil:
			return nil, errors.WithMessage(ctx.Err(), err.Error())
		case within.Err() != nil:
			return nil, errors.WithMessage(ErrSilent, err.Error())
		case isStuck(err):
			found = errors.WithMessage(ErrSilent, err.Error())
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED):
			found = err
		}
	}
	return nil, found
}

// reach dials one address. No deadline ends a connect(2) that looks up a path on
// a file system that hangs, such as a /var that was on the LU.
func (s *Socket) reach(ctx context.Context, addr string) (net.Conn, error) {
	c, err := park.Open(ctx, s.lot, "connect to "+addr, func() (net.Conn, error) { return s.dial(ctx, addr) })
	if err != nil {
		return nil, err
	}
	if err := trusted(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func isStuck(err error) bool {
	var stuck *park.StuckError
	return errors.As(err, &stuck)
}
