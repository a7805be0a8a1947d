package sysfs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
)

// A Stuck is one call into the kernel that has not come back although its
// caller has gone.
type Stuck struct {
	Key   string    // the attribute that was written to, or "read …" for what was to be read
	Since time.Time // when it was started
	WChan string    // the kernel function that it sleeps in; "" where that is not to be seen
}

// Stuck lists the calls that have not come back: writes to attributes first,
// the oldest first of each.
func (f *FS) Stuck() []Stuck {
	var out []Stuck
	for _, lot := range []*park.Lot{f.writes, f.scans, f.files, f.maps, f.mounts} {
		for _, s := range lot.Stuck() {
			out = append(out, Stuck(s))
		}
	}
	return out
}

// bounded runs fn, which reads what, until ctx ends. What is read already is read
// again when that is done, and what does not come back is not begun once more.
func bounded[T any](ctx context.Context, f *FS, what string, fn func() (T, error)) (T, error) {
	return park.Do(ctx, f.scans, "read "+what, fn)
}

// processPatience is how long it may take to read what /proc says of one process.
const processPatience = 2 * time.Second

// ofProcess runs fn, which reads below /proc/PID. Some of what is there waits for
// a lock that the process may hold while it sleeps; one such process must not
// keep the others from being looked at.
func ofProcess[T any](ctx context.Context, l *park.Lot, pid int, what string, fn func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, processPatience)
	defer cancel()
	return park.Do(ctx, l, fmt.Sprintf("read %s of process %d", what, pid), fn)
}

// isStuck reports whether err says that a read has not come back, or has not been
// begun because others have not.
func isStuck(err error) bool {
	var stuck *park.StuckError
	var full *park.LimitError
	return errors.As(err, &stuck) || errors.As(err, &full)
}

// mostWorkers is how many goroutines walk at most: enough to hide the kernel's
// locks, few enough not to be felt by the host's own work.
const mostWorkers = 8

// each calls fn for every item, several at a time, and returns what it returned
// in the order of items, without those for which keep was false. It stops at
// the first error, and when ctx ends.
func each[I, T any](ctx context.Context, items []I, fn func(I) (v T, keep bool, err error)) ([]T, error) {
	type slot struct {
		v    T
		keep bool
	}
	var (
		slots = make([]slot, len(items))
		next  atomic.Int64
		fail  = make(chan error, mostWorkers)
		wg    sync.WaitGroup
	)
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(items) {
				return
			}
			err := ctx.Err()
			if err == nil {
				slots[i].v, slots[i].keep, err = fn(items[i])
			}
			if err != nil {
				next.Store(int64(len(items)))
				fail <- err
				return
			}
		}
	}
	for range min(mostWorkers, runtime.GOMAXPROCS(0), len(items)) {
		wg.Go(work)
	}
	wg.Wait()
	select {
	case err := <-fail:
		return nil, err
	default:
	}
	out := make([]T, 0, len(items))
	for i := range slots {
		if slots[i].keep {
			out = append(out, slots[i].v)
		}
	}
	return out, nil
}
