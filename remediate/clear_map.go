package remediate

import (
	"context"
	stderrors "errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/sysfs"
)

// clearMap takes the target's map away: queueing off, readers freed, flushed,
// and proven gone. Without a map it does nothing.
func (r *run) clearMap(ctx context.Context, d Device) error {
	m := r.t.Map
	if m == nil || d.Map == nil {
		return nil
	}
	if d.Map.Queueing {
		if err := r.do(ctx, DisableQueueing, m.Name, 15*time.Second, r.disableQueueing); err != nil {
			return err
		}
	}
	if d.Map.Queueing || len(d.Blocked) > 0 {
		if err := r.do(ctx, WaitReaders, m.Name, 30*time.Second, r.waitReaders); err != nil {
			return err
		}
	}
	if r.disabled || len(d.Blocked) > 0 { // time has passed since the last look
		if _, err := r.stillDue(ctx); err != nil {
			return err
		}
	}
	if r.t.Proof == ByRunbook || r.proof == ByRunbook {
		if err := r.do(ctx, ProbeMap, m.Name, 30*time.Second, r.probeMap); err != nil {
			return err
		}
	}
	return r.do(ctx, FlushMap, m.Name, 60*time.Second, r.flushMap)
}

// table is the kernel's table of the target's map, which must still bear the
// pinned name. A map that is gone is errAbsent.
func (r *run) table(ctx context.Context) (multipath.Table, error) {
	t, err := r.s.sys.Kernel.Table(ctx, r.t.Map.UUID)
	switch {
	case errors.Is(err, multipath.ErrNoMap):
		r.pending = false // nothing is left for it to suspend
		return t, errAbsent
	case err != nil:
		return t, opError("read the table of", r.t.Map.Name, err)
	case t.Name != r.t.Map.Name || t.Devt != r.t.Map.Devt:
		return t, stale("map "+r.t.Map.UUID, r.t.Map.Name+" "+r.t.Map.Devt.String(), t.Name+" "+t.Devt.String())
	}
	return t, nil
}

// renamed is table for what puts things right: a map that has been given another
// name meanwhile is the same map, and multipathd is told by the name that it has.
func (r *run) renamed(ctx context.Context) (multipath.Table, error) {
	t, err := r.table(ctx)
	if stale := (*StaleError)(nil); errors.As(err, &stale) && t.Devt == r.t.Map.Devt {
		m := *r.t.Map
		m.Name = t.Name
		r.t.Map = &m
		return t, nil
	}
	return t, err
}

// disableQueueing makes the map fail I/O that no path can carry. multipathd is
// told first, because it would otherwise switch queueing on again; the kernel
// is told where multipathd does not answer, or does not do it.
func (r *run) disableQueueing(ctx context.Context) error {
	if err := r.noteMap(ctx, true); err != nil {
		return err
	}
	if err := r.stillFresh(ctx); err != nil {
		return absentIsFine(err)
	}
	t, err := r.table(ctx)
	if err != nil || !t.Queueing {
		return absentIsFine(err)
	}
	r.disabled = true
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	told := r.s.sys.Daemon.DisableQueueing(asked, t.Name)
	cancel()
	if t, err = r.table(ctx); err != nil || !t.Queueing {
		return absentIsFine(err)
	}
	if err := r.keepOff(ctx, t); err != nil {
		return join([]error{told, err})
	}
	if t, err = r.table(ctx); err == nil && t.Queueing {
		return errors.Errorf("map %s goes on queueing", t.Name)
	}
	return absentIsFine(err)
}

// waitReaders waits until nobody has the map open any more, but for its own
// partition maps. Where its time ends in the midst of a question, what was found
// before says more.
func (r *run) waitReaders(ctx context.Context) error {
	known := ""
	return poll(ctx, 50*time.Millisecond, func() (bool, error) {
		left, err := r.readersLeft(ctx)
		if err != nil && ctx.Err() != nil && known != "" {
			return false, nil
		}
		known = left
		return left == "", absentIsFine(err)
	}, func() error {
		return errors.WithStack(&InUseError{WWID: r.t.WWID, Users: r.whoIsLeft(known)})
	})
}

