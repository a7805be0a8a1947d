package blockprobe

import (
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
)

const (
	// DefaultTimeout is how long a read may take before it counts as hung.
	DefaultTimeout = 5 * time.Second
	// DefaultLimit is how many reads may be under way, and so be stuck, at once.
	DefaultLimit = 64
)

// An Option changes how a [Prober] probes.
type Option func(*options)

type options struct {
	timeout time.Duration
	limit   int
	late    func(Late)
	read    func(path string, buf []byte) (int, error)
	claim   func(path string) error
}

// parkLate tells of late ends in this package's terms.
func (o options) parkLate() func(park.Late) {
	if o.late == nil {
		return nil
	}
	return func(l park.Late) {
		late := Late{Stuck: newStuck(l.Stuck, false), Took: l.Took, Outcome: Readable, Err: l.Err}
		if l.Err != nil {
			late.Outcome = outcomeOf(l.Err)
		}
		o.late(late)
	}
}

// WithTimeout sets how long a read may take, open and close included, before it
// counts as hung; [DefaultTimeout] if it is not given or not positive.
func WithTimeout(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.timeout = d
		}
	}
}

// WithLimit sets how many reads may be under way at once; [DefaultLimit] if it
// is not given or not positive. Each holds a thread and a mebibyte. A probe
// beyond the limit waits for its turn, unless all that are under way are stuck.
func WithLimit(n int) Option {
	return func(o *options) {
		if n > 0 {
			o.limit = n
		}
	}
}

// WithLate calls fn when a stuck read comes back after all, from that read's
// own goroutine.
func WithLate(fn func(Late)) Option { return func(o *options) { o.late = fn } }

// WithRead replaces open, read and close, for simulated hosts. fn may block as
// long as it likes, and owns buf, which is aligned for O_DIRECT. An fn that
// returns 0 bytes and no error stands for a device of size zero.
func WithRead(fn func(path string, buf []byte) (int, error)) Option {
	return func(o *options) { o.read = fn }
}
