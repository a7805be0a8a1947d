package multipath

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pkg/errors"
)

// client is what every way to multipath can do.
type client interface {
	Topology(ctx context.Context) (*Topology, error)
	Paths(ctx context.Context) ([]DaemonPath, error)
	DisableQueueing(ctx context.Context, name string) error
	RestoreQueueing(ctx context.Context, name string) error
	Flush(ctx context.Context, name string) error
	ForgetPath(ctx context.Context, dev string) error
	Backend() string
}

var (
	_ client = (*Socket)(nil)
	_ client = (*Command)(nil)
	_ client = (*DM)(nil)
	_ client = (*Auto)(nil)
)

// An Auto is a client that gives each order to the best of its clients that is
// there: the daemon's socket, else the programs, else the kernel itself. Each
// order begins with the best one anew, so that it falls back when multipathd
// dies, and returns when it is back. Safe for concurrent use.
//
// Questions, and switching queueing, also go on to the next client when one
// does not answer in time or does badly: to ask, or to switch, twice does no
// harm. But what multipathd lists, the kernel cannot tell while there is one. Flush goes on only where nobody has heard it, or said so; a daemon that
// has, and does not answer any more, may carry it out yet. ForgetPath goes on
// only where there is no daemon.
type Auto struct {
	clients  []client
	dm       *DM
	patience time.Duration

	mu     sync.Mutex
	chosen string
	why    []string
}

// An AutoOption changes an [Auto].
type AutoOption func(*Auto)

// WithPatience sets how long one client gets before the next is tried; the
// default is 5 s, which multipathd's own limit of 4 s fits into. It is never
// more than half of what is left until the context's deadline.
func WithPatience(d time.Duration) AutoOption { return func(a *Auto) { a.patience = d } }

// NewAuto returns a client over those of the three that are not nil.
func NewAuto(socket *Socket, command *Command, dm *DM, opts ...AutoOption) *Auto {
	a := &Auto{dm: dm, patience: 5 * time.Second}
	if socket != nil {
		a.clients = append(a.clients, socket)
	}
	if command != nil {
		a.clients = append(a.clients, command)
	}
	if dm != nil {
		a.clients = append(a.clients, dm)
	}
	for _, opt := range opts {
		opt(a)
	}
	return a
}

// Backend returns the client that took the last order: "socket", "command",
// "dm", or "auto" before the first.
func (a *Auto) Backend() string {
	if b, _ := a.Chosen(); b != "" {
		return b
	}
	return "auto"
}

// Chosen returns the client that took the last order, and for each better one
// why it did not; "" if there was none yet, or none that could.
func (a *Auto) Chosen() (backend string, why []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.chosen, slices.Clone(a.why)
}

// Stuck lists what of the socket's and the programs' has not come back, oldest
// first; see [Socket.Stuck] and [Command.Stuck]. The kernel's own calls are with
// [DeviceMapper.Stuck].
func (a *Auto) Stuck() []StuckCall {
	var calls []StuckCall
	for _, c := range a.clients {
		if s, ok := c.(interface{ Stuck() []StuckCall }); ok {
			calls = append(calls, s.Stuck()...)
		}
	}
	slices.SortStableFunc(calls, func(a, b StuckCall) int { return a.Since.Compare(b.Since) })
	return calls
}

// Topology asks the best client that answers.
func (a *Auto) Topology(ctx context.Context) (t *Topology, err error) {
	err = a.give(ctx, true, onAnyError, func(ctx context.Context, c client) error {
		t, err = c.Topology(ctx)
		return err
	})
	return t, err
}

// Paths asks the best client that answers, and the kernel only where there is no
// multipathd that does not answer.
func (a *Auto) Paths(ctx context.Context) (paths []DaemonPath, err error) {
	var untold error // why a multipathd that is there has not said
	err = a.give(ctx, true, onAnyError, func(ctx context.Context, c client) error {
		if c.Backend() == "dm" && untold != nil {
			return untold
		}
		if paths, err = c.Paths(ctx); err != nil && !unavailable(err) {
			untold = err
		}
		return err
	})
	return paths, err
}

