package lockdir

import (
	"context"
	"sync"
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
)

// moment is what a single look at the directory may take where there is no time
// left to wait in, and what letting a lock go may.
const moment = 100 * time.Millisecond

// bounded runs fn, which touches the directory's file system, until ctx ends: a
// disk may fail, and a directory may be on what others serve.
func bounded[T any](ctx context.Context, d *Dir, what string, fn func() (T, error)) (T, error) {
	return park.Do(ctx, d.lot, what, fn)
}

// Stuck lists what has not come back, oldest first.
func (d *Dir) Stuck() []park.Stuck { return d.lot.Stuck() }

// A handover passes a lock to whoever waits for it, or lets it go where nobody
// does any more.
type handover struct {
	mu   sync.Mutex
	left bool
	lock *Lock
}

// give is called by who has taken the lock.
func (h *handover) give(l *Lock) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lock = l; h.left {
		l.release()
	}
}

// leave is called by who has waited for it in vain.
func (h *handover) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left = true; h.lock != nil {
		go h.lock.release() // it came too late by a hair
	}
}
