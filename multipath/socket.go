package multipath

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
)

// abstractAddress is multipathd's socket of 0.5.0 and later, without its
// leading NUL. It lives in a network namespace, not in a file system.
const abstractAddress = "@/org/kernel/linux/storage/multipathd"

// A Socket is a client of multipathd's own socket. It starts no process, and
// one Topology costs a millisecond or so, however many maps there are.
//
// The daemon answers one order after another on one thread, and takes some up
// only when it holds a lock. While a "del map" of anybody's waits in the kernel
// it answers nobody: each call here then ends with its context, and the error
// says whether the order may still be carried out ([Uncertain]). So it does where
// the file system that a socket is on hangs ([Socket.Stuck]).
//
// Everybody may ask; only root may give orders. Safe for concurrent use.
// Errors are *[CommandError], *[NameError], or from [ParseAny].
type Socket struct {
	addrs  []string
	nobody error // where nobody listens on any of them
	dial   func(ctx context.Context, addr string) (net.Conn, error)
	lot    *park.Lot // dials that do not come back

	mu   sync.Mutex
	idle []net.Conn // for questions only, newest last
}

// A SocketOption changes how a [Socket] finds multipathd.
type SocketOption func(*Socket)

// WithAddress replaces the addresses that are tried, in this order: paths, or
// abstract names that begin with "@".
func WithAddress(addrs ...string) SocketOption {
	return func(s *Socket) { s.addrs = addrs }
}

// NewSocket returns a client of the multipathd that runs on the host whose file
// system is at root ("/", or "/host" in a container). It connects when first
// used, to the first of these that answers:
//
//	<root>/run/multipathd.socket            0.12.0 and later
//	@/org/kernel/linux/storage/multipathd   0.5.0 and later; only in the host's network namespace
//	<root>/var/run/multipathd.sock          0.4.x
//
// The abstract name is left out where <root>/proc does not belong to the kernel
// this process runs on: it would reach another host's daemon.
func NewSocket(root string, opts ...SocketOption) *Socket {
	s := &Socket{addrs: addresses(root), nobody: ErrNoDaemon, dial: dialUnix, lot: park.New(0, nil)}
	if root = filepath.Clean(root); root != "/" {
		s.nobody = errors.WithMessagef(ErrNoDaemon, "no socket below %s, and none in this network namespace", root)
	}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

func addresses(root string) []string {
	addrs := []string{filepath.Join(root, "run", "multipathd.socket")}
	if sameKernel(root) {
		addrs = append(addrs, abstractAddress)
	}
	return append(addrs, filepath.Join(root, "var", "run", "multipathd.sock"))
}

// sameKernel compares boot ids: root may be a simulated host.
func sameKernel(root string) bool {
	if filepath.Clean(root) == "/" {
		return true
	}
	const bootID = "proc/sys/kernel/random/boot_id"
	ours, err1 := os.ReadFile("/" + bootID)
	theirs, err2 := os.ReadFile(filepath.Join(root, bootID))
	return err1 == nil && err2 == nil && string(ours) == string(theirs)
}

// Backend returns "socket".
func (s *Socket) Backend() string { return "socket" }

// Close closes the connections that are kept for the next question. The Socket
// can still be used.
func (s *Socket) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, c := range idle {
		c.Close()
	}
	return nil
}

// Topology sends "show topology". It is the cached view of the daemon: no path
// checker is run. The text is read and not the JSON, because JSON has neither
// H:C:T:L nor sizes, and escapes nothing, so that a quote in a product name
// spoils all of it. Both leave out paths that have vanished from sysfs (0.8.5
// and later): the kernel's own table, [DeviceMapper], has them.
func (s *Socket) Topology(ctx context.Context) (*Topology, error) {
	reply, err := s.ask(ctx, "show", "topology")
	if err != nil {
		return nil, err
	}
	return topologyReply("socket", reply)
}

// Paths sends "show paths raw format …" (0.6.1 and later): every path that the
// daemon knows, in a map or not.
func (s *Socket) Paths(ctx context.Context) ([]DaemonPath, error) {
	reply, err := s.ask(ctx, showPaths()...)
	if err != nil {
		return nil, err
	}
	return pathsReply("socket", reply)
}

// DisableQueueing sends "disablequeueing map NAME": waiting I/O fails at once,
// and the daemon keeps it so until [Socket.RestoreQueueing]. No such map is
// [ErrNoMap].
func (s *Socket) DisableQueueing(ctx context.Context, name string) error {
	return explainMap(ctx, s, name, s.order(ctx, "disablequeueing", "map", name))
}

// RestoreQueueing sends "restorequeueing map NAME": the daemon gives the map the
// no_path_retry of the configuration back. See [Auto.RestoreQueueing] for what
// that may leave undone.
func (s *Socket) RestoreQueueing(ctx context.Context, name string) error {
	return explainMap(ctx, s, name, s.order(ctx, "restorequeueing", "map", name))
}

// Flush sends "del map NAME": the daemon removes the map and the unused
// partition maps on it. A map in use is [ErrInUse] from 0.9.8 on; up to 0.9.7
// it is [ErrRefused]. No such map is [ErrNoMap].
func (s *Socket) Flush(ctx context.Context, name string) error {
	return explainMap(ctx, s, name, s.order(ctx, "del", "map", name))
}

