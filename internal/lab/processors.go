package main

import "sync"

// The processors that guests may run on. A guest runs on one of them: its kernel and
// its processes take turns at every system call, which on two processors costs a
// wake-up of a sleeping one each time, and up to ten times the time on a quiet machine.
type processors struct {
	mu     sync.Mutex
	guests map[int]int // how many there are on each
}

func newProcessors(allowed []int) *processors {
	p := &processors{guests: map[int]int{}}
	for _, cpu := range allowed {
		p.guests[cpu] = 0
	}
	return p
}

// take is the one with the fewest guests, until it is given back; -1 where it is not
// known which there are.
func (p *processors) take() (cpu int, giveBack func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cpu = -1
	for c, n := range p.guests {
		if cpu < 0 || n < p.guests[cpu] || n == p.guests[cpu] && c < cpu {
			cpu = c
		}
	}
	if cpu < 0 {
		return cpu, func() {}
	}
	p.guests[cpu]++
	return cpu, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.guests[cpu]--
	}
}
