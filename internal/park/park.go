// Package park runs a call that the kernel may never let return, and bounds
// what that costs.
//
// A read from a queueing multipath map, an SG_IO ioctl to a blocked SCSI device
// and a write to a sysfs delete attribute can all sleep uninterruptibly. No
// signal ends them, so the only thing a library can do is to stop waiting. A
// [Lot] does that honestly: the call goes on in a goroutine of its own (and so
// in a thread of its own), the caller gets a [StuckError] when its context
// ends, the call is counted until it returns, the same key is not started a
// second time meanwhile, and there is a hard limit on how many may exist.
//
// Do not use it for calls that a context or a deadline can really end.
package park

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultLimit is how many calls may be stuck at once in a [Lot] made with
// limit 0. Each holds a thread, so this is far below Go's limit of 10,000.
const DefaultLimit = 64

// A Lot holds the calls that have not come back. It is safe for concurrent use.
type Lot struct {
	limit int
	late  func(Late)

	mu      sync.Mutex
	running map[string]*call
	changed chan struct{} // closed, and made anew, when a call ends, is left, or counts as stuck: a place may be free, or none may be hoped for
}

// Grace is what a call has in all, from its start, until it counts as stuck for
// others: so long it is waited for even though its caller has left it, who may
// have had no time rather than a slow answer.
const Grace = 2 * time.Second

// A call is one that was started and has not come back.
type call struct {
	since  time.Time
	over   chan struct{} // closed when it ends, or is lost
	stuck  bool          // nobody waits for it any more
	lost   bool          // and its grace is over
	thread atomic.Int64  // that it runs on; 0 before it does
	where  func() string // says where it sleeps; nil for its thread
}

func (c *call) wchan() string {
	switch thread := c.thread.Load(); {
	case c.where != nil:
		return c.where()
	case thread != 0:
		return sleeping(int(thread))
	}
	return ""
}

// A Stuck is one call that has not come back although its caller has gone.
type Stuck struct {
	Key   string    // what the call was made on
	Since time.Time // when it was started
	WChan string    // the kernel function that it sleeps in; "" where that is not to be seen
}

// A Late is the end of a call that nobody waited for any more.
type Late struct {
	Stuck
	Took time.Duration
	Err  error // what the call returned in the end
}

// New returns a Lot that lets at most limit calls be under way, and so be stuck,
// at once (0 means [DefaultLimit]). late, which may be nil, is called, from the
// call's own goroutine, when a stuck call comes back after all.
func New(limit int, late func(Late)) *Lot {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Lot{
		limit:   limit,
		late:    late,
		running: map[string]*call{},
		changed: make(chan struct{}),
	}
}

// Stuck lists the calls that have not come back, oldest first.
func (l *Lot) Stuck() []Stuck {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Stuck{}
	for k, c := range l.running {
		if c.stuck {
			out = append(out, Stuck{Key: k, Since: c.since, WChan: c.wchan()})
		}
	}
	slices.SortFunc(out, func(a, b Stuck) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// A StuckError says that a call has not come back in time, or was not started
// because an earlier one on the same key has not. It matches
// [context.DeadlineExceeded] (or [context.Canceled]) through its cause.
type StuckError struct {
	Key   string
	Since time.Time // when the call that is stuck was started
	Began bool      // whether this call was the one that started it
	WChan string    // the kernel function that the call slept in when it was left; "" where that was not to be seen
	Cause error     // the context's error, or nil where nobody waits for the earlier call
}

func (e *StuckError) Error() string {
	if !e.Began {
		return fmt.Sprintf("%s: an earlier call, started at %s, has not come back", e.Key, e.Since.Format(time.TimeOnly))
	}
	text := fmt.Sprintf("%s: no answer after %s", e.Key, time.Since(e.Since).Round(time.Millisecond))
	if e.WChan != "" {
		text += ", it sleeps in " + e.WChan
	}
	return text
}

func (e *StuckError) Unwrap() error { return e.Cause }

// A LimitError says that a call was not started because too many others are
// under way. It matches the context's error where that ended before one of them
// came back.
type LimitError struct {
	Key   string
	Limit int
	Cause error // the context's error, or nil where all the others are stuck
}

func (e *LimitError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: not started, %d other calls are under way", e.Key, e.Limit)
	}
	return fmt.Sprintf("%s: not started, %d other calls are stuck", e.Key, e.Limit)
}

func (e *LimitError) Unwrap() error { return e.Cause }

var (
	_ interface{ Unwrap() error } = (*StuckError)(nil)
	_ interface{ Unwrap() error } = (*LimitError)(nil)
)

// Do runs fn in a goroutine of its own and waits for it until ctx ends. fn must
// not touch anything that the caller goes on using after Do has returned.
//
// A call with the same key that somebody still waits for is waited for, and so
// is a place in the lot, as long as ctx lasts; one with the same key that was
// left, until it has had its [Grace]. Behind other calls that are stuck there is
// no waiting.
//
// It returns what fn returned; ctx's error if that had ended before; a
// *[StuckError] if fn has not come back, now or in an earlier call with the same
// key; or a *[LimitError].
func Do[T any](ctx context.Context, l *Lot, key string, fn func() (T, error)) (T, error) {
	return DoWhere(ctx, l, key, nil, fn)
}

// DoWhere is [Do] for an fn that waits for somebody else: where says where that
// one sleeps, while fn runs. It is called with the Lot locked, and must not use it.
func DoWhere[T any](ctx context.Context, l *Lot, key string, where func() string, fn func() (T, error)) (T, error) {
	return do(ctx, l, key, where, fn, func(T) {})
}

// Open is [Do] for an fn that opens something: what comes when nobody waits for
// it any more is closed.
func Open[T io.Closer](ctx context.Context, l *Lot, key string, fn func() (T, error)) (T, error) {
	return do(ctx, l, key, nil, fn, func(v T) { _ = v.Close() })
}

// do gives drop what fn returned without an error and the caller does not get.
func do[T any](ctx context.Context, l *Lot, key string, where func() string, fn func() (T, error), drop func(T)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	c, err := l.begin(ctx, key, where)
	if err != nil {
		return zero, err
	}
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		thread, leave := stay()
		defer leave()
		c.thread.Store(int64(thread))
		v, err := fn()
		left := l.end(key, err) // before the caller hears of it, who may start the next
		if left && err == nil {
			drop(v)
		}
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
	}
	if l.leave(key, c) {
		return zero, &StuckError{Key: key, Since: c.since, Began: true, WChan: c.wchan(), Cause: ctx.Err()}
	}
	r := <-done // it came back between the two
	return r.v, r.err
}