// readersLeft is the map's open count in words, "" where nobody but its own
// partition maps has it open. It keeps queueing off.
func (r *run) readersLeft(ctx context.Context) (string, error) {
	t, err := r.table(ctx)
	if err != nil {
		return "", err
	}
	err = r.keepOff(ctx, t)
	n, perr := r.partitions(ctx)
	if err := join([]error{err, perr}); err != nil || t.OpenCount <= n {
		return "", err
	}
	return fmt.Sprintf("open count %d", t.OpenCount), nil
}

// keepOff switches queueing off once more where multipathd, which may not have
// been told, has switched it on: nobody may begin to wait here now, and a read of
// our own least of all.
func (r *run) keepOff(ctx context.Context, t multipath.Table) error {
	if !t.Queueing {
		return nil
	}
	if err := r.noteMap(ctx, true); err != nil {
		return err
	}
	r.disabled = true
	err := r.s.sys.Kernel.FailIfNoPath(ctx, t.UUID)
	if errors.Is(err, multipath.ErrNoMap) {
		return nil // it has gone in this very moment
	}
	return err
}

// partitions counts the map's own partition maps.
func (r *run) partitions(ctx context.Context) (int, error) {
	parts, err := r.s.sys.Partitions(ctx)
	if err != nil {
		return 0, opError("list the partition maps of", r.t.Map.Name, err)
	}
	n := 0
	for _, p := range parts {
		dm := sysfs.DM{UUID: p.UUID}
		if of, ok := dm.Partition(); ok && of == r.t.Map.UUID {
			n++
		}
	}
	return n, nil
}

// whoIsLeft names who keeps the map open, or says what only the count tells.
func (r *run) whoIsLeft(count string) []Use {
	if r.hurried() { // what time is left is for putting things right
		return []Use{{Kind: UseOpen, By: count, Detail: "there was no time to find out by whom"}}
	}
	ctx, cancel := r.unhurried(r.undo, 15*time.Second, lingering/4) // the rest is for putting things right
	defer cancel()
	open, _ := r.s.sys.Openers(ctx)
	var users []Use
	for _, o := range open.List {
		if o.Devt == r.t.Map.Devt {
			users = append(users, openerUse(o, r.t.Map.DM))
		}
	}
	if len(users) == 0 {
		users = []Use{{Kind: UseOpen, By: count, Detail: "nobody explains it"}}
	}
	return users
}

// probeMap reads the map once more, queueing being off: only an I/O error lets
// the operator's rule go on.
func (r *run) probeMap(ctx context.Context) error {
	res := r.s.sys.Reader.Probe(ctx, blockprobe.Target{
		Node: r.s.sys.FS.Path("dev", r.t.Map.DM), Key: r.t.Map.Devt.String() + " " + r.t.Map.UUID, Usable: -1,
	})
	if res.Outcome == blockprobe.Unreadable && errors.Is(res.Err, syscall.EIO) {
		return nil
	}
	return errors.WithStack(&EvidenceError{
		WWID: r.t.WWID, Verdict: Unknown,
		Reason: fmt.Sprintf("the read is %s, not an I/O error: %s", res.Outcome, or(res.Reason, "no reason given")),
	})
}

// busyFor is how long a map that is briefly busy (udev opens it) is tried again.
const busyFor = 10 * time.Second

