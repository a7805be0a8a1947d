package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lunsweep/lunsweep/remediate"
)

// A progress tells on standard error what a Sweeper does: on a terminal with a
// last line that says what is waited for and since when, else in plain lines.
// observe only queues, so that a terminal that is held up holds up nothing.
type progress struct {
	mu     sync.Mutex
	queue  []remediate.Event
	wake   chan struct{}
	pauses chan chan struct{}
	ended  chan struct{}
	once   sync.Once
	screen *screen
}

// newProgress starts a progress on w.
func newProgress(w io.Writer) *progress {
	p := &progress{
		wake: make(chan struct{}, 1), pauses: make(chan chan struct{}), ended: make(chan struct{}),
		screen: &screen{w: w, live: isTerminal(w), open: map[string]*waiting{}},
	}
	go p.loop()
	return p
}

// observe takes an event; it never blocks.
func (p *progress) observe(e remediate.Event) {
	p.mu.Lock()
	p.queue = append(p.queue, e)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// pause clears the last line, so that others may write, until the next event.
func (p *progress) pause() {
	done := make(chan struct{})
	select {
	case p.pauses <- done:
		<-done
	case <-p.ended:
	}
}

// stop writes what is still queued and ends the progress.
func (p *progress) stop() {
	p.pause()
	p.once.Do(func() { close(p.ended) })
}

func (p *progress) loop() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.wake:
			p.drain()
		case now := <-tick.C:
			p.screen.refresh(now)
		case done := <-p.pauses:
			p.drain()
			p.screen.rest()
			close(done)
		case <-p.ended:
			return
		}
	}
}

func (p *progress) drain() {
	p.mu.Lock()
	events := p.queue
	p.queue = nil
	p.mu.Unlock()
	for _, e := range events {
		p.screen.event(e)
	}
}

// A screen is what a progress writes on. One goroutine uses it.
type screen struct {
	w     io.Writer
	live  bool
	open  map[string]*waiting
	order []string // keys of open, oldest first
	drawn bool
}

// A waiting is something that has begun and not ended.
type waiting struct {
	what  string
	since time.Time
	told  time.Time // when a plain line last said so
}

// patience is after how long a plain line says that something still goes on.
const patience = 5 * time.Second

func (s *screen) event(e remediate.Event) {
	step := fmt.Sprintf("%s %s", e.Action, e.Target)
	key := e.WWID + " " + step
	switch e.Kind {
	case remediate.EventLook:
		s.begin("look", "looking at the host", e.Time)
	case remediate.EventWait:
		s.begin("look", e.Detail, e.Time)
		if !s.live {
			s.say("waiting: " + e.Detail)
		}
	case remediate.EventBegin:
		s.end("look")
		s.begin(key, step, e.Time)
	case remediate.EventEnd:
		s.end(key)
		s.say(endWords(e, step))
	case remediate.EventDone:
		s.end("look")
		s.say(e.WWID + ": " + e.Outcome)
	}
	s.draw(e.Time)
}

func endWords(e remediate.Event, step string) string {
	line := fmt.Sprintf("%s: %s in %s", step, e.Outcome, brief(e.For))
	if e.Error != "" {
		line += ": " + e.Error
	}
	return line
}

func (s *screen) begin(key, what string, at time.Time) {
	s.end(key)
	s.open[key] = &waiting{what: what, since: at, told: at}
	s.order = append(s.order, key)
}

func (s *screen) end(key string) {
	if s.open[key] == nil {
		return
	}
	delete(s.open, key)
	for i, k := range s.order {
		if k == key {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
			return
		}
	}
}

// say writes a line that stays.
func (s *screen) say(line string) {
	s.clear()
	fmt.Fprintln(s.w, "  "+line)
}

// refresh draws the last line anew, or says in a plain line that something
// takes its time.
func (s *screen) refresh(now time.Time) {
	if s.live {
		s.draw(now)
		return
	}
	for _, key := range s.order {
		if w := s.open[key]; now.Sub(w.told) >= patience {
			w.told = now
			s.say("still waiting: " + w.words(now))
		}
	}
}

// draw writes the line that says what is waited for longest.
func (s *screen) draw(now time.Time) {
	if !s.live {
		return
	}
	s.clear()
	if len(s.order) == 0 {
		return
	}
	line := "  " + s.open[s.order[0]].words(now)
	if n := len(s.order) - 1; n > 0 {
		line += fmt.Sprintf(", and %d more", n)
	}
	// A line that wraps could not be cleared again.
	fmt.Fprint(s.w, line[:min(len(line), 79)])
	s.drawn = true
}

func (w *waiting) words(now time.Time) string {
	return fmt.Sprintf("%s, since %s (%s)", w.what, w.since.UTC().Format("15:04:05 UTC"), max(now.Sub(w.since), 0).Round(time.Second))
}

func (s *screen) clear() {
	if s.drawn {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.drawn = false
	}
}

// rest clears the screen's last line and forgets what was going on.
func (s *screen) rest() {
	s.clear()
	s.open, s.order = map[string]*waiting{}, nil
}
