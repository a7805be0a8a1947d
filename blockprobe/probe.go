package blockprobe

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
)

// A Target is what is to be read.
type Target struct {
	Node string // the path to open: "/dev/dm-12"
	// Key is the device's identity, such as a map's WWID: there are never two
	// reads under one key at once. "" means the Node.
	Key string
	// Queueing and Usable are what is known about a multipath map: whether it
	// holds I/O back while no path is usable, and how many paths the kernel can
	// still use (-1 where that is not known). With both against it a read would
	// hang for certain, and is not made.
	Queueing bool
	Usable   int
}

func (t Target) key() string {
	if t.Key != "" {
		return t.Key
	}
	return t.Node
}

// A Result is what came of a probe.
type Result struct {
	Outcome Outcome
	Err     error         // the errno in its *fs.PathError, or the context's error: context.DeadlineExceeded where it hangs
	Bytes   int           // how much was read
	Took    time.Duration // how long the caller waited
	Since   time.Time     // when the read began that has not come back; zero if there is none
	Reason  string        // one sentence for a person
}

// A Stuck is one read, or one exclusive open, that has not come back although
// nobody waits for it.
type Stuck struct {
	Key   string
	Claim bool // it is the open of [Prober.Claimed], and no read
	Since time.Time
	WChan string // the kernel function that it sleeps in; "" where that is not to be seen
}

// A Late is the end of a read that nobody waited for any more.
type Late struct {
	Stuck
	Took    time.Duration
	Outcome Outcome // what the read would have meant in time
	Err     error
}

// A Prober probes, and remembers what has not come back. It is safe for
// concurrent use; a process should have one.
type Prober struct {
	timeout time.Duration
	read    func(path string, buf []byte) (int, error)
	claim   func(path string) error
	lot     *park.Lot
	claims  *park.Lot // apart: reads that are stuck do not keep one from looking for claims

	mu   sync.Mutex
	idle [][]byte // buffers of reads that have come back
}

// New returns a Prober.
func New(opts ...Option) *Prober {
	o := options{timeout: DefaultTimeout, limit: DefaultLimit, read: readDirect, claim: claimOnce}
	for _, opt := range opts {
		opt(&o)
	}
	return &Prober{timeout: o.timeout, read: o.read, claim: o.claim, lot: park.New(o.limit, o.parkLate()), claims: park.New(0, nil)}
}

// idleBuffers is how many buffers are kept for the next reads.
const idleBuffers = 8

func (p *Prober) take() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return buffer()
	}
	buf := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return buf
}

func (p *Prober) give(buf []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < idleBuffers {
		p.idle = append(p.idle, buf)
	}
}

// Stuck lists the reads and the exclusive opens that have not come back, oldest
// first.
func (p *Prober) Stuck() []Stuck {
	var out []Stuck
	for _, s := range p.lot.Stuck() {
		out = append(out, newStuck(s, false))
	}
	for _, s := range p.claims.Stuck() {
		out = append(out, newStuck(s, true))
	}
	slices.SortStableFunc(out, func(a, b Stuck) int { return a.Since.Compare(b.Since) })
	return out
}

func newStuck(s park.Stuck, claim bool) Stuck {
	return Stuck{Key: s.Key, Claim: claim, Since: s.Since, WChan: s.WChan}
}

// Probe opens t.Node with O_RDONLY|O_DIRECT|O_CLOEXEC, reads 1 MiB at offset 0,
// and closes it, all within the Prober's time-out and ctx.
//
// The node must be readable. Nothing is ever written. Probe returns in time
// whatever the kernel does; see the package's words on what it may leave behind.
func (p *Prober) Probe(ctx context.Context, t Target) Result {
	if t.Queueing && t.Usable == 0 {
		return Result{Outcome: Skipped, Reason: "no path is usable and the map queues: a read would hang"}
	}
	start := time.Now()
	within, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	n, err := park.Do(within, p.lot, t.key(), func() (int, error) { return p.once(t) })
	r := p.judge(n, err)
	r.Took = time.Since(start)
	return r
}