// flushMap removes the map, by name, through multipathd, and reads the kernel's
// state again after each try, whatever the answer was. A map that is busy is
// tried again for a while; one that was left suspended is resumed.
func (r *run) flushMap(ctx context.Context) error {
	if err := r.noteFlush(ctx, r.disabled); err != nil {
		return err
	}
	begun := time.Now()
	var last error
	return poll(ctx, 250*time.Millisecond, func() (bool, error) {
		t, err := r.table(ctx)
		if err == nil && r.disabled {
			err = r.keepOff(ctx, t)
		}
		if err != nil {
			return true, absentIsFine(err)
		}
		name, done, err := r.awaitFlush(ctx)
		switch {
		case errors.Is(err, errNoTurn):
			last = err
			return false, nil
		case err != nil && ctx.Err() != nil:
			return false, nil // what the last flush came to says more
		case err != nil:
			return true, absentIsFine(err)
		}
		defer done()
		r.flushing = true
		last = r.s.sys.Daemon.Flush(ctx, name)
		if multipath.Uncertain(last) {
			r.pending, r.pendingSince = true, r.s.opt.now()
		} else {
			r.pending = r.pending && notTaken(last) // that is no word on the flush before
		}
		return r.afterFlush(ctx, last, time.Since(begun) > busyFor)
	}, func() error {
		if busy(last) {
			return errors.WithStack(&InUseError{WWID: r.t.WWID, Users: r.whoIsLeft(last.Error())})
		}
		return errors.WithStack(&TimeoutError{What: "flush of map " + r.t.Map.Name, Stuck: !notTaken(last), Err: orError(last, "no answer")})
	})
}

// awaitFlush waits for a turn to flush the map, by the name that it then has. Both
// keys must hold right before, and after a try that has failed they are looked at
// anew: who knows what has come back since.
func (r *run) awaitFlush(ctx context.Context) (name string, done func(), err error) {
	if r.flushing {
		r.looked = time.Time{}
	}
	if done, err = r.freshTurn(ctx); err != nil {
		return "", nil, err
	}
	t, err := r.table(ctx)
	if err != nil {
		done()
	}
	return t.Name, done, err
}

// turnPatience is how long a turn is tried to be had while a look is fresh. Then it
// is waited for, and the look is made by who has the turn, which holds up others.
const turnPatience = 10 * time.Second