// ForgetPath sends "del path DEV": the daemon stops watching the path and takes
// it out of its map. No such path is [ErrNoMap].
func (s *Socket) ForgetPath(ctx context.Context, dev string) error {
	return explainPath(ctx, s, dev, s.order(ctx, "del", "path", dev))
}

// Alive sends "show daemon" (0.6.1 and later), which needs no lock of the
// daemon's.
func (s *Socket) Alive(ctx context.Context) error {
	reply, err := s.ask(ctx, "show", "daemon")
	if err != nil {
		return err
	}
	return socketError([]string{"show", "daemon"}, reply, trouble(reply))
}

// order sends what changes something, on a connection of its own: one kept
// from before could die in a way that leaves open whether it was heard.
func (s *Socket) order(ctx context.Context, words ...string) error {
	if err := guard(words); err != nil {
		return err
	}
	c, err := s.connect(ctx)
	if err != nil {
		return socketError(words, "", err)
	}
	defer c.Close()
	if err := greet(ctx, c); err != nil {
		return socketError(words, "", err)
	}
	reply, began, err := exchange(ctx, c, sentence(words))
	if err != nil {
		return uncertain(began, socketError(words, "", err))
	}
	return socketError(words, reply, verdict(reply))
}

// greet asks for a sign of life before an order goes out, by a question that
// takes no lock of the daemon's. What is sent to a daemon that does not listen
// lies in its socket and is carried out whenever it wakes: by then the name may
// be another map's. Any answer will do: one before 0.6.1 says that it does not
// know the question.
func greet(ctx context.Context, c net.Conn) error {
	_, err := question(ctx, c, greeting(ctx), "show", "daemon")
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrSilent) {
		return err
	}
	return errors.WithMessage(ErrSilent, err.Error())
}

// greeting returns how long a sign of life is waited for.
func greeting(ctx context.Context) time.Duration {
	const most = 4 * time.Second
	if end, ok := ctx.Deadline(); ok {
		return min(most, time.Until(end)/2)
	}
	return most
}

// question waits limit at most, for a daemon that may never answer.
func question(ctx context.Context, c net.Conn, limit time.Duration, words ...string) (string, error) {
	asked, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	reply, _, err := exchange(asked, c, sentence(words))
	if err != nil && asked.Err() != nil && ctx.Err() == nil {
		err = errors.WithStack(ErrSilent)
	}
	return reply, err
}

// answering bounds each question. The daemon itself gives up after
// uxsock_timeout, 4 s by default, unless it is stuck.
const answering = 6 * time.Second

// ask sends a question, on a connection that is kept for the next one. A
// connection that was kept and has died meanwhile is replaced.
func (s *Socket) ask(ctx context.Context, words ...string) (string, error) {
	if err := guard(words); err != nil {
		return "", err
	}
	for {
		c, kept, err := s.take(ctx)
		if err != nil {
			return "", socketError(words, "", err)
		}
		reply, err := question(ctx, c, answering, words...)
		if err == nil {
			s.keep(c)
			return reply, nil
		}
		c.Close()
		if !kept || ctx.Err() != nil || errors.Is(err, ErrSilent) {
			return "", socketError(words, "", err)
		}
	}
}

func (s *Socket) take(ctx context.Context) (c net.Conn, kept bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		c, s.idle = s.idle[n-1], s.idle[:n-1]
	}
	s.mu.Unlock()
	if c != nil {
		return c, true, nil
	}
	c, err = s.connect(ctx)
	return c, false, err
}

func (s *Socket) keep(c net.Conn) {
	const most = 4
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) < most {
		s.idle = append(s.idle, c)
		return
	}
	c.Close()
}

// socketError dresses err, which may be nil.
func socketError(words []string, reply string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EAGAIN): // the queue of those who wait to be accepted is full
		err = ErrSilent
	case errors.Is(err, fs.ErrPermission) && !errors.Is(err, ErrPermission):
		reply, err = err.Error(), ErrPermission
	}
	return errors.WithStack(&CommandError{Backend: "socket", Argv: words, Reply: oneLine(reply), Err: err})
}

// uncertain marks err where the order had gone out.
func uncertain(began bool, err error) error {
	var c *CommandError
	if errors.As(err, &c) {
		c.Uncertain = began
	}
	return err
}

func showPaths() []string { return []string{"show", "paths", "raw", "format", pathsFormat} }

func topologyReply(backend string, reply string) (*Topology, error) {
	t, err := topologyOf(reply)
	if err != nil {
		return nil, errors.WithStack(&CommandError{Backend: backend, Argv: []string{"show", "topology"}, Reply: oneLine(reply), Err: err})
	}
	return t, nil
}

func pathsReply(backend string, reply string) ([]DaemonPath, error) {
	err := trouble(reply)
	if err == nil && isNothing(reply) {
		return nil, nil
	}
	var paths []DaemonPath
	if err == nil {
		paths, err = parsePaths(reply)
	}
	if err != nil {
		return nil, errors.WithStack(&CommandError{Backend: backend, Argv: showPaths(), Reply: oneLine(reply), Err: err})
	}
	return paths, nil
}
