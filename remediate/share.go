package remediate

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/diskbyid"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A shared is one question about the whole host that those who work side by side
// ask at about the same time. One look answers all who asked before it began:
// so nobody gets to see less than if he had looked himself, and the host is not
// looked at more often than one look after the other. It is safe for concurrent
// use.
type shared[T any] struct {
	apart func(took time.Duration) time.Duration // from the end of one look to the next; nil for at once
	crowd *crowd                                 // those whom a look that could begin waits a moment for; nil for none

	mu      sync.Mutex
	running bool           // or at rest after it
	next    *sharedLook[T] // has not begun; nil where nobody waits for it
}

// lookBudget is how long one look may take, where nobody has less time.
const lookBudget = time.Minute

// A sharedLook is one look, and those who wait for it.
type sharedLook[T any] struct {
	ctx     context.Context // of whoever asked first, as far as its deadline goes
	cancel  context.CancelFunc
	ask     func(context.Context) (T, error)
	hurried bool // its deadline is that of whoever asked first
	waiting int

	done chan struct{}
	v    T
	err  error
}

// get answers with what a look finds that begins after the call. It returns when
// ctx ends. What it returns is everybody's: nobody may change it.
func (s *shared[T]) get(ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	for {
		l := s.join(ctx, ask)
		select {
		case <-l.done:
		case <-ctx.Done():
			s.leave(l)
			var none T
			return none, errors.WithStack(ctx.Err())
		}
		if l.err == nil || !l.hurried || l.ctx.Err() == nil || ctx.Err() != nil {
			return l.v, l.err
		}
		// It was another's time that ran out.
	}
}

// join joins the next look, and begins it where none is under way.
func (s *shared[T]) join(ctx context.Context, ask func(context.Context) (T, error)) *sharedLook[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = newLook(ctx, ask)
	}
	l := s.next
	l.waiting++
	if !s.running {
		s.soon()
	}
	return l
}

// soon begins the next look, with who comes to want it in the same moment, and in the
// moment after that. The lock is held.
func (s *shared[T]) soon() {
	if s.crowd == nil || s.crowd.atWork.Load() < 2 {
		s.begin()
		return
	}
	s.running = true
	s.await(s.next, mostMoments)
}

// await begins a look once a moment has passed in which nobody has joined it and none is
// on his way, or all of the moments have. The lock is held.
func (s *shared[T]) await(l *sharedLook[T], moments int) {
	came := l.waiting
	time.AfterFunc(moment, func() {
		s.mu.Lock()
		if s.next == l && moments > 1 && (l.waiting > came || s.crowd.coming.Load() > 0) {
			s.await(l, moments-1)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.ready()
	})
}

func newLook[T any](ctx context.Context, ask func(context.Context) (T, error)) *sharedLook[T] {
	l := &sharedLook[T]{ask: ask, done: make(chan struct{})}
	budget := lookBudget
	if end, ok := ctx.Deadline(); ok && time.Until(end) < budget {
		budget, l.hurried = time.Until(end), true
	}
	l.ctx, l.cancel = context.WithTimeout(context.WithoutCancel(ctx), budget)
	return l
}

// begin begins the next look. The lock is held.
func (s *shared[T]) begin() {
	l := s.next
	s.running, s.next = true, nil
	go func() {
		begun := time.Now()
		l.v, l.err = l.ask(l.ctx)
		close(l.done)
		if s.apart != nil {
			time.AfterFunc(s.apart(time.Since(begun)), s.ready)
			return
		}
		s.ready()
	}()
}

// ready begins the next look, if somebody waits for it.
func (s *shared[T]) ready() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running = false; s.next != nil {
		s.begin()
	}
}

