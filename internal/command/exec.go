package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	pkgerrors "github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
)

// ErrOutput says that a program printed more than is allowed.
var ErrOutput = errors.New("too much output")

// An executor is the Runner over os/exec.
type executor struct {
	root  string
	most  int           // bytes per stream
	grace time.Duration // from the kill to giving up
	lot   *park.Lot
	kill  func(pid int)
	find  func(root, name string) (path string, err error)
	count atomic.Uint64
}

// An Option changes what [Exec] returns.
type Option func(*executor)

// WithRoot runs the program that is found under root, inside it (chroot(2)),
// which needs CAP_SYS_CHROOT.
func WithRoot(root string) Option { return func(e *executor) { e.root = root } }

// WithLimit sets how many bytes a program may print on each of its two streams;
// the default is 32 MiB.
func WithLimit(bytes int) Option { return func(e *executor) { e.most = bytes } }

// WithGrace sets how long a killed program gets to end; the default is half a
// second. Half of it is how long the output of one that has ended may stay open.
func WithGrace(d time.Duration) Option { return func(e *executor) { e.grace = d } }

// WithLot sets where programs are counted that do not even end by a kill, and
// those that are still being looked for.
func WithLot(l *park.Lot) Option { return func(e *executor) { e.lot = l } }

// Exec returns the Runner that starts programs on this machine, or in a root of
// its own: without a shell, with LC_ALL=C, standard input empty, in a process
// group of their own, which is killed as a whole when the context ends.
//
// It comes back by the context's end and the grace, even if the program does
// not: one that sleeps uninterruptibly in the kernel is left behind and named
// in the error. It is then not started again with the same arguments until it
// has ended, and at most as many as the lot allows are left behind. So is the
// search for a program on a file system that hangs.
func Exec(opts ...Option) Runner {
	e := &executor{most: 32 << 20, grace: 500 * time.Millisecond, kill: kill, find: find}
	for _, opt := range opts {
		opt(e)
	}
	if e.lot == nil {
		e.lot = park.New(0, nil)
	}
	return e.run
}

func (e *executor) run(ctx context.Context, argv ...string) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, failed(argv, "", 0, err)
	}
	if len(argv) == 0 || argv[0] == "" {
		return Result{}, failed(argv, "", 0, fs.ErrInvalid)
	}
	name := strings.Join(argv, " ")
	if s, ok := e.stuck(name); ok {
		return Result{}, failed(argv, "", 0, &s)
	}
	cmd, err := e.command(ctx, argv)
	if err != nil {
		return Result{}, failed(argv, "", 0, err)
	}
	return e.wait(ctx, fmt.Sprintf("%s #%d", name, e.count.Add(1)), argv, cmd)
}

// stuck finds an earlier run with the same arguments that has been left behind.
func (e *executor) stuck(name string) (park.StuckError, bool) {
	for _, s := range e.lot.Stuck() {
		if strings.HasPrefix(s.Key, name+" #") {
			return park.StuckError{Key: name, Since: s.Since}, true
		}
	}
	return park.StuckError{}, false
}

// command sets up what is to be run. The file system that the program is on may
// hang, and to look there with it.
func (e *executor) command(ctx context.Context, argv []string) (*exec.Cmd, error) {
	path, err := park.Do(ctx, e.lot, "find "+argv[0], func() (string, error) { return e.find(e.root, argv[0]) })
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: path, Args: argv, Dir: "/",
		Env: append(os.Environ(), "LC_ALL=C"),
		// For grandchildren that keep its output open: they are given up before the
		// program is, which is dead by then.
		WaitDelay: e.grace / 2,
	}
	return cmd, isolate(cmd, e.root)
}

// wait starts cmd and waits for it on a goroutine of its own, for it may be
// that neither ends.
func (e *executor) wait(ctx context.Context, key string, argv []string, cmd *exec.Cmd) (Result, error) {
	stdout, stderr := &limited{most: e.most}, &limited{most: e.most}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	var pid atomic.Int64
	end, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() {
		e.kill(int(pid.Load()))
		time.AfterFunc(e.grace, giveUp)
	})()
	where := func() string { return park.WChan(strconv.FormatInt(pid.Load(), 10)) }
	_, err := park.DoWhere(end, e.lot, key, where, func() (struct{}, error) {
		if err := cmd.Start(); err != nil {
			return struct{}{}, err
		}
		pid.Store(int64(cmd.Process.Pid))
		if ctx.Err() != nil { // the kill may have come before there was a pid
			e.kill(cmd.Process.Pid)
		}
		err := cmd.Wait()
		pid.Store(0) // its number can be somebody else's now
		return struct{}{}, err
	})
	var left *park.StuckError
	if errors.As(err, &left) { // stdout and stderr are still being written
		return Result{}, failed(argv, "", int(pid.Load()), ctx.Err())
	}
	return outcome(ctx, argv, cmd, stdout, stderr, err)
}

// outcome judges a program that has ended.
func outcome(ctx context.Context, argv []string, cmd *exec.Cmd, stdout, stderr *limited, err error) (Result, error) {
	said := stderr.buf.String()
	switch state := cmd.ProcessState; {
	case stdout.over || stderr.over:
		return Result{}, failed(argv, said, 0, ErrOutput)
	case state != nil && state.Exited() && (err == nil || isExit(err)):
		return Result{Stdout: stdout.buf.Bytes(), Stderr: stderr.buf.Bytes(), Code: state.ExitCode()}, nil
	case ctx.Err() != nil:
		return Result{}, failed(argv, said, 0, ctx.Err())
	}
	return Result{}, failed(argv, said, 0, err)
}

// isExit tells a program's own end from trouble with its pipes.
func isExit(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay)
}

// find looks a program up: in PATH, then where administrators' programs are,
// which a service's PATH may leave out. Under a root of its own PATH says
// nothing.
func find(root, name string) (string, error) {
	if root == "" || filepath.Clean(root) == "/" {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		root = "/"
	}
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"} {
		path := filepath.Join(dir, filepath.Base(name))
		if info, err := os.Lstat(filepath.Join(root, path)); err == nil && !info.IsDir() {
			return path, nil
		}
	}
	return "", &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}
}

func failed(argv []string, said string, pid int, err error) error {
	return pkgerrors.WithStack(&Error{Argv: argv, Stderr: said, Stuck: pid, Err: err})
}

// limited keeps what is written to it, up to a limit; more is an error, which
// closes the pipe.
type limited struct {
	buf  bytes.Buffer // not embedded: its ReadFrom would go round Write
	most int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.buf.Len()+len(p) > l.most {
		l.over = true
		return 0, ErrOutput
	}
	return l.buf.Write(p)
}
