package scsi

import (
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
)

// DefaultTimeout is how long a caller waits for one command, unless
// [WithTimeout] or its context says otherwise.
const DefaultTimeout = 5 * time.Second

// kernelTimeout is how long the kernel waits at least before it aborts a
// command and starts error handling: sd's own time-out for disks.
const kernelTimeout = 30 * time.Second

// An Option changes how a [Device] is asked.
type Option func(*options)

type options struct {
	timeout   time.Duration
	lot       *park.Lot
	attention func(Sense)
}

func newOptions(opts []Option) options {
	o := options{timeout: DefaultTimeout}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithTimeout bounds the wait for each command, and for open and close;
// [DefaultTimeout] if it is not given or not positive. The context bounds it
// further.
func WithTimeout(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.timeout = d
		}
	}
}

// WithAttention calls fn for each unit attention that is met, before the
// command is sent again. The answer uses the attention up: whoever asks next no
// longer hears that, say, "reported luns data has changed" (06/3f/0e). The
// kernel has heard it all the same, and has sent its uevent. fn is called from
// the goroutine that asks, and must not ask the Device itself.
func WithAttention(fn func(Sense)) Option { return func(o *options) { o.attention = fn } }