// leave ends a look that nobody waits for any more.
func (s *shared[T]) leave(l *sharedLook[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.waiting--; l.waiting > 0 {
		return
	}
	l.cancel()
	if s.next == l {
		s.next = nil
	}
}

// A host is the System of a Sweeper, looked at together.
type host struct {
	System
	blocks     shared[[]sysfs.Block]
	devices    shared[[]sysfs.SCSIDevice]
	looks      shared[*scene]
	usages     shared[usage]
	closer     shared[usage] // the mappings included
	openers    shared[sysfs.Openers]
	mappings   shared[sysfs.Openers]
	tables     shared[[]multipath.Table]
	partitions shared[[]multipath.PartitionMap]
	topology   shared[*multipath.Topology]
	paths      shared[[]multipath.DaemonPath]
	links      shared[[]diskbyid.Link]

	byID    *diskbyid.Dir
	targets inventories

	crowd *crowd

	turns chan struct{} // see turn
	going rooms         // deletes, see deletesPerHost
}

func newHost(sys System) *host {
	h := &host{System: sys, crowd: &crowd{}, byID: diskbyid.New(sys.FS), turns: make(chan struct{}, flushesAtOnce)}
	h.closer.apart, h.targets.apart = h.gathering, h.gathering
	h.closer.crowd, h.targets.crowd = h.crowd, h.crowd
	return h
}

// gathering is the rest after a look at what costs the same for one LU and for many:
// others may come to want the next one. It is short enough not to be felt by a LU
// that is alone. While maps are being flushed others do come, and the processor has
// better things to do.
func (h *host) gathering(took time.Duration) time.Duration {
	if len(h.turns) > 0 {
		return fresh / 2
	}
	return min(took, fresh/2)
}

// A crowd is those who come to want a look at about the same time, as they do who have
// just begun, or whose looks were one and are too old together. A look waits for them a
// moment: else it would be for one of them alone, and the others' had to wait for its
// end.
type crowd struct {
	atWork atomic.Int32 // how many LUs are being cleared
	coming atomic.Int32 // and have not looked at the host yet
}

// begin counts one in, until he has done his work; arrive is for when he comes to look.
func (c *crowd) begin() (arrive, done func()) {
	c.atWork.Add(1)
	c.coming.Add(1)
	arrive = sync.OnceFunc(func() { c.coming.Add(-1) })
	return arrive, func() { arrive(); c.atWork.Add(-1) }
}

// A moment is long enough for many to come who have the same reason, and not felt by
// one alone.
const moment, mostMoments = 25 * time.Millisecond, 10

// unhurried is the same host for those who only wait until something has gone.
// However many they are, they spend no more than half of the time on looking, and no
// more than a fifth while maps are being flushed: what they wait for needs the
// processor, too.
func (h *host) unhurried() *host {
	u := newHost(h.System)
	u.byID = h.byID
	rest := func(took time.Duration) time.Duration {
		if len(h.turns) > 0 {
			took *= 4
		}
		return min(max(took, leastRest), mostRest)
	}
	u.blocks.apart, u.devices.apart, u.paths.apart, u.links.apart = rest, rest, rest, rest
	return u
}

// leastRest is for looks that take next to no time here, and some of multipathd's; and
// mostRest for those that something held up, which must not hold up the next one.
const leastRest, mostRest = 20 * time.Millisecond, 2 * time.Second

func (h *host) Blocks(ctx context.Context) ([]sysfs.Block, error) {
	return h.blocks.get(ctx, h.FS.Blocks)
}

func (h *host) SCSIDevices(ctx context.Context) ([]sysfs.SCSIDevice, error) {
	return h.devices.get(ctx, h.FS.SCSIDevices)
}

// Openers are those of every block device.
func (h *host) Openers(ctx context.Context) (sysfs.Openers, error) {
	return h.openers.get(ctx, func(ctx context.Context) (sysfs.Openers, error) { return h.FS.Openers(ctx, nil) })
}

// Mappings are those of every block device.
func (h *host) Mappings(ctx context.Context) (sysfs.Openers, error) {
	return h.mappings.get(ctx, func(ctx context.Context) (sysfs.Openers, error) { return h.FS.Mappings(ctx, nil) })
}

func (h *host) Tables(ctx context.Context) ([]multipath.Table, error) {
	return h.tables.get(ctx, h.Kernel.Tables)
}

func (h *host) Partitions(ctx context.Context) ([]multipath.PartitionMap, error) {
	return h.partitions.get(ctx, h.Kernel.Partitions)
}

func (h *host) Topology(ctx context.Context) (*multipath.Topology, error) {
	return h.topology.get(ctx, h.Daemon.Topology)
}

// Links are those of /dev/disk/by-id.
func (h *host) Links(ctx context.Context) ([]diskbyid.Link, error) {
	return h.links.get(ctx, h.byID.List)
}

// Paths are those that multipathd lists.
func (h *host) Paths(ctx context.Context) ([]multipath.DaemonPath, error) {
	return h.paths.get(ctx, h.Daemon.Paths)
}