// freshTurn waits for a turn, and looks until one comes while the look is fresh.
func (r *run) freshTurn(ctx context.Context) (done func(), err error) {
	for begun := time.Now(); time.Since(begun) < turnPatience; {
		if err := r.stillFresh(ctx); err != nil {
			return nil, err
		}
		soon, cancel := context.WithDeadline(ctx, r.looked.Add(fresh))
		done, err = r.s.sys.turn(soon)
		cancel()
		if err == nil {
			return done, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
	}
	if done, err = r.s.sys.turn(ctx); err != nil {
		return nil, err
	}
	if err = r.stillFresh(ctx); err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// afterFlush reads what a flush has come to, and reports whether to stop.
func (r *run) afterFlush(ctx context.Context, said error, late bool) (bool, error) {
	after, cancel := r.grace()
	defer cancel()
	t, err := r.table(after)
	r.touched = r.touched || !busy(said) && !notTaken(said)
	switch {
	case errors.Is(err, errAbsent):
		return true, nil
	case err != nil:
		return true, err
	case t.Suspended && !multipath.Uncertain(said):
		return true, r.resume(after, said)
	case busy(said) && late:
		return true, errors.WithStack(&InUseError{WWID: r.t.WWID, Users: r.whoIsLeft(said.Error())})
	case said == nil && late:
		return true, errors.WithStack(&RemainsError{WWID: r.t.WWID, Remains: []string{"map " + t.Name + ", flushed by multipathd's word alone"}})
	case said == nil, busy(said), notTaken(said), multipath.Uncertain(said):
		return false, nil
	}
	return true, said
}

func busy(err error) bool {
	return errors.Is(err, multipath.ErrInUse) || errors.Is(err, multipath.ErrRefused)
}

// notTaken reports whether multipathd has not begun with the order, for it had
// no time or did not listen.
func notTaken(err error) bool {
	return !multipath.Uncertain(err) && (errors.Is(err, multipath.ErrBusy) || errors.Is(err, multipath.ErrSilent))
}

// resume lifts a suspension that a flush left behind: a suspended map would
// hang whoever touches it next.
func (r *run) resume(ctx context.Context, cause error) error {
	err := r.do(ctx, ResumeMap, r.t.Map.Name, 15*time.Second, func(ctx context.Context) error {
		return r.s.sys.Kernel.Resume(ctx, r.t.Map.UUID)
	})
	if err != nil {
		return join([]error{cause, err})
	}
	return join([]error{errors.WithMessagef(errResumed, "map %s", r.t.Map.Name), cause})
}

// errResumed says that a flush had left its map suspended.
var errResumed = stderrors.New("the flush had left it suspended; it was resumed")

// restore puts right what must not stay on a map that lives: a suspension that a
// flush left behind, and queueing that was switched off. It works for a moment
// longer than the run's own time.
func (r *run) restore() error {
	if !r.disabled && !r.flushing {
		return nil
	}
	ctx, cancel := r.grace()
	defer cancel()
	t, err := r.renamed(ctx)
	if err != nil {
		return absentIsFine(err)
	}
	if t.Suspended {
		if err := r.resume(ctx, nil); err != nil && !errors.Is(err, errResumed) {
			return err
		}
	}
	if !r.disabled {
		return nil
	}
	r.drain(ctx)
	return r.do(ctx, RestoreQueueing, r.t.Map.Name, 15*time.Second, r.restoreQueueing)
}

// drain ends a read of our own that waits on the map, because multipathd switched
// queueing on in its midst: once it is on for good, the read would never end, nor
// would this process.
func (r *run) drain(ctx context.Context) {
	ctx, cancel := r.unhurried(ctx, time.Second, lingering/4)
	defer cancel()
	own := func(s blockprobe.Stuck) bool { return !s.Claim && s.Key == r.t.Map.Devt.String()+" "+r.t.Map.UUID }
	_ = poll(ctx, 20*time.Millisecond, func() (bool, error) {
		if !slices.ContainsFunc(r.s.sys.Reader.Stuck(), own) {
			return true, nil
		}
		t, err := r.table(ctx)
		if err == nil {
			err = r.keepOff(ctx, t)
		}
		return false, err
	}, func() error { return nil })
}

// restoreQueueing leaves it to multipathd, whose mark on the map would outlast
// a word to the kernel, and which alone knows whether the map may queue at all:
// one with a limited number of retries must not, once they have run out. Old
// versions say ok and take some seconds. The kernel is told where there is no
// multipathd to tell.
func (r *run) restoreQueueing(ctx context.Context) error {
	asked, cancel := r.unhurried(ctx, 5*time.Second, lingering/2)
	told := r.s.sys.Daemon.RestoreQueueing(asked, r.t.Map.Name)
	cancel()
	if told == nil && !r.hurried() {
		settled, cancel := context.WithTimeout(ctx, 6*time.Second)
		defer cancel()
		return poll(settled, 100*time.Millisecond, func() (bool, error) {
			t, err := r.table(ctx)
			return t.Queueing, absentIsFine(err)
		}, func() error { return nil })
	}
	t, err := r.table(ctx)
	if err == nil && unheard(told) {
		r.untold = true // it goes by its mark that the map must not queue, whatever the kernel is told
	}
	if err != nil || t.Queueing || told == nil && t.Usable() == 0 {
		return absentIsFine(err)
	}
	if err := r.s.sys.Kernel.QueueIfNoPath(ctx, t.UUID); err != nil {
		return join([]error{told, err})
	}
	return nil
}

// unheard reports whether there is a multipathd that may not have heard an order.
func unheard(err error) bool {
	return errors.Is(err, multipath.ErrBusy) || errors.Is(err, multipath.ErrSilent) || multipath.Uncertain(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func absentIsFine(err error) error {
	if errors.Is(err, errAbsent) {
		return nil
	}
	return err
}