// begin books key as soon as it is free and the lot has a place.
func (l *Lot) begin(ctx context.Context, key string, where func() string) (*call, error) {
	for {
		c, changed, err := l.book(key, where)
		if c != nil {
			return c, nil
		}
		if changed == nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, because(err, ctx.Err())
		}
	}
}

// book books key, or says why not, and what to wait for where that can end.
func (l *Lot) book(key string, where func() string) (*call, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.running[key]; ok {
		return nil, hope(c.over, !c.lost), &StuckError{Key: key, Since: c.since}
	}
	if len(l.running) >= l.limit {
		return nil, hope(l.changed, l.anyWaited()), &LimitError{Key: key, Limit: l.limit}
	}
	c := &call{since: time.Now(), over: make(chan struct{}), where: where}
	l.running[key] = c
	return c, nil, nil
}

// hope is what to wait for, if there is any use in waiting.
func hope(change <-chan struct{}, some bool) <-chan struct{} {
	if some {
		return change
	}
	return nil
}

// anyWaited reports whether somebody still waits for one of the calls.
func (l *Lot) anyWaited() bool {
	for _, c := range l.running {
		if !c.stuck {
			return true
		}
	}
	return false
}

// because gives a refusal its cause.
func because(refusal, cause error) error {
	var stuck *StuckError
	var full *LimitError
	switch {
	case errors.As(refusal, &stuck):
		stuck.Cause = cause
	case errors.As(refusal, &full):
		full.Cause = cause
	}
	return refusal
}

// leave marks the call as stuck, and reports whether it is still under way.
func (l *Lot) leave(key string, c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[key] != c {
		return false
	}
	c.stuck = true
	if left := Grace - time.Since(c.since); left > 0 {
		time.AfterFunc(left, func() { l.lose(key, c) })
	} else {
		c.lose()
	}
	l.change()
	return true
}

// lose ends the waiting for a call that was left, if it is still under way.
func (l *Lot) lose(key string, c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[key] == c {
		c.lose()
		l.change()
	}
}

func (c *call) lose() {
	c.lost = true
	close(c.over)
}

// end books key out, and reports whether nobody waited any more, which it tells.
func (l *Lot) end(key string, err error) (left bool) {
	l.mu.Lock()
	c := l.running[key]
	delete(l.running, key)
	if !c.lost {
		close(c.over)
	}
	l.change()
	l.mu.Unlock()
	if c.stuck && l.late != nil {
		l.late(Late{Stuck: Stuck{Key: key, Since: c.since}, Took: time.Since(c.since), Err: err})
	}
	return c.stuck
}

// change wakes those who wait for a place.
func (l *Lot) change() {
	close(l.changed)
	l.changed = make(chan struct{})
}