// DisableQueueing orders it from the best client that answers. A daemon that is
// stuck is passed over: the kernel takes the order without it.
func (a *Auto) DisableQueueing(ctx context.Context, name string) error {
	return a.give(ctx, true, onSilence, func(ctx context.Context, c client) error { return c.DisableQueueing(ctx, name) })
}

// RestoreQueueing orders it from the best client that answers. Where the
// kernel can be asked, and a path of the map is usable, it then sees to it there.
// Call it only for a map that queued before. Where a multipathd that is there has not
// heard of it, its error is returned, although the kernel was told.
//
// multipathd answers "ok" and may not have told the kernel (seen with 0.8.5 to
// 0.15.1):
//
//   - Right after disablequeueing, 0.8.5 and 0.9.4 go by what they last read of
//     the kernel, think that the map is queueing, and send no message. They
//     notice at the next path check, some seconds later.
//   - With no path usable, "no_path_retry queue" is restored; a number of
//     retries that has been counted down is not, and must not be.
//
// A message to the kernel alone does not do either: multipathd remembers that
// queueing is disabled, or that it is not, and takes the message back within
// seconds.
func (a *Auto) RestoreQueueing(ctx context.Context, name string) error {
	var untold error // why a multipathd that is there has not heard of it
	err := a.give(ctx, true, onSilence, func(ctx context.Context, c client) error {
		err := c.RestoreQueueing(ctx, name)
		if c.Backend() != "dm" && silent(err) {
			untold = err
		}
		return err
	})
	if err == nil {
		err = untold
	}
	if err != nil || a.dm == nil {
		return err
	}
	return a.dm.ensureQueueing(ctx, name)
}

// Flush orders it from the best client there is. Beside a multipathd that does
// not listen, or has no time, the kernel removes the map: like multipath -f,
// which then does it by itself. A refusal without a reason
// gets one from the kernel, where that can be asked.
func (a *Auto) Flush(ctx context.Context, name string) error {
	err := a.give(ctx, false, unheard, func(ctx context.Context, c client) error { return c.Flush(ctx, name) })
	if errors.Is(err, ErrRefused) && a.dm != nil {
		return a.dm.explain(ctx, name, err)
	}
	return err
}

// ForgetPath orders it from the best client there is.
func (a *Auto) ForgetPath(ctx context.Context, dev string) error {
	return a.give(ctx, false, onAbsence, func(ctx context.Context, c client) error { return c.ForgetPath(ctx, dev) })
}

// When an order goes on to the next client.
func onAbsence(err error) bool  { return unavailable(err) }
func onSilence(err error) bool  { return unavailable(err) || silent(err) }
func unheard(err error) bool    { return onSilence(err) && !Uncertain(err) }
func onAnyError(err error) bool { return !errors.Is(err, ErrForbidden) }

// silent reports whether err means that multipathd is there and does not answer.
func silent(err error) bool {
	return errors.Is(err, ErrSilent) || errors.Is(err, ErrBusy) || ended(err)
}

// give tries the clients in turn, as long as goOn says so of their errors.
// hurry keeps a client that is not the last from taking all the time there is.
func (a *Auto) give(ctx context.Context, hurry bool, goOn func(error) bool, order func(context.Context, client) error) error {
	err := error(errors.WithStack(&CommandError{Backend: "auto", Err: ErrNoDaemon}))
	var why []string
	for i, c := range a.clients {
		if silent(err) && c.Backend() == "command" && i < len(a.clients)-1 {
			why = append(why, "command: asks the same multipathd")
			continue
		}
		err = a.offer(ctx, c, hurry && i < len(a.clients)-1, order)
		if err == nil || !goOn(err) || ctx.Err() != nil {
			a.note(c.Backend(), why)
			return err
		}
		why = append(why, c.Backend()+": "+err.Error())
	}
	a.note("", why)
	return err
}

// offer gives the order to one client.
func (a *Auto) offer(ctx context.Context, c client, hurry bool, order func(context.Context, client) error) error {
	if !hurry {
		return order(ctx, c)
	}
	limit := a.patience
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return order(ctx, c)
}

func (a *Auto) note(backend string, why []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.chosen, a.why = backend, why
}
