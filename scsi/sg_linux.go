package scsi

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	stderrors "errors"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"

	"github.com/lunsweep/lunsweep/internal/park"
)

// sg sends commands by the ioctl SG_IO, version 3, of an open device node. Each
// ioctl is parked under the node's path.
type sg struct {
	path    string
	lot     *park.Lot
	timeout time.Duration
	node    *node
}

var (
	_ Transport = (*sg)(nil)
	_ io.Closer = (*sg)(nil)
)

func openSG(ctx context.Context, path string, o options) (Transport, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	n := &node{fd: -1, users: 1}
	_, err := park.Do(ctx, o.lot, path, func() (struct{}, error) {
		defer n.release()
		return struct{}{}, n.open(path)
	})
	if err != nil {
		n.abandon() // it may still come, or have come right now, and must not stay open
		return nil, err
	}
	return &sg{path: path, lot: o.lot, timeout: o.timeout, node: n}, nil
}

// Do sends cmd, if it is one of those that may be sent, and waits for the
// answer until ctx ends.
func (s *sg) Do(ctx context.Context, cmd Command) (Reply, error) {
	if !permitted(cmd.CDB) {
		return Reply{}, errors.WithStack(&forbiddenError{cdb: cmd.CDB})
	}
	return park.Do(ctx, s.lot, s.path, func() (Reply, error) {
		fd, err := s.node.acquire()
		if err != nil {
			return Reply{}, err
		}
		defer s.node.release()
		r := newSGRequest(cmd)
		if err := r.ioctl(fd); err != nil {
			return Reply{}, err
		}
		return r.reply(), nil
	})
}

// closing is how long a close is waited for.
const closing = 300 * time.Millisecond

// Close closes the node, or lets the ioctl that is stuck on it do so. The last
// close of a disk can wait for somebody's dirty pages, so it is parked too, and
// waited for no longer than a moment.
func (s *sg) Close() error {
	s.node.retire()
	ctx, cancel := context.WithTimeout(context.Background(), min(closing, s.timeout))
	defer cancel()
	_, err := park.Do(ctx, s.lot, s.path, func() (struct{}, error) { return struct{}{}, s.node.closeIdle() })
	if err != nil {
		s.node.abandon() // a descriptor that is never closed costs more than a thread
	}
	var full *park.LimitError
	if stderrors.As(err, &full) {
		return nil
	}
	return err
}

// A forbiddenError says that a command was kept back because it is none of the
// few that this package may send.
type forbiddenError struct{ cdb []byte }

func (e *forbiddenError) Error() string {
	return fmt.Sprintf("command % x is not one that may be sent", e.cdb)
}

func (e *forbiddenError) Is(target error) bool { return target == fs.ErrPermission }

// A node is an open device node. Its descriptor is closed when it is retired
// and nobody uses it any more, and not earlier: a descriptor number that is
// closed under a sleeping ioctl could come to mean another file.
type node struct {
	mu      sync.Mutex
	fd      int // -1 before it is open, and after it was closed
	users   int
	retired bool
}

// open opens the node. The caller is a user of it already.
func (n *node) open(path string) error {
	fd, err := openNode(path)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fd = fd
	return nil
}

func openNode(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (n *node) acquire() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.retired {
		return -1, fs.ErrClosed
	}
	n.users++
	return n.fd, nil
}

func (n *node) release() {
	n.mu.Lock()
	n.users--
	n.mu.Unlock()
	_ = n.closeIdle() // of a node that was only read from
}

// retire lets nobody use the node any more.
func (n *node) retire() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.retired = true
}

// abandon retires the node for somebody who cannot wait for its close: its last
// user closes it, who may have gone already.
func (n *node) abandon() {
	n.retire()
	go func() { _ = n.closeIdle() }()
}

// closeIdle closes the node if it is retired and not in use. It may block.
func (n *node) closeIdle() error {
	n.mu.Lock()
	fd := n.fd
	idle := n.retired && n.users == 0 && fd >= 0
	if idle {
		n.fd = -1
	}
	n.mu.Unlock()
	if !idle {
		return nil
	}
	return unix.Close(fd)
}
