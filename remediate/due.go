package remediate

import (
	"context"
	"sync"
	"time"
)

// dueLooks are the looks by which the runs of one plan find out, each for its own
// LU, whether both keys still hold: one look for all that want to know at about
// the same time. They look by the plan's rule, and so belong to one execution.
type dueLooks struct {
	looks shared[dueLook]

	mu     sync.Mutex
	wanted map[int]func(*Facts) bool // of those who wait
	last   int
}

// A dueLook is what was found, and when the look had begun and was over: it is too old
// for all of them at once, who then share the next one.
type dueLook struct {
	found []Device
	begun time.Time
	at    time.Time
}

func newDueLooks(h *host) *dueLooks {
	d := &dueLooks{wanted: map[int]func(*Facts) bool{}}
	d.looks.apart, d.looks.crowd = h.gathering, h.crowd
	return d
}

// look is a survey that begins after the call, of the LUs that wanted chooses,
// and of others.
func (d *dueLooks) look(ctx context.Context, s *Sweeper, wanted func(*Facts) bool) (dueLook, error) {
	s.tell(Event{Kind: EventLook})
	defer d.leave(d.enter(wanted))
	return d.looks.get(ctx, func(ctx context.Context) (dueLook, error) {
		begun := time.Now()
		sv, err := s.examine(ctx, d.all(), true)
		if err != nil {
			return dueLook{}, err
		}
		return dueLook{sv.Devices, begun, time.Now()}, nil
	})
}

func (d *dueLooks) enter(wanted func(*Facts) bool) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	d.wanted[d.last] = wanted
	return d.last
}

func (d *dueLooks) leave(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.wanted, n)
}

// all chooses what anybody wants who waits now.
func (d *dueLooks) all() func(*Facts) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []func(*Facts) bool
	for _, w := range d.wanted {
		all = append(all, w)
	}
	return func(f *Facts) bool {
		for _, wanted := range all {
			if wanted(f) {
				return true
			}
		}
		return false
	}
}
