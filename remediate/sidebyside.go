package remediate

import (
	"context"
	"sync"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/multipath"
)

// How much is done at once. What is counted here sleeps in the kernel, or in an
// array, and not on a processor, so the number of processors says nothing.
const (
	// askedAtOnce is how many LUs are asked or read side by side. It is more
	// than one array's outage is likely to hang, so that what hangs costs one
	// time-out altogether and holds nobody else up.
	askedAtOnce = 64
	// commandsAtOnce is how many SCSI commands may be under way, and so be
	// stuck, at once: all paths of askedAtOnce LUs of 16 paths. Each holds a
	// thread.
	commandsAtOnce = 16 * askedAtOnce
	// flushesAtOnce is for multipathd, which carries out one order after the
	// other: one that it is at, and one that waits for it to be done. More would
	// only use up their time in its queue.
	flushesAtOnce = 2
	// deletesPerHost is for the kernel, which deletes the devices of one SCSI host
	// one after the other (scan_mutex).
	deletesPerHost = 4
	// Most of the time that a LU takes it waits for a turn, or for a look at the
	// whole host, which costs the same for one LU and for all that want it at the
	// same time.
	lusPerHost, fewestLUs, mostLUs = 32, 8, 64
	// waitingAtOnce is how many LUs may wait, with their locks held, until
	// multipathd and udev have heard of the end of their devices.
	waitingAtOnce = 64
)

// A room has so many seats.
type room chan struct{}

// A seat in a room is somebody's until he leaves.
type seat struct{ in room }

// enter waits for a seat.
func (r room) enter() *seat {
	r <- struct{}{}
	return &seat{r}
}

// within waits for a seat until ctx ends.
func (r room) within(ctx context.Context) (*seat, error) {
	select {
	case r <- struct{}{}:
		return &seat{r}, nil
	case <-ctx.Done():
		return nil, errors.WithStack(ctx.Err())
	}
}

// rooms are one of a size for each key.
type rooms struct {
	mu sync.Mutex
	by map[int]room
}

func (r *rooms) of(key, size int) room {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[int]room{}
	}
	if r.by[key] == nil {
		r.by[key] = make(room, size)
	}
	return r.by[key]
}

func (p *seat) leave() { <-p.in }

// change leaves the room as soon as there is a seat in another.
func (p *seat) change(to room) {
	if p.in == to {
		return
	}
	to <- struct{}{}
	p.leave()
	p.in = to
}

// each calls do for the chosen LUs side by side.
func (s *Sweeper) each(lus []*Facts, chosen func(*Facts) bool, do func(*Facts)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, askedAtOnce)
	for _, f := range lus {
		if !chosen(f) {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() { defer func() { <-slots }(); do(f) })
	}
	wg.Wait()
}

// sideBySide is how many of the targets are worked on at once.
func (s *Sweeper) sideBySide(targets []Target) int {
	if s.opt.parallel > 0 {
		return s.opt.parallel
	}
	hosts := map[int]bool{}
	for _, t := range targets {
		for _, p := range t.Paths {
			hosts[p.HCTL.Host] = true
		}
	}
	return min(max(lusPerHost*len(hosts), fewestLUs), mostLUs)
}

// errNoTurn is a flush that was not sent, because others were under way for all
// the time there was.
var errNoTurn = errors.WithMessage(multipath.ErrBusy, "the flushes before it have not come back")

// turn waits until one more flush may be given to multipathd. Device-mapper takes
// any number.
func (h *host) turn(ctx context.Context) (done func(), err error) {
	if h.Daemon.Backend() == "dm" {
		return func() {}, nil
	}
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, errNoTurn
	}
}
