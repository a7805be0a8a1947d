package multipath

import (
	"context"
	"io/fs"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/command"
	"github.com/lunsweep/lunsweep/internal/park"
)

// A Runner starts programs: it gets an argv and returns what the program left
// behind. An exit status other than 0 is no error of the Runner's. nil stands
// for one over os/exec; write your own to run them by other means (nsenter, say).
type Runner = command.Runner

// A RunResult is what a program that ended by itself left behind.
type RunResult = command.Result

// A Source says where [Command.Topology] takes the topology from.
type Source uint8

// The sources.
const (
	// DaemonFirst asks a running multipathd through the program multipathd,
	// and runs multipath only where there is no daemon.
	DaemonFirst Source = iota
	// DaemonOnly never runs multipath for a topology.
	DaemonOnly
	// Checkers always runs multipath -v2 -ll, which is not passive: it opens
	// every path and runs every path's checker, one after another, each up to
	// its time limit (30 s by default) on a dead path. 256 dead paths take
	// some two minutes.
	Checkers
)

// A Command is a client that runs the programs multipath and multipathd. It
// costs a process per question, and two per order: what the programs leave in
// the socket of a multipathd that does not answer is carried out whenever it
// wakes, so that none starts before "multipathd show daemon" has been answered,
// or nobody listens. Everything needs root. Safe for concurrent use.
// Errors are *[CommandError], *[NameError], or from [ParseAny].
type Command struct {
	run    Runner
	source Source
	lot    *park.Lot // programs that do not even end by a kill, or are on a file system that hangs
}

// A CommandOption changes a [Command].
type CommandOption func(*Command)

// WithSource says where the topology comes from; the default is [DaemonFirst].
func WithSource(s Source) CommandOption { return func(c *Command) { c.source = s } }

// WithChroot runs the programs of the host whose file system is mounted at root
// ("/host"), inside it; it needs CAP_SYS_CHROOT. It replaces the Runner.
func WithChroot(root string) CommandOption {
	return func(c *Command) { c.run = command.Exec(command.WithRoot(root), command.WithLot(c.lot)) }
}

// NewCommand returns a client that starts its programs with run; nil stands for
// the machine's own.
func NewCommand(run Runner, opts ...CommandOption) *Command {
	c := &Command{run: run, lot: park.New(0, nil)}
	for _, opt := range opts {
		opt(c)
	}
	if c.run == nil {
		c.run = command.Exec(command.WithLot(c.lot))
	}
	return c
}

// Stuck lists the programs that were killed and have not ended, and those that
// are still being looked for, oldest first; those of a Runner of the caller's own
// left out.
func (c *Command) Stuck() []StuckCall { return stuckIn(c.lot) }

// Backend returns "command".
func (c *Command) Backend() string { return "command" }

// Topology runs "multipathd show topology", or "multipath -v2 -ll" where no
// daemon answers; see [Source]. A daemon that is there but busy is [ErrBusy]:
// multipath would only wait for the same devices.
func (c *Command) Topology(ctx context.Context) (*Topology, error) {
	if c.source != Checkers {
		t, err := c.daemonTopology(ctx)
		if c.source == DaemonOnly || !unavailable(err) {
			return t, err
		}
	}
	argv := []string{"multipath", "-v2", "-ll"}
	res, err := c.start(ctx, argv)
	if err != nil {
		return nil, err
	}
	if res.Code != 0 {
		return nil, commandError(argv, res, programReason(res))
	}
	text := string(res.Stdout)
	if strings.TrimSpace(text) == "" {
		return &Topology{}, nil
	}
	t, err := read(text)
	if err != nil {
		return nil, commandError(argv, res, err)
	}
	return t, nil
}

func (c *Command) daemonTopology(ctx context.Context) (*Topology, error) {
	reply, err := c.ask(ctx, "show", "topology")
	if err != nil {
		return nil, err
	}
	return topologyReply("command", reply)
}

// Paths runs "multipathd show paths raw format …": every path that the daemon
// knows, in a map or not.
func (c *Command) Paths(ctx context.Context) ([]DaemonPath, error) {
	reply, err := c.ask(ctx, showPaths()...)
	if err != nil {
		return nil, err
	}
	return pathsReply("command", reply)
}

// DisableQueueing runs "multipathd disablequeueing map NAME". The reply is read
// and not only the exit status, which is 0 for a refusal up to 0.7.8 and for a
// time-out up to 0.9.7. No such map is [ErrNoMap].
func (c *Command) DisableQueueing(ctx context.Context, name string) error {
	return explainMap(ctx, c, name, c.order(ctx, "disablequeueing", "map", name))
}

// RestoreQueueing runs "multipathd restorequeueing map NAME"; see
// [Auto.RestoreQueueing].
func (c *Command) RestoreQueueing(ctx context.Context, name string) error {
	return explainMap(ctx, c, name, c.order(ctx, "restorequeueing", "map", name))
}

// ForgetPath runs "multipathd del path DEV". No such path is [ErrNoMap].
func (c *Command) ForgetPath(ctx context.Context, dev string) error {
	return explainPath(ctx, c, dev, c.order(ctx, "del", "path", dev))
}

// Flush runs "multipath -v2 -f NAME", by the bare name of the map: some versions
// do not find it under any other. From 0.8.5 on multipath asks the daemon to do
// it, and does it itself where the daemon does not answer. A map in use is
// [ErrInUse], no such map [ErrNoMap]. Success proves nothing: for a map that is
// not there, or not multipath's, 0.8.5 ends with status 0.
//
// A name with a space in it is given to multipathd instead, where there is one:
// multipath -f of 0.8.5 ends with status 0 and has done nothing.
func (c *Command) Flush(ctx context.Context, name string) error {
	if !unquoted(name) {
		err := explainMap(ctx, c, name, c.order(ctx, "del", "map", name))
		if !unavailable(err) {
			return err
		}
	}
	argv := []string{"multipath", "-v2", "-f", name}
	if err := guardProgram(argv); err != nil {
		return err
	}
	if err := c.greet(ctx, argv); err != nil {
		return err
	}
	res, err := c.start(ctx, argv)
	if err != nil {
		return uncertain(ended(err), err)
	}
	if res.Code == 0 {
		return nil
	}
	return commandError(argv, res, programReason(res))
}

// greet asks multipathd for a sign of life before argv may leave an order with
// it. Where nobody listens nothing can be left; a version that does not know
// the question has answered it.
func (c *Command) greet(ctx context.Context, argv []string) error {
	asked, cancel := context.WithTimeout(ctx, greeting(ctx))
	defer cancel()
	_, err := c.ask(asked, "show", "daemon")
	switch {
	case err == nil, errors.Is(err, ErrNoDaemon), errors.Is(err, ErrUnsupported), errors.Is(err, ErrPermission):
		return nil
	case ctx.Err() != nil:
		return commandError(argv, RunResult{}, ctx.Err())
	case errors.Is(err, fs.ErrNotExist):
		return err
	}
	return commandError(argv, RunResult{}, errors.WithMessage(ErrSilent, err.Error()))
}

// order tells the daemon, through multipathd, to change something.
func (c *Command) order(ctx context.Context, words ...string) error {
	if err := guard(words); err != nil {
		return err
	}
	if err := c.greet(ctx, daemonArgv(words)); err != nil {
		return err
	}
	argv, res, err := c.tell(ctx, words)
	if err != nil {
		return uncertain(ended(err), err)
	}
	if gaveUp(res) {
		return uncertain(true, commandError(argv, res, errors.WithStack(ErrSilent)))
	}
	if err := daemonVerdict(res); err != nil {
		return commandError(argv, res, err)
	}
	return nil
}

// ask puts a question to the daemon, through multipathd.
func (c *Command) ask(ctx context.Context, words ...string) (string, error) {
	argv, res, err := c.tell(ctx, words)
	if err != nil {
		return "", err
	}
	reply := string(res.Stdout)
	err = trouble(reply)
	switch {
	case err != nil:
	case gaveUp(res):
		err = ErrBusy
	case res.Code != 0:
		err = daemonVerdict(res)
	}
	if err != nil {
		return "", commandError(argv, res, err)
	}
	return reply, nil
}

func (c *Command) tell(ctx context.Context, words []string) ([]string, RunResult, error) {
	if err := guard(words); err != nil {
		return nil, RunResult{}, err
	}
	argv := daemonArgv(words)
	res, err := c.started(ctx, argv)
	return argv, res, err
}

// daemonArgv hands an order to the program multipathd, word by word where it
// can. Otherwise as one argument: it puts quotes only around words with a
// space in them, and would take what follows a '#' for a comment.
func daemonArgv(words []string) []string {
	argv := []string{"multipathd"}
	for _, w := range words {
		if !unquoted(w) {
			return append(argv[:1], "-k"+sentence(words))
		}
		argv = append(argv, w)
	}
	return argv
}

// start runs a program other than multipathd.
func (c *Command) start(ctx context.Context, argv []string) (RunResult, error) {
	if err := guardProgram(argv); err != nil {
		return RunResult{}, err
	}
	return c.started(ctx, argv)
}

func (c *Command) started(ctx context.Context, argv []string) (RunResult, error) {
	if err := ctx.Err(); err != nil {
		return RunResult{}, commandError(argv, RunResult{}, err)
	}
	res, err := c.run(ctx, argv...)
	if err != nil {
		return res, commandError(argv, res, err)
	}
	return res, nil
}

// commandError dresses err. What the Runner says of a program is taken apart:
// its arguments would be named twice.
func commandError(argv []string, res RunResult, err error) error {
	c := &CommandError{Backend: "command", Argv: argv, ExitCode: res.Code, Err: err}
	said := string(res.Stderr)
	if strings.TrimSpace(said) == "" {
		said = string(res.Stdout)
	}
	var ran *command.Error
	if errors.As(err, &ran) {
		c.Err, c.Stuck, said = ran.Err, ran.Stuck, ran.Stderr
	}
	c.Reply = oneLine(said)
	return errors.WithStack(c)
}

// unavailable reports whether err means that this way to multipathd does not
// exist here: no daemon, no program, or one that does not know the question.
func unavailable(err error) bool {
	return errors.Is(err, ErrNoDaemon) || errors.Is(err, ErrUnsupported) ||
		errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNoMap)
}
